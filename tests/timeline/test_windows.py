"""A small log cut into windows, every array by hand."""

import numpy as np
import polars as pl
import pytest

from emotide.errors import BadInput
from emotide.timeline import TimelineConfig, compile_timeline

HOURLY = TimelineConfig(step="1h")


@pytest.fixture(scope="module")
def small(tables):
    """ana posts in hours 2 and 5, bo answers ana in hour 2 and likes in hour 9, and reports in hour 6."""
    return compile_timeline(
        tables(
            posts=[("p2", "ana", 5.5), ("p1", "ana", 2.2), ("p0", "bo", 2.9)],
            interactions=[("bo", "ana", 2.9, "reply"), ("bo", "ana", 9.0, "like"), ("bo", "ana", 9.1, "like")],
            labels=[("bo", 6.0, "joy")],
        ),
        HOURLY,
        digest="abc",
    )


def test_users_and_networks_are_numbered_by_name(small):
    assert small.users.rows() == [("ana", "", 0), ("bo", "", 0)]
    (network,) = small.networks.select("network", "users", "active", "steps").rows()
    assert network == ("", 2, 6, 8)
    assert small.digest == "abc"


def test_steps_are_windows_from_the_first_event_on(small):
    assert small.posts.select("post_id", "user", "step").rows() == [("p1", 0, 0), ("p0", 1, 0), ("p2", 0, 3)]
    assert small.events.post.tolist() == [0, 1, 2]
    assert small.events.post_user.tolist() == [0, 1, 0]
    assert small.events.step["post"].tolist() == [0, 0, 3]
    hours = small.clock.select("step", pl.col("time").dt.hour().alias("hour")).rows()
    assert hours == [(0, 2), (3, 5), (4, 6), (7, 9)]


def test_a_row_for_everyone_whom_something_touched_with_what_it_was(small):
    e = small.events
    assert e.step["active"].tolist() == [0, 0, 3, 4, 7, 7]
    assert e.active_user.tolist() == [0, 1, 0, 1, 0, 1]
    assert e.active_elapsed.tolist() == [-1, -1, 3, 4, 4, 3]  # steps since then last, -1 for never
    written_made_received = [[1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 2], [0, 2, 0]]
    assert e.active_counts.tolist() == written_made_received


def test_pairs_of_every_step(small):
    e = small.events
    assert small.kinds == ["like", "reply", "other"]
    rows = zip(e.step["pair"], e.pair_source, e.pair_target, e.pair_elapsed, e.pair_known, e.pair_kinds, strict=True)
    bo_ana, ana_bo = (1, 0), (0, 1)
    assert [
        (int(step), (int(j), int(i)), since, bool(known), kinds.tolist()) for step, j, i, since, known, kinds in rows
    ] == [
        (0, bo_ana, -1, False, [0, 1, 0, 0, 0, 0]),  # bo replied to ana: from source to target
        (0, ana_bo, -1, False, [0, 0, 0, 0, 1, 0]),  # seen from bo: made, not received
        (3, bo_ana, 3, True, [0] * 6),
        (4, ana_bo, 4, True, [0] * 6),
        (7, bo_ana, 4, True, [2, 0, 0, 0, 0, 0]),
        (7, ana_bo, 3, True, [0, 0, 0, 2, 0, 0]),
    ]
    number = dict(zip(zip(e.pair_source.tolist(), e.pair_target.tolist(), strict=True), e.pair.tolist(), strict=True))
    assert sorted(number.values()) == [0, 1]  # each directed pair has one row of the table of pairs


def test_the_same_time_of_day_in_windows_of_a_day(tables):
    timeline = compile_timeline(
        tables(posts=[("a", "ana", 1), ("b", "ana", 23.99), ("c", "ana", 24)]), TimelineConfig()
    )
    assert timeline.events.step["post"].tolist() == [0, 0, 1]


