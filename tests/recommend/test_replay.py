from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.errors import BadInput
from emotide.recommend import Replay, Transitions


def numbered(first: int, n: int) -> Transitions:
    """Transitions whose every column tells their number."""
    k = np.arange(first, first + n)
    H = np.stack([k, -k], 1).astype(np.float32)
    return Transitions(H, k, k.astype(np.float32), H + 1, k % 2 == 0, (k / 1000).astype(np.float32))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=25))
def test_feedback_is_linked_to_the_users_next(rows):
    user, time = np.array([u for u, _ in rows], "<U1"), np.array([t for _, t in rows], np.int64)
    n = np.arange(len(rows))
    got = Transitions.from_feedback(user, time, n[:, None] * 1.0, n, n * 2.0, n / 100)
    at = 0
    for who in "abc":  # slow and literal
        mine = sorted((k for k in n if user[k] == who), key=lambda k: time[k])  # sorted() keeps the order of equals
        for place, k in enumerate(mine):
            last = place == len(mine) - 1
            assert got.item[at] == k
            assert (got.state[at, 0], got.reward[at]) == (k, 2 * k)
            assert got.propensity[at] == np.float32(k / 100)
            assert got.done[at] == last
            if not last:
                assert got.next_state[at, 0] == mine[place + 1]
            at += 1
    assert len(got) == at == len(rows)


def test_a_log_without_propensity_says_so():
    got = Transitions.from_feedback(np.array([1]), np.array([0]), np.zeros((1, 2)), np.array([0]), np.array([1.0]))
    assert np.isnan(got.propensity).all()


@given(st.integers(1, 9), st.lists(st.integers(0, 20), max_size=8))
def test_the_ring_holds_the_last(capacity, sizes):
    memory, twin, first = Replay(capacity, 2), deque(maxlen=capacity), 0
    for size in sizes:
        memory.add(numbered(first, size))
        twin.extend(range(first, first + size))
        first += size
        assert len(memory) == len(twin)
        if twin:
            drawn = memory.sample(400)
            assert set(drawn.item) <= set(twin)
            assert len(twin) > 9 or set(drawn.item) == set(twin)
            assert memory.sample(3, newest=True).item[0] == twin[-1]
            # the columns of a row stay together
            whole = numbered(0, first)[drawn.item]
            np.testing.assert_array_equal(drawn.state, whole.state)
            np.testing.assert_array_equal(drawn.next_state, whole.next_state)
            np.testing.assert_array_equal(drawn.done, whole.done)
            np.testing.assert_array_equal(drawn.propensity, whole.propensity)


def test_every_transition_is_as_likely():
    memory, n = Replay(20, 2, seed=3), 40_000
    memory.add(numbered(0, 33))
    counts = np.bincount(memory.sample(n).item, minlength=33)
    assert not counts[:13].any()
    chi2 = ((counts[13:] - n / 20) ** 2 / (n / 20)).sum()
    assert chi2 < 43.8  # 0.999 quantile at 19 degrees of freedom


def test_the_seed_decides_what_is_replayed():
    def drawn(seed: int) -> list[int]:
        memory = Replay(50, 2, seed)
        memory.add(numbered(0, 50))
        return memory.sample(20).item.tolist()

    assert drawn(1) == drawn(1) != drawn(2)


def test_an_empty_memory_says_so():
    with pytest.raises(BadInput, match="nothing to replay"):
        Replay(5, 2).sample(1)
