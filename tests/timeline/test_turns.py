"""Steps by turn: dialogues, and networks that are none."""

import pytest

from emotide.timeline import TimelineConfig, compile_timeline

TURNS = TimelineConfig(step="turn")


def rows(timeline):
    """(step, source, target, known, kinds from source to target) by name."""
    e, name = timeline.events, timeline.users["user_id"].to_list()
    half = len(timeline.kinds)
    found = zip(e.step["pair"], e.pair_source, e.pair_target, e.pair_known, e.pair_kinds, strict=True)
    return [
        (int(step), name[j], name[i], bool(known), dict(zip(timeline.kinds, kinds[:half].tolist(), strict=True)))
        for step, j, i, known, kinds in found
    ]


def test_each_utterance_is_a_step_and_addresses_all_others(tables):
    timeline = compile_timeline(
        tables(posts=[("u1", "ana", 0), ("u2", "bo", 0.1), ("u3", "ana", 0.2)], labels=[("cy", 0.2, "joy")]), TURNS
    )
    assert timeline.posts.select("post_id", "step").rows() == [("u1", 0), ("u2", 1), ("u3", 2)]
    assert timeline.kinds == ["turn", "other"]
    e = timeline.events
    assert e.active_counts.tolist() == [
        [1, 2, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
        [1, 2, 0],
        [0, 0, 1],
        [1, 2, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]
    spoken = [(step, j, i, known) for step, j, i, known, kinds in rows(timeline) if kinds["turn"]]
    assert spoken == [
        (0, "ana", "bo", False), (0, "ana", "cy", False),
        (1, "bo", "ana", True), (1, "bo", "cy", False),
        (2, "ana", "bo", True), (2, "ana", "cy", True),
    ]  # fmt: skip
    assert timeline.networks["steps"].to_list() == [3]


def test_utterances_of_one_instant_follow_their_ids(tables):
    timeline = compile_timeline(tables(posts=[("b", "ana", 0), ("a", "bo", 0), ("c", "bo", 0)]), TURNS)
    assert timeline.posts.select("post_id", "step").rows() == [("a", 0), ("b", 1), ("c", 2)]


def test_replies_make_a_network_no_dialogue(tables):
    timeline = compile_timeline(
        tables(
            posts=[("u1", "ana", 0), ("u2", "bo", 1), ("u3", "cy", 2)],
            interactions=[("bo", "ana", 1, "reply", {"post_id": "u2"})],
        ),
        TURNS,
    )
    assert timeline.kinds == ["reply", "other"]
    assert [(step, j, i) for step, j, i, _, kinds in rows(timeline) if kinds["reply"]] == [(1, "bo", "ana")]
    assert all("cy" not in (j, i) for _, j, i, _, _ in rows(timeline))


def test_a_network_too_large_for_a_dialogue_is_none(tables):
    log = tables(posts=[(f"u{k}", f"user{k}", k) for k in range(4)])
    assert len(compile_timeline(log, TimelineConfig(step="turn", dialogue_size=3)).events.pair) == 0
    assert len(compile_timeline(log, TimelineConfig(step="turn", dialogue_size=4)).events.pair) > 0


def test_one_network_is_a_dialogue_beside_one_that_is_none(tables):
    a, b = {"network": "a"}, {"network": "b"}
    timeline = compile_timeline(
        tables(
            posts=[("u1", "ana", 0, a), ("u2", "bo", 1, a), ("u1", "ana", 0, b), ("u2", "bo", 1, b)],
            interactions=[("bo", "ana", 1, "reply", {"post_id": "u2"} | b)],
        ),
        TURNS,
    )
    network = timeline.users["network"].to_list()
    e = timeline.events
    assert sorted({network[i] for i in e.pair_target}) == ["a", "b"]
    spoken = timeline.kinds.index("turn")
    assert {network[i] for i, kinds in zip(e.pair_target, e.pair_kinds, strict=True) if kinds[spoken]} == {"a"}


@pytest.mark.parametrize(("hour", "more", "step"), [
    (1.0, {"post_id": "u1"}, 0),  # a label of a post belongs to that post's turn, whenever it was given
    (1.5, {}, 1),  # others to the latest turn before
    (1.0, {}, 1),
    (0.5, {}, 0),
    (-3, {}, 0),  # and to the first, when nothing was said yet
    (9, {"post_id": "gone"}, 2),
])  # fmt: skip
def test_labels_and_contacts_fall_into_the_turn_of_their_post_or_the_latest_before(tables, hour, more, step):
    posts = [("u1", "ana", 0), ("u2", "bo", 1), ("u3", "ana", 2)]
    labelled = compile_timeline(tables(posts=posts, labels=[("bo", hour, "joy", more)]), TURNS)
    assert labelled.labels["mood"].step.tolist() == [step]
    met = compile_timeline(tables(posts=posts, interactions=[("bo", "ana", hour, "like", more)]), TURNS)
    assert [s for s, _, _, _, kinds in rows(met) if kinds["like"]] == [step]


def test_among_posts_of_one_instant_the_last_is_the_latest(tables):
    posts = [(f"u{k}", "ana", 1) for k in range(6)]
    labelled = compile_timeline(tables(posts=posts, labels=[("ana", 1, "joy")]), TURNS)
    assert labelled.labels["mood"].step.tolist() == [5]


def test_ties_begin_and_end_with_the_turns_of_their_times(tables):
    posts = [(f"u{k}", "ana" if k % 2 else "bo", k) for k in range(6)]
    ties = [("ana", "bo", 3.0, 4.0), ("bo", "ana", 0.5, 2.5)]  # not in the order of their times
    contact = [("ana", "cy", 0, "like")]
    timeline = compile_timeline(tables(posts=posts, ties=ties, interactions=contact), TURNS)
    near = {(step, j, i, known) for step, j, i, known, _ in rows(timeline) if "cy" not in (j, i)}
    assert near == {(0, "ana", "bo", False), (2, "ana", "bo", True), (3, "bo", "ana", False)}
