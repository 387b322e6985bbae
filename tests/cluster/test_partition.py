"""Parts hold every user, pair, post and label once, and are told of everything that they read of others."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide.cluster.cut import cut
from emotide.cluster.partition import PARTITIONS, SLACK, by_community, by_hash, quality
from emotide.model import Batch
from emotide.timeline import TimelineConfig, compile_timeline


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 3), parts=st.integers(1, 5), dealt=st.integers(0, 2**32 - 1))
def test_everything_is_somewhere_once_and_borders_are_complete(network, seed, parts, dealt):
    timeline, vectors = network(seed=seed, users=5, steps=14)
    part_of = np.random.default_rng(dealt).integers(0, parts, len(timeline.users)).astype(np.int32)
    made = cut(timeline, part_of, parts, vectors.numpy())
    whole, e = timeline.group(), timeline.events
    users = np.concatenate([part.user[: part.guests.users] for part in made])
    assert sorted(users) == list(range(len(timeline.users)))
    sights = [
        (int(step), int(part.user[source]), int(part.user[target]))
        for part in made
        for step, source, target in zip(
            part.timeline.events.step["pair"], part.timeline.events.pair_source, part.timeline.events.pair_target,
            strict=True,
        )
    ]  # fmt: skip
    expected = zip(e.step["pair"].tolist(), e.pair_source.tolist(), e.pair_target.tolist(), strict=True)
    assert sorted(sights) == sorted(expected)
    assert sum(part.guests.pairs for part in made) == whole.pairs
    rows = np.concatenate([part.label_row["ekman"] for part in made])
    assert sorted(rows) == list(range(len(timeline.labels["ekman"].step)))
    for part in made:
        known_as_if_told(part, made, timeline)


def known_as_if_told(part, made, timeline):
    """Follow the lists alone: what a part then holds of each guest is of the guest's latest change."""
    here = part.guests.users
    changed = {}  # user of the whole -> steps
    for user, step in zip(timeline.events.active_user.tolist(), timeline.events.step["active"].tolist(), strict=True):
        changed.setdefault(user, []).append(step)
    held = dict.fromkeys(range(here, len(part.user)), -1)  # guest -> the step up to which it is known
    taken = part.lines["take_user"]
    for step in Batch(part.group()).steps():
        for row in taken[2, taken[0] == step.number].tolist():
            held[row] = step.number
        for row in step.seen.near.tolist():
            if row >= here:
                before = [s for s in changed[int(part.user[row])] if s < step.number]
                assert not before or held[row] > max(before)
    for giver in made:
        gives = giver.lines["give_user"][:, giver.lines["give_user"][1] == part.number]
        takes = taken[:, taken[1] == giver.number]
        np.testing.assert_array_equal(gives[0], takes[0])
        np.testing.assert_array_equal(giver.user[gives[2]], part.user[takes[2]])


def test_communities_are_kept_together_and_parts_stay_even(tables):
    """Two circles that hardly ever meet are found, where a hash cuts half of all pairs."""
    rng, names = np.random.default_rng(0), [f"u{k}" for k in range(40)]
    interactions = []
    for step in range(20):
        for _ in range(40):
            one, other = rng.choice(20, 2, replace=False)
            circle = rng.integers(2)
            across = rng.random() < 0.02
            ends = (names[2 * one + circle], names[2 * other + (1 - circle if across else circle)])
            interactions.append((*ends, step, "like"))
    timeline = compile_timeline(tables(interactions=interactions), TimelineConfig(step="1h"))
    found, dealt = by_community(timeline, 2), by_hash(timeline, 2)
    assert quality(timeline, found).cut_sights < 0.1
    assert quality(timeline, dealt).cut_sights > 0.3
    assert quality(timeline, found).balance <= SLACK + 0.05
    np.testing.assert_array_equal(found, by_community(timeline, 2))


@pytest.mark.parametrize("name", PARTITIONS)
def test_every_user_has_a_part(network, name):
    timeline, _ = network()
    for parts in (2, 3):
        part = PARTITIONS[name](timeline, parts)
        assert len(part) == len(timeline.users)
        assert set(part.tolist()) == set(range(parts))
