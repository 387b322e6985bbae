"""Negatives: random and historical, never what happened, never of another network."""

import numpy as np
import pytest

from emotide.train.candidates import NEGATIVES, candidates


@pytest.fixture(scope="module")
def group(compiled):
    rng, rows = np.random.default_rng(0), set()
    for network in ("x", "y"):
        for _ in range(150):
            i, j = rng.choice(9, 2, replace=False)
            rows.add((f"u{i}", f"u{j}", float(rng.integers(15)), network))
    return compiled(interactions=[(i, j, step, "like", {"network": n}) for i, j, step, n in sorted(rows)]).group()


def drawn(group, seed=0):
    every = np.arange(len(group.events.contact_source))
    return candidates(group, every, every, np.random.default_rng(seed))


def happened(group):
    e = group.events
    return set(zip(e.step["contact"].tolist(), e.contact_source.tolist(), e.contact_target.tolist(), strict=True))


def test_no_negative_happened_in_the_step_and_none_crosses_networks(group):
    found, real = drawn(group), happened(group)
    for kind in NEGATIVES:
        for step, i, j in zip(found.step.tolist(), found.source.tolist(), found.negative[kind].tolist(), strict=True):
            assert (step, i, j) not in real
            assert i != j
            assert group.network[i] == group.network[j]


def test_historical_negatives_met_before_where_anybody_did(group):
    found, real = drawn(group), happened(group)
    rows = zip(found.step.tolist(), found.source.tolist(), found.negative["historical"].tolist(), strict=True)
    for step, i, j in rows:
        before = {b for s, a, b in real if a == i and s < step} - {b for s, a, b in real if (s, a) == (step, i)}
        assert not before or j in before


def test_draws_hang_on_the_seed_alone_and_vary_with_it(group):
    first, again, other = drawn(group, 1), drawn(group, 1), drawn(group, 2)
    for kind in NEGATIVES:
        assert (first.negative[kind] == again.negative[kind]).all()
        assert (first.negative[kind] != other.negative[kind]).any()
    nobody = candidates(group, np.zeros(0, np.int64), np.zeros(0, np.int64), np.random.default_rng(0))
    assert not len(nobody.target)
