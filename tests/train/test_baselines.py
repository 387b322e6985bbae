"""What the network must beat, on the same terms: nothing seen that it may not see, nor less."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emotide.train.baselines import BASELINES, BLIND, Question, baseline_scores, last_label, majority
from emotide.train.lstm import PlainConfig, plain_answers, tuned

TEST = 2
QUICK = {cell: PlainConfig(cell=cell, state=8, epochs=3) for cell in ("lstm", "gru")}


def question(timeline, reports="known", vectors=None):
    vectors = np.zeros((len(timeline.posts), 2), np.float32) if vectors is None else vectors
    return Question(timeline, vectors, "polarity", TEST, reports, 0)


@pytest.fixture(scope="module")
def reported(compiled):
    """Ten steps of ana and bo; ana is well but twice, bo never reports before the test part."""
    moods = ["positive"] * 5 + ["negative"] * 2 + ["positive"] * 2 + ["negative"]
    labels = [("ana", step, mood, {"space": "polarity"}) for step, mood in enumerate(moods)]
    return compiled(labels=[*labels, ("bo", 9, "neutral", {"space": "polarity"})])


def test_majority_is_the_shares_of_the_training_part(reported):
    got = majority(question(reported))
    assert reported.spaces["polarity"] == ["negative", "neutral", "positive"]
    assert_array_equal(reported.labels["polarity"].split[got.row], [TEST] * len(got.row))
    assert len(got.row) == 3
    for found in (got.recognition, got.forecast):
        assert_allclose(found, [[2 / 7, 0, 5 / 7]] * 3, rtol=1e-6)


def test_last_label_is_what_the_user_reported_last_softened_by_the_shares(reported):
    got = last_label(question(reported))
    share, labels = np.array([2 / 7, 0, 5 / 7]), reported.labels["polarity"]
    by_row = {
        (int(labels.user[row]), int(labels.step[row])): found for row, found in zip(got.row, got.forecast, strict=True)
    }
    assert_allclose(by_row[0, 8], 0.9 * np.array([0, 0, 1]) + 0.1 * share, rtol=1e-6)
    assert_allclose(by_row[0, 9], 0.9 * np.array([0, 0, 1]) + 0.1 * share, rtol=1e-6)
    assert_allclose(by_row[1, 9], share, rtol=1e-6)  # bo has not reported yet
    assert_array_equal(got.recognition, got.forecast)


def test_with_reports_hidden_none_sees_a_label(spoken):
    timeline, vectors = spoken(users=8, steps=30)
    hidden = baseline_scores(timeline, vectors.numpy(), "polarity", TEST, "hidden")
    known = baseline_scores(timeline, vectors.numpy(), "polarity", TEST, "known")
    assert list(hidden) == list(BLIND) == ["majority", "post_logistic", "lstm", "gru"]
    assert list(known) == list(BASELINES)
    for found in known.values():
        assert found.keys() == {"recognition", "forecast"}
        assert found["recognition"]["n"] == 40
    assert hidden["post_logistic"]["recognition"]["accuracy"] == 1.0  # the post tells
    assert known["history_logistic"]["recognition"]["accuracy"] == 1.0
    assert hidden["lstm"]["recognition"]["accuracy"] > 0.8


def test_coordinates_are_regressed_from_what_was_given(compiled):
    rng = np.random.default_rng(0)
    posts, labels, vectors = [], [], []
    for step in range(60):
        x = rng.normal()
        posts.append((f"p{step:02}", "ana", step))
        place = {"pleasure": float(np.clip(x / 3, -1, 1))} | ({"arousal": 0.5} if step % 2 else {})
        labels.append(("ana", step, place, {"space": "pad"}))
        vectors.append([x, rng.normal()])
    timeline = compiled(posts=posts, labels=labels)
    asked = Question(timeline, np.array(vectors, np.float32), "pad", TEST, "hidden", 0)
    got = BASELINES["post_logistic"](asked)
    truth = timeline.labels["pad"].target[got.row]
    assert np.corrcoef(got.recognition[:, 0], truth[:, 0])[0, 1] > 0.95
    assert_allclose(got.recognition[:, 1], 0.5, atol=0.05)  # half of them did not say, which is not zero
    assert set(baseline_scores(timeline, asked.vectors, "pad", TEST, "known")) == set(BASELINES)


def test_a_log_without_training_labels_has_no_baselines(compiled):
    posts = [("p", "ana", 0, {"split": "test"})]
    timeline = compiled(posts=posts, labels=[("ana", 0, "positive", {"space": "polarity", "post_id": "p"})])
    assert baseline_scores(timeline, np.zeros((1, 2), np.float32), "polarity", TEST, "hidden") == {}


@pytest.mark.parametrize(("step", "cell"), [("1h", "lstm"), ("turn", "lstm"), ("turn", "gru")])
@pytest.mark.parametrize("known", [False, True])
def test_the_plain_networks_see_nothing_later(spoken, step, cell, known):
    timeline, vectors = spoken(step, users=2, steps=30)
    labels, vectors = timeline.labels["polarity"], vectors.numpy()
    first = int(labels.step[labels.split == TEST].min())
    t = (first + int(labels.step.max()) + 1) // 2
    before = plain_answers(timeline, vectors, "polarity", TEST, known, config=QUICK[cell])
    again = plain_answers(timeline, vectors, "polarity", TEST, known, config=QUICK[cell])
    assert_array_equal(before.forecast, again.forecast)
    moved = vectors.copy()
    moved[(timeline.posts["step"] >= t).to_numpy()] += 1
    turned = np.where((labels.step >= t)[:, None], labels.target[:, ::-1], labels.target)
    other = dataclasses.replace(timeline, labels={"polarity": dataclasses.replace(labels, target=turned)})
    after = plain_answers(other, moved, "polarity", TEST, known, config=QUICK[cell])
    at = labels.step[before.row]
    assert (at < t).any()
    assert (at >= t).any()
    assert_array_equal(before.recognition[at < t], after.recognition[at < t])
    assert_array_equal(before.forecast[at <= t], after.forecast[at <= t])
    assert not np.allclose(before.recognition[at >= t], after.recognition[at >= t])
    assert not np.allclose(before.forecast[at > t], after.forecast[at > t])


def test_of_one_turn_a_forecast_sees_nothing_of_the_others(compiled):
    """Ana reports while bo speaks: her forecast knows neither what bo says there nor how bo feels there."""
    rng = np.random.default_rng(0)
    posts = [(f"p{k:02}", "bo", k) for k in range(40)]
    labels = [
        (user, k, ("negative", "positive")[rng.integers(2)], {"space": "polarity"})
        for k in range(40)
        for user in ("ana", "bo")
    ]
    timeline = compiled("turn", posts=posts, labels=labels)
    known = timeline.labels["polarity"]
    t = int(known.step.max())
    assert sorted(known.user[known.step == t]) == [0, 1]
    vectors = rng.normal(size=(40, 3)).astype(np.float32)
    moved = vectors + 5 * (timeline.posts["step"] == t).to_numpy()[:, None]
    turned = np.where((known.step == t)[:, None], known.target[:, ::-1], known.target)
    other = dataclasses.replace(timeline, labels={"polarity": dataclasses.replace(known, target=turned)})
    asked = known.split == TEST
    one, two = (
        plain_answers(log, seen.astype(np.float32), "polarity", TEST, True, config=QUICK["lstm"])
        for log, seen in ((timeline, vectors), (other, moved))
    )
    assert_array_equal(one.forecast, two.forecast)
    at = known.step[asked] == t
    assert_array_equal(one.recognition[~at], two.recognition[~at])
    assert not np.isclose(one.recognition[at], two.recognition[at]).any()  # what bo says, both hear


def test_a_cell_may_be_tuned(spoken):
    """A setting that can learn nothing loses against one that can; the cell stays."""
    timeline, vectors = spoken(users=4, steps=20)
    start = PlainConfig(cell="gru", learning_rate=1e-9, epochs=2)
    asked = timeline, vectors.numpy(), "polarity", False
    assert tuned(*asked, 1, start) == start
    chosen = tuned(*asked, 3, start)
    assert (chosen.cell, chosen.epochs) == ("gru", 2)
    assert chosen.learning_rate >= 1e-3


def test_the_lstm_does_not_see_labels_where_they_are_hidden(spoken):
    timeline, vectors = spoken(users=2, steps=20)
    labels = timeline.labels["polarity"]
    turned = np.where((labels.split == TEST)[:, None], labels.target[:, ::-1], labels.target)
    other = dataclasses.replace(timeline, labels={"polarity": dataclasses.replace(labels, target=turned)})
    one, two = (
        plain_answers(log, vectors.numpy(), "polarity", TEST, False, config=QUICK["lstm"]) for log in (timeline, other)
    )
    assert_array_equal(one.recognition, two.recognition)
    assert_array_equal(one.forecast, two.forecast)
