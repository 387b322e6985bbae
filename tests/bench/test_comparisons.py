"""Ablation and factor graph: every change is one, and a small world runs through."""

import pytest

from emotide.bench import ablation, factor_graph, logs
from emotide.bench.bench import Composite
from emotide.bench.kept import Runner
from emotide.demo.config import TownConfig
from emotide.model import NetworkConfig
from emotide.train import TrainConfig


@pytest.mark.parametrize("name", ablation.CHANGES)
def test_a_change_is_of_fields_that_differ_by_default(name):
    change = ablation.CHANGES[name]
    assert (name == "full") == (not change.network and not change.train)
    for given, config in ((change.network, NetworkConfig()), (change.train, TrainConfig())):
        for field, value in given.items():
            assert getattr(config, field) != value


@pytest.mark.parametrize("log", logs.LOGS)
def test_every_log_takes_every_change(log):
    recipe = logs.LOGS[log].recipe(3)
    assert recipe.train.seed == 3
    for change in ablation.CHANGES.values():
        found = ablation.changed(recipe, change)
        assert all(getattr(found.network, field) == value for field, value in change.network.items())
        assert all(getattr(found.train, field) == value for field, value in change.train.items())


def test_differences_are_seed_by_seed():
    def one(*values):
        return {"seeds": [0, 1], "seconds": [1.0, 3.0], "dev_score": [0.5, 0.5],
                "scores": {"hidden": {"forecast": {"auc": list(values)}}}}  # fmt: skip

    found = ablation.table({"full": one(0.5, 0.7), "less": one(0.4, 0.8), "none": one(None, 0.8)})
    assert found["seeds"] == [0, 1]
    assert found["full"]["seconds"] == [2.0, 1.0]
    assert found["full"]["hidden"]["forecast"]["auc"] == {"score": [0.6, 0.1], "difference": [0.0, 0.0]}
    assert found["less"]["hidden"]["forecast"]["auc"] == {"score": [0.6, 0.2], "difference": [0.0, 0.1]}
    assert found["none"]["hidden"]["forecast"]["auc"] == {"score": None, "difference": None}


@pytest.fixture
def hamlet(monkeypatch, tmp_path):
    """A town of twelve, and one epoch of training."""
    monkeypatch.setattr(logs, "TownConfig", lambda seed: TownConfig(seed=seed, people=12, days=20))
    brief = {"epochs": 1, "updates": 4}

    def recipe(seed):
        return logs.town_recipe(seed).changed({"text_width": 8}, train=brief)

    town = logs.Compared(None, "ekman_neutral", ("hidden", "known"), recipe, logs.town)
    for module in (ablation, factor_graph):
        monkeypatch.setattr(module, "LOGS", {"town": town})
    return Runner(tmp_path, [0], lambda line: None, lambda done, total, what: None)


def test_a_town_is_compared(hamlet, monkeypatch):
    monkeypatch.setattr(factor_graph, "TRIALS", 1)
    only = Composite("one", {"town": factor_graph.BENCH.parts["town"]}, factor_graph.joined)
    found = hamlet.figures("factor_graph", only)
    for reports in ("hidden", "known"):
        for method in ("ours", "factor_graph"):
            mean, sd = found["town"][reports][method]["recognition"]["accuracy"]
            assert 0 < mean < 1
            assert sd == 0
    assert found["town"]["train_seconds"]["factor_graph"][0] > 0
    counts = found["hand_set_assumptions"]
    assert counts["factor_graph"] == len(found["assumptions"]["factor_graph"]) + len(found["assumptions"]["shared"])
    assert counts["factor_graph"] > counts["ours"] > 0


def test_a_part_is_taken_away(hamlet):
    town = ablation.BENCH.parts["town"]
    some = Composite("two", {name: town.parts[name] for name in ("full", "gru_cells")}, town.joined)
    found = hamlet.figures("ablation.town", some)
    assert set(found) == {"seeds", "full", "gru_cells"}
    differences = {
        name: [
            found[name][reports][task][metric]["difference"]
            for reports in ("hidden", "known")
            for task in ("recognition", "forecast")
            for metric in ablation.METRICS
        ]
        for name in ("full", "gru_cells")
    }
    assert differences["full"] == [[0.0, 0.0]] * 12
    assert differences["gru_cells"] != differences["full"]
    assert found["gru_cells"]["seconds"][0] > 0
