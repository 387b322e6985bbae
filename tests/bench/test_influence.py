"""The bench of influence: its rivals and sums by hand, and the whole of it on a town of a dozen."""

import numpy as np
import pytest

from emotide.bench import influence
from emotide.bench.influence import _of_ties, auc, lagged_correlation


def test_lagged_correlation_is_of_days_on_which_both_reported():
    rng = np.random.default_rng(0)
    reports = rng.normal(size=(40, 3, 3))
    reports[1:, 1] = -2 * reports[:-1, 0] + 1
    reports[::7, 0] = np.nan
    found = lagged_correlation(reports, np.array([0, 1, 2]), np.array([1, 0, 1]))
    assert found[0] == pytest.approx(1)
    x, y = reports[:-1, 2], reports[1:, 1]
    both = ~np.isnan(x).any(1) & ~np.isnan(y).any(1)
    assert found[2] == pytest.approx(abs(np.mean([np.corrcoef(x[both, k], y[both, k])[0, 1] for k in range(3)])))
    assert lagged_correlation(np.full((9, 2, 3), np.nan), np.array([0]), np.array([1])) == [0]


def test_sums_of_ties():
    got = _of_ties(
        3, np.array([0, 0, 2]), np.array([1, 1, 0]), np.array([1.0, 2.0, 5.0]), np.array([0, 1]), np.array([1, 0])
    )
    assert got.tolist() == [3, 0]
    assert auc(np.array([1, 2, 2, 3]), np.array([False, True, False, True])) == 0.875


@pytest.fixture
def small(monkeypatch):
    recipe = influence.recipe
    monkeypatch.setattr(influence, "TOWN", influence.TOWN.model_copy(update={"people": 12, "days": 24}))
    monkeypatch.setattr(influence, "recipe", lambda seed: recipe(seed).changed({}, train={"epochs": 1, "updates": 2}))


def test_the_whole_on_a_small_town(small, tmp_path):
    said = []
    found = influence.BENCH.run(tmp_path, [0], said.append, lambda done, total, what: None)
    for name in ("influence_auc", "lagged_correlation_auc", "counterfactual_auc", "oracle_auc", "influence_null_auc"):
        mean, sd = found[name]
        assert 0 <= mean <= 1
        assert sd == 0
    assert set(found["forecast_gain"]) == {"contagion", "none"}
    assert [line.split(":")[0] for line in said] == ["seed 0, contagion", "seed 0, none"]
