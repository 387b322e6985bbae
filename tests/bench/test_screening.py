"""The measurements of screening: their form, and what must be so of any town or set, on very small ones."""

import pytest

from emotide.bench import inside, screening
from emotide.bench.inside import run_inside
from emotide.demo.config import TownConfig
from emotide.vectors.autoencoder import LearningConfig

from .test_media import made_sounds


def quiet(*told) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("bench", ["BENCH", "WORDS"])
def test_screening_tells_accuracy_and_time_of_each_budget(monkeypatch, tmp_path, bench):
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(screening, "TOWN", TownConfig(people=8, days=14, labelled=1.0))
    monkeypatch.setattr(screening, "SHOWING", TownConfig(people=4, days=12, labelled=1.0, pictures=0.4, sounds=0.3))
    monkeypatch.setattr(screening, "TALK", 4.0)
    monkeypatch.setattr(screening, "TRAINING", {"epochs": 1, "updates": 1})
    monkeypatch.setattr(screening, "BUDGETS", (0.2, 1.0))
    found = getattr(screening, bench).run(tmp_path, [0], quiet, quiet)
    assert set(found) == {"0.2", "1.0", "learned", "how"}
    for budget in ("0.2", "1.0"):
        for task in ("recognition", "forecast"):
            assert set(found[budget][task]) == {"ours", "sample", "random", "recent", "first", "full"}
    assert len({tuple(score) for score in found["1.0"]["recognition"].values()}) == 1
    assert found["1.0"]["opened"] == [1, 0]
    assert found["1.0"]["time_ratio"] == [1, 0]
    assert found["0.2"]["opened"][0] < 0.5
    assert found["0.2"]["time_ratio"][0] > 1
    assert found["0.2"]["time_ratio"][0] > found["0.2"]["time_ratio_with_looks"][0]
    assert set(found["learned"]["attention"]) == {"importance", "even", "most"}


def test_inside_tells_recall_error_and_time_of_each_share(monkeypatch, tmp_path):
    monkeypatch.setattr(inside, "SHARES", (0.2, 1.0))
    monkeypatch.setattr(inside, "LearningConfig", lambda **given: LearningConfig(epochs=1))
    made_sounds(tmp_path / "emodb")
    found = run_inside("emodb", tmp_path, [0], quiet, quiet)
    assert found["whole"][0] > 0.9
    assert found["1.0"]["skipped"] == [0, 0]
    assert found["1.0"]["error"]["ours"][0] == pytest.approx(0, abs=1e-3)
    assert found["0.2"]["skipped"][0] > 0.5
    assert found["0.2"]["error"]["ours"][0] > 0
    assert set(found["0.2"]["recall"]) == {"ours", "random"}
