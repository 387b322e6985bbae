"""A timeline compiled in pieces, or into files, is the one compiled at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from emotide.timeline import Timeline, TimelineConfig, compile_timeline, meetings, neighbours
from emotide.timeline.events import Events
from emotide.timeline.growing import GrowingArray

NAMES = "abcde"
who, when = st.sampled_from(NAMES), st.integers(0, 7)
network = st.sampled_from([{"network": "x"}, {"network": "y"}])
CONTACTS = st.lists(st.tuples(who, who, when, st.sampled_from(["like", "poke"]), network), max_size=40)
TIES = st.lists(
    st.tuples(who, who, st.none() | when, st.none() | when, network).filter(lambda tie: tie[0] != tie[1]), max_size=6
)


def same(one, other):
    for name in Events.__annotations__:
        if name != "step":
            mine, theirs = getattr(one.events, name), getattr(other.events, name)
            assert mine.dtype == theirs.dtype
            assert_array_equal(mine, theirs, name)
    for name, step in one.events.step.items():
        assert_array_equal(step, other.events.step[name], name)


@settings(max_examples=60, deadline=None)
@given(CONTACTS, TIES, st.integers(1, 3), st.integers(0, 5), st.integers(1, 9))
def test_pieces_of_any_size_make_the_same_timeline(tables, contacts, ties, most, memory, size):
    config = TimelineConfig(step="1h", max_neighbours=most, neighbour_memory=memory)
    posts = [(f"{user}{step}", user, step, {"network": "x"}) for user in NAMES for step in range(8)]
    log = tables(posts=posts, interactions=contacts, ties=ties)
    whole = compile_timeline(log, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "PIECE", size)
        patch.setattr(meetings, "BLOCK", size)
        same(compile_timeline(log, config), whole)


def test_a_timeline_compiled_into_a_folder_is_the_one_compiled_in_memory(tables, tmp_path, monkeypatch):
    contacts = [(NAMES[k % 5], NAMES[k % 3], k % 7, "like") for k in range(60)]
    log, config = tables(interactions=contacts), TimelineConfig(step="1h", max_neighbours=2)
    whole = compile_timeline(log, config)
    monkeypatch.setattr(neighbours, "PIECE", 3)
    mapped = compile_timeline(log, config, folder=tmp_path)
    assert isinstance(mapped.events.pair_kinds, np.memmap)
    same(mapped, whole)
    mapped.save(tmp_path)
    same(Timeline.load(tmp_path), whole)
    mapped.save(tmp_path / "elsewhere")
    same(Timeline.load(tmp_path / "elsewhere"), whole)


@pytest.mark.parametrize("width", [(), (3,)])
@pytest.mark.parametrize("lengths", [[], [0], [2, 0, 5], [12, 100]])
def test_an_array_grows_in_a_file_as_in_memory(tmp_path, width, lengths):
    rng = np.random.default_rng(0)
    pieces = [rng.integers(0, 9, (n, *width)).astype(np.int32) for n in lengths]
    held, kept = GrowingArray(np.int32, width), GrowingArray(np.int32, width, tmp_path / "rows.npy")
    for piece in pieces:
        held.add(piece)
        kept.add(piece)
    assert_array_equal(held.whole(), np.concatenate([np.zeros((0, *width), np.int32), *pieces]))
    assert_array_equal(kept.whole(), held.whole())
    assert_array_equal(np.load(tmp_path / "rows.npy"), held.whole())
