"""The reliability diagram holds the bins of the calibration error, and is drawn."""

import numpy as np
import pytest

from emotide.errors import BadInput
from emotide.train.metrics import calibration_error
from emotide.train.reliability import draw, reliability


def test_the_bins_are_those_of_the_calibration_error():
    rng = np.random.default_rng(0)
    said, truth = rng.dirichlet(np.ones(3), 200), rng.integers(0, 3, 200)
    bins = reliability(said.max(1), said.argmax(1) == truth)
    assert bins["n"].sum() == 200
    gaps = (bins["confidence"] - bins["right"]).abs() * bins["n"] / 200
    assert gaps.sum() == pytest.approx(calibration_error(said, truth))


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_picture_is_drawn(tmp_path, ending):
    file = tmp_path / f"reliability{ending}"
    bins = reliability(np.array([0.4, 0.9]), np.array([True, False]))
    draw({"recognition": bins, "forecast": bins}, "town", file)
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending]
    assert file.read_bytes().startswith(begins)


def test_without_matplotlib_it_is_told(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BadInput, match=r"emotide\[plot\]"):
        draw({}, "town", tmp_path / "a.png")