def test_kinds_beyond_the_most_frequent_are_other(tables):
    log = tables(
        interactions=[("a", "b", k, kind) for k, kind in enumerate(["like"] * 3 + ["poke"] * 2 + ["wave", "hug"])]
    )
    timeline = compile_timeline(log, TimelineConfig(step="1h", max_kinds=3))
    assert timeline.kinds == ["like", "poke", "other"]
    towards_b = timeline.events.pair_kinds[timeline.events.pair_target == 1]
    assert towards_b[:, :3].argmax(1).tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert (towards_b[:, 3:] == 0).all()


def test_kinds_of_another_log_keep_its_columns(tables):
    log = tables(interactions=[("a", "b", 0, "hug"), ("a", "b", 1, "like")])
    timeline = compile_timeline(log, HOURLY, kinds=["like", "other"])
    assert timeline.kinds == ["like", "other"]
    assert timeline.events.pair_kinds[timeline.events.pair_target == 1].tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


def test_nobody_is_in_touch_with_himself(tables):
    timeline = compile_timeline(tables(interactions=[("a", "a", 0, "like"), ("a", "b", 0, "like")]), HOURLY)
    assert set(zip(timeline.events.pair_source.tolist(), timeline.events.pair_target.tolist(), strict=True)) == {
        (0, 1),
        (1, 0),
    }


def test_more_contacts_than_a_byte_holds_stay_at_255(tables):
    timeline = compile_timeline(tables(interactions=[("a", "b", k / 3600, "like") for k in range(300)]), HOURLY)
    assert timeline.events.pair_kinds.max() == 255


def test_users_known_by_ties_or_feedback_alone_have_a_row_too(tables):
    log = tables(posts=[("p", "ana", 0)], ties=[("ana", "cy", None, None)], feedback=[("dan", "item", 3)])
    assert compile_timeline(log, HOURLY).users["user_id"].to_list() == ["ana", "cy", "dan"]


def test_an_empty_log_is_refused(tables):
    with pytest.raises(BadInput, match="nothing to compile"):
        compile_timeline(tables(), HOURLY)


def test_types_are_those_that_the_arrays_promise(small):
    e = small.events
    assert {array.dtype for array in (e.active_user, e.post_user, e.post, e.pair, e.pair_source)} == {
        np.dtype(np.int32)
    }
    assert e.pair_kinds.dtype == np.uint8
    assert e.active_elapsed.dtype == e.pair_elapsed.dtype == e.active_counts.dtype == np.float32


def test_a_step_may_be_so_many_events_of_all_networks(tables):
    log = tables(
        posts=[("a", "ana", 1.0), ("b", "ana", 2.0)],
        interactions=[("ana", "bo", 0.5, "like"), ("bo", "ana", 2.0, "like"), ("ana", "bo", 7.0, "like")],
        labels=[("bo", 0.1, "joy"), ("bo", 99.0, "joy")],
    )
    timeline = compile_timeline(log, TimelineConfig(step="2 events"))
    assert timeline.posts["step"].to_list() == [0, 1]  # 0.5 and 1.0; both of 2.0; 7.0
    assert timeline.events.step["contact"].tolist() == [0, 1, 2]
    assert timeline.labels["mood"].step.tolist() == [0, 2]
    assert timeline.clock["time"].dt.hour().to_list() == [0, 2, 7]
    users = list(zip(timeline.events.contact_source.tolist(), timeline.events.contact_target.tolist(), strict=True))
    assert users == [(0, 1), (1, 0), (0, 1)]


def test_contacts_are_split_as_labels_are_or_by_time(tables):
    contacts = [("ana", "bo", k, "like") for k in range(20)]
    alone = compile_timeline(tables(interactions=contacts), HOURLY)
    assert np.bincount(alone.events.contact_split).tolist() == [14, 3, 3]
    labels = [("bo", float(k), "joy") for k in range(0, 10)]
    told = compile_timeline(tables(interactions=contacts, labels=labels), HOURLY)
    assert np.bincount(told.events.contact_split).tolist() == [7, 1, 12]
    train = {"network": "x", "split": "train"}
    posts = [("p", "ana", 0, train)]
    named = [(*row, {"network": "x"}) for row in contacts]
    whole = compile_timeline(tables(posts=posts, interactions=named), HOURLY)
    assert set(whole.events.contact_split.tolist()) == {0}
