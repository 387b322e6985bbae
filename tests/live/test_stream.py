"""The fold over events gives what the whole log, compiled at once, gives."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide.live import checkpoint
from emotide.live.clock import NOTHING_YET, Clock
from emotide.live.snapshot import Snapshot
from emotide.live.stream import Stream
from emotide.model.trace import SHOWN, trace
from emotide.store.journal import before_journal


@pytest.fixture(scope="module")
def lines(town):
    with town.log.store.connect() as connection:
        return before_journal(connection)


def stream_of(town):
    trained = town.emotide.trained
    return Stream(trained, town.emotide.spaces(), Clock.of(trained.run.timeline, 0.0))


def followed(town, lines, cuts=()):
    """A stream that has taken the lines, cut at these places, and its snapshot."""
    stream = stream_of(town)
    snapshot = Snapshot(town.emotide.trained, stream.census)
    ends = [0, *sorted(cuts), len(lines)]
    for first, last in pairwise(ends):
        for moved in stream.take(lines[first:last]):
            snapshot.publish(moved)
        if first % 3 == 0:
            with stream.tried():
                stream.ahead()
    with stream.tried():
        snapshot.publish(stream.ahead())
    return stream, snapshot


@pytest.fixture(scope="module")
def whole(town, lines):
    return followed(town, lines)


def test_states_readings_and_forecasts_are_those_of_the_compiled_log(town, whole):
    stream, snapshot = whole
    timeline, vectors = town.emotide.compiled(town.log)
    found = trace(town.emotide.trained.model, timeline, vectors, SHOWN["known"], horizon=3)
    names = timeline.users.select("network", "user_id").rows()
    compared = 0
    for user, step, horizon, Y in zip(found.user, found.step, found.horizon, found.Y, strict=True):
        row = stream.census.names.row[names[user]]
        if horizon:
            np.testing.assert_allclose(snapshot.told(row, 3).ahead[horizon - 1], Y, atol=1e-5)
        elif step == snapshot.people.touched[row]:
            np.testing.assert_allclose(snapshot.people.Y[row], Y, atol=1e-5)
            compared += 1
    assert compared == len(names)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_however_the_lines_are_cut_the_states_are_the_same_bit_for_bit(town, lines, whole, cuts):
    stream, snapshot = followed(town, lines, [min(cut, len(lines)) for cut in cuts])
    for mine, theirs in ((stream.census, whole[0].census),):
        np.testing.assert_array_equal(mine.people.H, theirs.people.H)
        np.testing.assert_array_equal(mine.people.shown, theirs.people.shown)
        assert mine.names.names == theirs.names.names
    np.testing.assert_array_equal(snapshot.people.H, whole[1].people.H)
    np.testing.assert_array_equal(snapshot.people.pleasure, whole[1].people.pleasure)


def test_what_is_tried_is_taken_back(town, lines):
    stream = stream_of(town)
    for _ in stream.take(lines[: len(lines) // 2]):
        pass
    before = {name: array.copy() for name, array in stream.census.people.saved().items()}, stream.past
    with stream.tried():
        moved = stream.ahead()
        assert len(moved.users)
        assert not np.array_equal(stream.census.people.touched, before[0]["touched"])
    for name, array in before[0].items():
        if name == "head":  # pairs that came into sight keep their rows, of which nothing is known again
            continue
        np.testing.assert_array_equal(getattr(stream.census.people, name), array)
    assert stream.past.equals(before[1])


def test_a_checkpoint_goes_on_as_if_nothing_had_been(town, lines, whole, tmp_path):
    stream, half = stream_of(town), len(lines) // 2
    for _ in stream.take(lines[:half]):
        pass
    checkpoint.save(stream, tmp_path, "model", kept=2)
    again = stream_of(town)
    assert checkpoint.load(again, tmp_path, "model")
    for _ in again.take(lines[half:]):
        pass
    np.testing.assert_array_equal(again.census.people.H, whole[0].census.people.H)
    assert not checkpoint.load(stream_of(town), tmp_path, "another model")


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(town, lines, tmp_path):
    stream = stream_of(town)
    for end in (400, 800):
        for _ in stream.take(lines[end - 400 : end].with_columns(seq=pl.lit(end, pl.Int64))):
            pass
        checkpoint.save(stream, tmp_path, "model", kept=2)
    latest, earlier = checkpoint.places(tmp_path)
    file = latest / checkpoint.ARRAYS
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(bytes(damaged))
    again = stream_of(town)
    assert checkpoint.load(again, tmp_path, "model")
    assert again.seq == 400
    assert checkpoint.places(tmp_path) == [earlier]
    assert (tmp_path / f"damaged-{latest.name}").is_dir()


def test_late_events_count_in_the_first_open_step():
    clock = Clock(window=10, lateness=5)
    time = np.array([3, 12, 8, 26, 9, 31])
    step, after = clock.placed(time, np.ones(6, bool), NOTHING_YET)
    # 12 - 5 closes nothing; 26 - 5 closes steps 0 and 1, so that 9 counts in step 2
    assert step.tolist() == [0, 1, 0, 2, 2, 3]
    assert after.tolist() == [-1, 0, 0, 2, 2, 2]


@given(
    time=st.lists(st.integers(0, 10**6), min_size=1, max_size=30), cut=st.integers(0, 30), lateness=st.integers(0, 5000)
)
def test_the_clock_does_not_mind_how_lines_are_cut(time, cut, lateness):
    clock, time, cut = Clock(1000, lateness), np.array(time), min(cut, len(time))
    ticks = np.ones(len(time), bool)
    step, after = clock.placed(time, ticks, NOTHING_YET)
    latest = int(time[:cut].max()) if cut else NOTHING_YET
    first = clock.placed(time[:cut], ticks[:cut], NOTHING_YET)[0] if cut else []
    second, _ = clock.placed(time[cut:], ticks[cut:], latest) if cut < len(time) else ([], [])
    assert [*first, *second] == step.tolist()
    assert (step >= time // 1000).all()
    assert (np.diff(after) >= 0).all()
