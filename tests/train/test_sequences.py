"""What the baselines see: the user's own posts and labels, row by row."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emotide.train.history import history_features
from emotide.train.sequences import sequences, user_posts

MORE = ({"network": "x"}, {"network": "y"})


@pytest.fixture(scope="module", params=range(3))
def log(request, compiled):
    """Posts and labels of four users in two networks at random; vectors of the posts."""
    rng = np.random.default_rng(request.param)
    posts = [(f"p{k}", "abcd"[rng.integers(4)], int(rng.integers(9)), MORE[rng.integers(2)]) for k in range(30)]
    spaced = [{"space": "polarity"} | more for more in MORE]
    moods = ("negative", "neutral", "positive")
    labels = [
        ("abcd"[rng.integers(4)], int(rng.integers(9)), moods[rng.integers(3)], spaced[rng.integers(2)])
        for _ in range(30)
    ]
    contacts = [("a", "b", int(rng.integers(9)), "like", MORE[0]) for _ in range(4)]
    timeline = compiled(posts=posts, labels=labels, interactions=contacts)
    return timeline, rng.normal(size=(30, 3)).astype(np.float32)


def mean_post(timeline, vectors, user, step):
    e = timeline.events
    rows = e.post[(e.post_user == user) & (e.step["post"] == step)]
    return vectors[rows].mean(0) if len(rows) else np.zeros(vectors.shape[1])


def test_user_posts_are_those_of_the_step_and_of_the_last_step_with_a_post_before(log):
    timeline, vectors = log
    labels, e = timeline.labels["polarity"], timeline.events
    now, before = user_posts(timeline, vectors, "polarity")
    for k, (user, step) in enumerate(zip(labels.user, labels.step, strict=True)):
        earlier = e.step["post"][(e.post_user == user) & (e.step["post"] < step)]
        assert_allclose(now[k], mean_post(timeline, vectors, user, step), atol=1e-6)
        last = mean_post(timeline, vectors, user, earlier.max()) if len(earlier) else np.zeros(3)
        assert_allclose(before[k], last, atol=1e-6)


def test_without_a_post_there_are_zeros(compiled):
    timeline = compiled(labels=[("a", 0, "positive", {"space": "polarity"})])
    now, before = user_posts(timeline, np.zeros((0, 3), np.float32), "polarity")
    assert_array_equal(now, np.zeros((1, 3)))
    assert_array_equal(before, np.zeros((1, 3)))


def test_sequences_of_windows_are_all_steps_of_each_user(log):
    timeline, vectors = log
    got, e = sequences(timeline, vectors, "polarity"), timeline.events
    wanted = sorted(zip(e.active_user.tolist(), e.step["active"].tolist(), range(len(e.active_user)), strict=True))
    assert got.sequence.tolist() == [user for user, _, _ in wanted]
    last = {}
    for k, (user, step, row) in enumerate(wanted):
        assert_allclose(got.vector[k], mean_post(timeline, vectors, user, step), atol=1e-6)
        assert_allclose(got.counts[k], [math.log(1 + count) for count in e.active_counts[row]], rtol=1e-6)
        since = step - last[user] if user in last else None
        assert_allclose(got.context[k], [0, 0, 1] if since is None else [1, math.log(1 + since), 0], rtol=1e-6)
        last[user] = step
    labels = timeline.labels["polarity"]
    assert [wanted[k][:2] for k in got.label_row] == list(zip(labels.user.tolist(), labels.step.tolist(), strict=True))


def test_sequences_of_turns_are_the_utterances_of_each_dialogue(compiled):
    said = [("x", "ana"), ("x", "bo"), ("y", "cy"), ("x", "bo"), ("y", "dan"), ("x", "ana")]
    posts = [(f"p{k}", user, k, {"network": network}) for k, (network, user) in enumerate(said)]
    labels = [
        (user, k, "positive", {"space": "polarity", "network": network, "post_id": f"p{k}"})
        for k, (network, user) in enumerate(said)
    ]
    timeline = compiled("turn", posts=posts, labels=labels)
    vectors = np.arange(12, dtype=np.float32).reshape(6, 2)
    got = sequences(timeline, vectors, "polarity")
    assert got.sequence.tolist() == [0, 0, 0, 0, 1, 1]
    order = [0, 1, 3, 5, 2, 4]  # of the utterances
    place = dict(zip(timeline.posts["post_id"], range(6), strict=True))
    assert_array_equal(got.vector, vectors[[place[f"p{k}"] for k in order]])
    same_speaker_as_before = [0, 0, 1, 0, 0, 0]
    assert got.context[:, 0].tolist() == same_speaker_as_before
    assert_allclose(got.context[:, 1], [0, 0, math.log(2), math.log(4), 0, 0], rtol=1e-6)
    assert got.context[:, 2].tolist() == [1, 1, 0, 0, 1, 1]
    assert got.earlier.tolist() == [-1, 0, 1, 2, -1, 4]


def test_of_one_turn_posts_come_first_and_nobody_precedes(compiled):
    posts = [("p0", "bo", 0), ("p1", "bo", 1), ("p2", "ana", 2)]
    labels = [("ana", k, "positive", {"space": "polarity"}) for k in range(3)]
    timeline = compiled("turn", posts=posts, labels=labels)
    got = sequences(timeline, np.array([[1.0], [2.0], [3.0]], np.float32), "polarity")
    assert got.vector[:, 0].tolist() == [1, 0, 2, 0, 3]  # bo speaks, ana reports; again; ana speaks
    assert got.earlier.tolist() == [-1, -1, 1, 1, 3]
    assert got.label_row.tolist() == [1, 3, 4]
    assert got.context[:, 0].tolist() == [0, 0, 0, 1, 1]  # whether the last of an earlier turn was the same


def test_history_is_what_the_user_reported_before(log):
    timeline, _ = log
    labels, got = timeline.labels["polarity"], history_features(timeline, "polarity")
    for k, (user, step) in enumerate(zip(labels.user, labels.step, strict=True)):
        mine = sorted(
            (int(s), row)
            for row, (u, s) in enumerate(zip(labels.user, labels.step, strict=True))
            if u == user and s < step
        )
        past = [labels.target[row].astype(float) for _, row in mine]
        assert got.known[k] == bool(past)
        if not past:
            assert_array_equal([got.last[k], got.smoothed[k], got.mean3[k], got.mean7[k]], np.zeros((4, 3)))
            assert got.gap[k] == 0
            continue
        decay = [0.7 ** (len(past) - 1 - n) for n in range(len(past))]
        assert_allclose(got.last[k], past[-1], atol=1e-6)
        assert_allclose(
            got.smoothed[k], sum(w * one for w, one in zip(decay, past, strict=True)) / sum(decay), atol=1e-6
        )
        assert_allclose(got.mean3[k], np.mean(past[-3:], 0), atol=1e-6)
        assert_allclose(got.mean7[k], np.mean(past[-7:], 0), atol=1e-6)
        assert got.gap[k] == step - mine[-1][0]
        both = np.concatenate([got.last[k], got.smoothed[k], got.mean3[k], got.mean7[k], [1, math.log(1 + got.gap[k])]])
        assert_allclose(got.table()[k], both, rtol=1e-5)
