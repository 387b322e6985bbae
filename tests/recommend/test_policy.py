import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.recommend.policy import epsilon_greedy, slate_propensity


def enumerated(items: int, top: int, epsilon: float) -> np.ndarray:
    """The probability of every item at every rank, by walking through all slates."""
    P = np.zeros((top, items))

    def walk(left: list[int], rank: int, reached: float) -> None:
        if rank == top:
            return
        for item in left:
            p = reached * (epsilon / len(left) + (1 - epsilon) * (item == left[0]))
            P[rank, item] += p
            walk([other for other in left if other != item], rank + 1, p)

    walk(list(range(items)), 0, 1.0)
    return P


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.7, 1.0])
@pytest.mark.parametrize(("items", "top"), [(1, 1), (2, 2), (5, 1), (5, 5), (6, 3)])
def test_propensity_is_the_sum_over_all_slates(items, top, epsilon):
    np.testing.assert_allclose(slate_propensity(items, top, epsilon), enumerated(items, top, epsilon), atol=1e-12)


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1))
def test_every_rank_holds_one_item(items, top, epsilon):
    P = slate_propensity(items, min(items, top), epsilon)
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(1), 1)
    assert (P.sum(0) <= 1 + 1e-9).all()  # no item stands twice


def test_frequencies_are_the_propensities():
    n, values = 60_000, np.array([0.1, 0.9, 0.4, 0.8, 0.2], np.float32)
    allowed = np.array([True, True, True, False, True])
    got = epsilon_greedy(np.tile(values, (n, 1)), np.tile(allowed, (n, 1)), 3, 0.3, np.random.default_rng(0))
    for rank in range(3):
        for item in range(5):
            here = got.item[:, rank] == item
            said = np.unique(got.propensity[here, rank])
            assert len(said) == (item != 3)  # one propensity for one item at one rank; the barred one never stands
            p = float(said[0]) if len(said) else 0.0
            assert here.mean() == pytest.approx(p, abs=4 * np.sqrt(max(p * (1 - p), 1e-9) / n))


@given(st.integers(0, 4), st.integers(1, 7), st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**31))
def test_a_slate_shows_allowed_items_once(users, items, top, epsilon, seed):
    rng = np.random.default_rng(seed)
    values, allowed = rng.normal(size=(users, items)).astype(np.float32), rng.random((users, items)) < 0.6
    got = epsilon_greedy(values, allowed, top, epsilon, rng)
    for u in range(users):
        count = min(top, int(allowed[u].sum()))
        shown = got.item[u, :count]
        assert len(set(shown)) == count
        assert allowed[u, shown].all()
        assert (got.item[u, count:] == -1).all()
        assert np.isnan(got.value[u, count:]).all()
        assert not got.propensity[u, count:].any()
        np.testing.assert_array_equal(got.value[u, :count], values[u, shown])
        left = [i for i in np.argsort(-values[u]) if allowed[u, i]]
        for rank, item in enumerate(shown):
            assert got.explored[u, rank] == (item != left[0])
            left.remove(item)


def test_without_epsilon_the_best_stand_in_order():
    values = np.array([[0.1, 0.7, 0.7, 0.3]], np.float32)
    got = epsilon_greedy(values, np.ones((1, 4), bool), 4, 0.0, np.random.default_rng(0))
    assert got.item.tolist() == [[1, 2, 3, 0]]  # of equals the first
    assert got.propensity.tolist() == [[1.0] * 4]
    assert not got.explored.any()
    levels = np.random.default_rng(0).integers(0, 3, 500).astype(np.float32)
    got = epsilon_greedy(levels[None], np.ones((1, 500), bool), 500, 0.0, np.random.default_rng(0))
    assert got.item[0].tolist() == sorted(range(500), key=lambda item: -levels[item])  # sorted() keeps equals in order
