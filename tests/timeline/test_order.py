"""The order in which a log's rows come does not matter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from emotide.timeline import TimelineConfig, compile_timeline
from emotide.timeline.events import Events, Labels

NAMES = ["ana", "bo", "cy"]
who, hour = st.sampled_from(NAMES), st.integers(0, 6).map(lambda half: half / 2)
network = st.sampled_from([{"network": "x"}, {"network": "y"}])
pair = st.permutations(NAMES).map(lambda names: tuple(names[:2]))
POSTS = st.lists(st.tuples(who, hour, network), min_size=1, max_size=8)
INTERACTIONS = st.lists(st.tuples(pair, hour, st.sampled_from(["like", "poke", "wave"]), network), max_size=10)
TIES = st.lists(st.tuples(pair, st.none() | hour, st.none() | hour, network), max_size=4)
LABELS = st.lists(st.tuples(who, hour, st.sampled_from(["joy", "fear", "calm"]), network), max_size=10)


@pytest.mark.parametrize("step", ["1h", "turn"])
@settings(max_examples=40, deadline=None)
@given(POSTS, INTERACTIONS, TIES, LABELS, st.randoms())
def test_shuffled_rows_give_the_same_timeline(tables, step, posts, interactions, ties, labels, random):
    log = {
        "posts": [(f"p{k}", *row) for k, row in enumerate(posts)],
        "interactions": [(*pair, *rest) for pair, *rest in interactions],
        "ties": [(*pair, *rest) for pair, *rest in ties],
        "labels": [(*row[:3], row[3] | {"weight": 1.0 + k}) for k, row in enumerate(labels)],
    }
    config = TimelineConfig(step=step, max_neighbours=2, max_kinds=2)
    first = compile_timeline(tables(**log), config)
    second = compile_timeline(tables(**{name: random.sample(rows, len(rows)) for name, rows in log.items()}), config)
    for name in ("users", "networks", "posts", "clock"):
        assert getattr(first, name).equals(getattr(second, name))
    assert (first.kinds, first.spaces) == (second.kinds, second.spaces)
    for name in Events.__annotations__:
        if name != "step":
            assert_array_equal(getattr(first.events, name), getattr(second.events, name), name)
    for space in first.spaces:
        for name in Labels.__annotations__:
            assert_array_equal(getattr(first.labels[space], name), getattr(second.labels[space], name), name)


@pytest.mark.parametrize("step", ["1h", "turn"])
def test_a_later_row_changes_nothing_before_it(tables, step):
    posts = [("p0", "ana", 0), ("p1", "bo", 1), ("p2", "ana", 2)]
    late = compile_timeline(tables(posts=[*posts, ("p3", "bo", 3)]), TimelineConfig(step=step))
    early = compile_timeline(tables(posts=posts), TimelineConfig(step=step))
    for name in ("active_user", "active_elapsed", "pair_source", "pair_known", "pair_elapsed"):
        kept = late.events.step[name.split("_")[0]] < 3
        assert_array_equal(getattr(late.events, name)[kept], getattr(early.events, name))
