"""The guarantee of split conformal prediction holds on rows that are exchangeable, whatever the reading is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.errors import BadInput
from emotide.train.conformal import category_sets, checked_coverage, intervals, limit, strangeness

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("n", [9, 19, 50])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_sets_of_a_bad_reading_hold_the_truth_as_often_as_promised(n, coverage):
    """4000 worlds of n rows set aside and one new row; the probabilities say little of the truth, and that wrongly."""
    rng, held = np.random.default_rng(n), []
    for _ in range(4000):
        truth = rng.choice(4, n + 1, p=[0.6, 0.2, 0.15, 0.05])
        said = rng.dirichlet(np.ones(4) + 2 * (rng.integers(4) == np.arange(4)), n + 1)
        strange = strangeness(said[:n], truth[:n])
        left = 1 - said[n, truth[n]]
        held.append(left <= limit(strange, coverage))
    error = 3 * np.sqrt(coverage * (1 - coverage) / len(held))
    assert coverage - error <= np.mean(held) <= coverage + 1 / (n + 1) + error


def test_intervals_of_a_bad_reading_hold_the_truth_as_often_as_promised():
    rng, held, n, coverage = np.random.default_rng(0), [], 30, 0.9
    for _ in range(4000):
        truth, said = rng.standard_t(3, n + 1), rng.normal(1, 2, n + 1)
        error = np.sort(np.abs(truth - said)[:n])
        low, high = intervals(said[n:], error, coverage, -1e9, 1e9)[0]
        held.append(low <= truth[n] <= high)
    assert coverage - 0.015 <= np.mean(held) <= coverage + 1 / (n + 1) + 0.015


@given(SEEDS, st.integers(1, 60), st.sampled_from([0.5, 0.75, 0.9, 0.95]))
def test_the_limit_is_an_order_statistic(seed, n, coverage):
    """Literally: the least value that at least (n + 1) · coverage of the rows do not exceed."""
    strange = np.sort(np.random.default_rng(seed).random(n))
    enough = [value for value in strange if (strange <= value).sum() >= round((n + 1) * coverage, 9)]
    assert limit(strange, coverage) == (enough[0] if enough else float("inf"))


@given(SEEDS)
def test_sets_grow_with_coverage_and_hold_what_was_decided(seed):
    rng = np.random.default_rng(seed)
    said, decided = rng.dirichlet(np.ones(5), 20), rng.integers(0, 5, 20)
    strange = np.sort(rng.random(40))
    narrow, wide = (category_sets(said, decided, strange, coverage) for coverage in (0.3, 0.9))
    assert (narrow <= wide).all()
    assert narrow[np.arange(20), decided].all()
    for row, held in zip(said, wide, strict=True):
        likely = 1 - row <= limit(strange, 0.9)
        assert (held >= likely).all()
        assert (held ^ likely).sum() <= 1


def test_with_too_few_rows_everything_is_held():
    said = np.array([[0.9, 0.1]])
    assert category_sets(said, np.array([0]), np.array([0.2, 0.3]), 0.9).all()
    assert intervals(np.array([0.3]), np.array([0.1]), 0.9, -1.0, 1.0).tolist() == [[-1, 1]]


def test_intervals_end_where_the_dimension_does():
    assert intervals(np.array([0.9]), np.full(99, 0.3), 0.9, -1.0, 1.0)[0] == pytest.approx([0.6, 1.0])


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 90.0, float("nan")])
def test_coverage_is_between_0_and_1(wrong):
    with pytest.raises(BadInput, match=r"coverage .* is not between 0 and 1"):
        checked_coverage(wrong)
