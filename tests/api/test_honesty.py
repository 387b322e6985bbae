"""What a user sees of the calibration: probabilities, decisions, sets, intervals, the diagram."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from emotide.api import Emotide, SocialLog
from emotide.errors import BadInput
from emotide.train import Calibration


@pytest.fixture(scope="module")
def made(town, command):
    """The town's model, the same without its calibration, and the log; `command` gives the tests' cache."""
    emotide = Emotide.from_pretrained(town.model)
    bare = Emotide(replace(emotide.trained, calibration=Calibration()))
    return emotide, bare, SocialLog.open(town.store)


def test_the_reading_is_what_the_network_decides_on_and_the_columns_are_calibrated(made):
    emotide, bare, log = made
    ours, raw = (model.predict(log, horizon=2) for model in (emotide, bare))
    names = ours.columns[6:]
    likeliest = [names[k] for k in raw.select(names).to_numpy().argmax(1)]
    assert ours["reading"].to_list() == raw["reading"].to_list() == likeliest
    found = emotide.trained.calibration
    for task, rows in (("recognition", pl.col("horizon") == 0), ("forecast", pl.col("horizon") > 0)):
        wanted = found.of("ekman_neutral", "known", task, 7).apply(raw.filter(rows).select(names).to_numpy())
        assert np.allclose(ours.filter(rows).select(names).to_numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("task", ["recognition", "forecast"])
def test_sets_are_the_categories_under_the_limit(made, task):
    emotide, _, log = made
    rows = emotide.predict(log, coverage=0.8, horizon=2)
    rows = rows.filter((pl.col("horizon") > 0) == (task == "forecast"))
    fitted = emotide.trained.calibration.of("ekman_neutral", "known", task, 7)
    names, strange = rows.columns[6:-1], fitted.strange[:, 0]
    allowed = strange[int(np.ceil((len(strange) + 1) * 0.8)) - 1]
    for row in rows.iter_rows(named=True):
        wanted = [name for name in names if 1 - row[name] <= allowed + 1e-6 or name == row["reading"]]
        assert set(row["set"].split("|")) <= set(wanted)
        assert {name for name in names if 1 - row[name] < allowed - 1e-6} <= set(row["set"].split("|"))


def test_intervals_of_dimensions(made):
    emotide, _, log = made
    rows = emotide.predict(log, space="pad", coverage=0.9)
    for row in rows.head(20).iter_rows(named=True):
        parts = dict(part.split(" ") for part in row["set"].split("|"))
        assert list(parts) == ["pleasure", "arousal", "dominance"]
        for name, told in parts.items():
            low, high = map(float, told.split(".."))
            assert -1 <= low <= row[name] + 1e-3
            assert row[name] - 1e-3 <= high <= 1


@pytest.mark.parametrize("space", ["ekman_neutral", "pad"])
def test_coverage_is_told(made, space):
    emotide, bare, log = made
    found = emotide.evaluate(log, space=space, split="dev", baselines=False)["sets"]
    assert found["level"] == 0.9
    for task in ("recognition", "forecast"):
        assert 0.9 <= found[task]["coverage"] <= 1  # dev is where the limit was set
        assert found[task]["size"] > 0
        assert ("spread" in found[task]) == (space == "pad")
    assert bare.evaluate(log, space=space, baselines=False)["sets"] is None


def test_decisions_score_as_before_and_probabilities_better(made):
    emotide, bare, log = made
    ours, raw = (model.evaluate(log, split="dev", baselines=False) for model in (emotide, bare))
    for task in ("recognition", "forecast"):
        assert ours[task]["weighted_f1"] == raw[task]["weighted_f1"]
        assert ours[task]["nll"] < raw[task]["nll"]


def test_a_space_that_was_never_calibrated(made):
    emotide, bare, log = made
    with pytest.raises(BadInput, match=r"space 'plutchik' was never measured.*without --coverage"):
        emotide.predict(log, space="plutchik", coverage=0.9)
    with pytest.raises(BadInput, match=r"coverage 90\.0 is not between 0 and 1"):
        emotide.predict(log, coverage=90.0)
    with pytest.raises(BadInput, match="no intervals to draw"):
        bare.evaluate(log, space="pad", baselines=False, plot=Path("a.png"))
    plain = [model.predict(log, space="plutchik") for model in (emotide, bare)]
    assert plain[0].equals(plain[1])


def test_the_commands(command, town, tmp_path):
    file = tmp_path / "reliability.svg"
    told = command(*town.ask("evaluate", "--no-baselines", "--plot", file))
    assert told.code == 0, told.err
    assert "forecast" in file.read_text()
    assert command(*town.ask("evaluate", "--space", "pad", "--no-baselines", "--plot", file)).code == 0
    told = command(*town.ask("evaluate", "--plot", tmp_path / "a.txt"))
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert "'.txt' names no picture" in told.err
    told = command(*town.ask("evaluate", "--plot", tmp_path / "b" / "a.png"))
    assert "no such folder" in told.err
    rows = command(*town.ask("predict", "--coverage", "0.9", "--json")).json
    assert all(row["reading"] in row["set"].split("|") for row in rows)
    assert command(*town.ask("predict", "--coverage", "2")).code == 1
