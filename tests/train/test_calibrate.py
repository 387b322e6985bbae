"""Calibration finds the temperature and the tilt that were put in, leaves decisions alone, and survives the disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from emotide.train import Calibration, TrainConfig, calibrated, scores
from emotide.train.calibrate import RIDGE, base_rates, fit_probabilities, fit_spread, prior_shift
from emotide.train.evaluate import answers
from emotide.train.metrics import calibration_error


def world(rows, temperature=1.0, tilt=0.0, seed=0):
    """Truths drawn from softmax(z), and probabilities softmax(temperature · z + tilt) that exaggerate them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (rows, 3)) + np.array([1.0, 0.0, -1.0])
    truth = (z + rng.gumbel(size=z.shape)).argmax(1)
    return softmax(temperature * z + tilt), truth, softmax(z)


def softmax(z):
    raised = np.exp(z - z.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def test_the_temperature_and_the_tilt_are_found():
    tilt = np.array([-1.0, 0.0, 1.0])
    said, truth, honest = world(20_000, 2.0, tilt)
    fitted = fit_probabilities(said, truth, np.zeros(3))
    assert fitted.coldness == pytest.approx(0.5, abs=0.03)
    assert fitted.bias == pytest.approx(-tilt / 2, abs=0.06)
    assert np.abs(fitted.apply(said) - honest).max() < 0.03
    assert calibration_error(said, truth) > 0.1
    assert calibration_error(fitted.apply(said), truth) < 0.02


def test_the_fit_is_the_best_of_the_penalised_likelihood():
    """Against a literal loss: no small step from the fit is better."""
    said, truth, _ = world(60, 1.7, np.array([0.5, 0.0, -0.5]), seed=3)
    prior = np.array([0.2, -0.1, 0.4])
    fitted = fit_probabilities(said, truth, prior)

    def loss(log_cold, bias):
        p = softmax(np.log(said) * np.exp(log_cold) + bias)
        return -np.log(p[np.arange(60), truth]).sum() + RIDGE * (log_cold**2 + ((bias - prior) ** 2).sum())

    best = loss(np.log(fitted.coldness), fitted.bias)
    for k in range(4):
        for step in (-1e-2, 1e-2):
            moved = np.append(np.log(fitted.coldness), fitted.bias)
            moved[k] += step
            assert loss(moved[0], moved[1:]) > best


@given(st.integers(0, 1000), st.integers(1, 30))
@settings(max_examples=25)
def test_few_rows_move_little_and_give_probabilities(seed, rows):
    said, truth, _ = world(rows, seed=seed)
    fitted = fit_probabilities(said, truth, np.zeros(3))
    assert abs(np.log(fitted.coldness)) < 0.1 * rows
    after = fitted.apply(said)
    assert_allclose(after.sum(1), 1)
    assert fitted.strange.shape == (rows, 1)
    assert_allclose(fitted.strange[:, 0], np.sort(1 - after[np.arange(rows), truth]))


def test_where_several_categories_may_hold_each_is_a_question_of_its_own():
    rng = np.random.default_rng(0)
    z = rng.normal(0, 1.5, (20_000, 3))
    held = (rng.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    said = 1 / (1 + np.exp(-(2 * z + [1.0, 0.0, -1.0])))
    fitted = fit_probabilities(said, held.argmax(1), np.zeros(3), held)
    assert fitted.multi
    assert fitted.coldness == pytest.approx(0.5, abs=0.03)
    assert fitted.bias == pytest.approx([-0.5, 0.0, 0.5], abs=0.06)
    assert np.abs(fitted.apply(said) - 1 / (1 + np.exp(-z))).max() < 0.03


def test_a_space_to_which_names_came_is_not_known(tilted):
    model, timeline, vectors = tilted
    found = calibrated(model, timeline, vectors, TrainConfig())
    assert found.of("polarity", "hidden", "forecast", 3) is not None
    assert found.of("polarity", "hidden", "forecast", 4) is None
    assert found.of("pad", "hidden", "forecast", 3) is not None


def test_a_probability_of_nought_is_no_infinity():
    fitted = fit_probabilities(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]), np.zeros(2))
    assert np.isfinite(fitted.apply(np.array([[1.0, 0.0]]))).all()


def test_the_spread_of_coordinates_is_that_of_their_errors():
    rng = np.random.default_rng(0)
    said, truth = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    truth[::3, 0] = np.nan
    fitted = fit_spread(said, truth)
    for k in range(2):
        error = [abs(a - b) for a, b in zip(said[:, k], truth[:, k], strict=True) if not np.isnan(b)]
        assert fitted.spread[k] == pytest.approx(np.sqrt(np.mean(np.square(error))))
        assert_allclose(fitted.errors(k), sorted(error))
    assert fitted.apply(said) is said


@pytest.fixture(scope="module")
def tilted(compiled, untrained):
    """A model of rare moods and coordinates, and its log."""
    import torch

    rng, rows = np.random.default_rng(1), {"posts": [], "labels": []}
    for step in range(60):
        rows["posts"].append((f"p{step:02}", "ab"[step % 2], step))
        mood = "positive" if rng.random() < 0.2 else "negative"
        rows["labels"].append(("ab"[step % 2], step, mood, {"space": "polarity"}))
        rows["labels"].append(("ab"[step % 2], step, {"pleasure": float(rng.uniform(-1, 1))}, {"space": "pad"}))
    timeline = compiled(**rows)
    return untrained(timeline, 3).eval(), timeline, torch.randn(60, 3)


def test_every_trained_space_is_calibrated_on_dev_for_both_tasks_and_regimes(tilted):
    model, timeline, vectors = tilted
    found = calibrated(model, timeline, vectors, TrainConfig())
    wanted = {(s, r, t) for s in ("polarity", "pad") for r in ("hidden", "known") for t in ("recognition", "forecast")}
    assert set(found.fitted) == wanted
    for (space, reports, task), fitted in found.fitted.items():
        labels = timeline.labels[space]
        raw = answers(model, timeline, vectors, space, 1, reports)
        if space == "polarity":
            prior = prior_shift(timeline, space, labels, TrainConfig().class_weights)
            again = fit_probabilities(getattr(raw, task), labels.latest[raw.row], prior)
            assert not fitted.multi
            assert_allclose(fitted.bias, again.bias)
        else:
            again = fit_spread(getattr(raw, task), labels.target[raw.row])
            assert_allclose(fitted.spread, again.spread)
        assert_allclose(fitted.strange, again.strange)


def test_the_prior_shift_undoes_the_class_weights(tilted):
    _, timeline, _ = tilted
    labels = timeline.labels["polarity"]
    share = labels.target[labels.split == 0].mean(0)
    shift = prior_shift(timeline, "polarity", labels, 0.5)
    kept = share > 0  # neutral never occurs
    assert shift[kept] - shift[kept][0] == pytest.approx(0.5 * np.log(share[kept] / share[kept][0]), abs=1e-5)
    assert prior_shift(timeline, "polarity", labels, 0.0) == pytest.approx(0, abs=1e-5)


def test_base_rates_are_of_train_and_dev_where_networks_are_of_one_part(tilted, compiled):
    _, timeline, _ = tilted
    assert base_rates(timeline, timeline.labels["polarity"]).tolist() == [1, 1, 1]  # one network, cut by time
    moods = {"x": ["negative"] * 6 + ["positive"] * 2, "y": ["negative"] + ["positive"] * 3}
    posts, labels = [], []
    for (network, said), split in zip(moods.items(), ("train", "dev"), strict=True):
        for step, mood in enumerate(said):
            more = {"network": network, "post_id": f"p{step}"}
            posts.append((f"p{step}", "a", step, {"network": network, "split": split}))
            labels.append(("a", step, mood, {"space": "polarity"} | more))
    dialogues = compiled("turn", posts=posts, labels=labels)
    rates = base_rates(dialogues, dialogues.labels["polarity"])
    assert rates == pytest.approx([(7 / 12) / (1 / 4), 1, (5 / 12) / (3 / 4)])  # neutral never occurs


def test_a_weight_of_two_is_a_row_twice():
    said, truth, _ = world(40, 1.5, seed=5)
    weight = np.ones(40)
    weight[:10] = 2
    twice = np.r_[np.arange(40), np.arange(10)]
    once = fit_probabilities(said, truth, np.zeros(3), weight=weight)
    again = fit_probabilities(said[twice], truth[twice], np.zeros(3))
    assert once.coldness == pytest.approx(again.coldness, rel=1e-3)
    assert once.bias == pytest.approx(again.bias, abs=1e-3)


def test_what_is_decided_does_not_change_and_other_spaces_stay(tilted):
    model, timeline, vectors = tilted
    found = calibrated(model, timeline, vectors, TrainConfig())
    raw = answers(model, timeline, vectors, "polarity", 2)
    after = found.apply("polarity", "hidden", raw)
    assert not np.allclose(after.recognition, raw.recognition)
    labels = timeline.labels["polarity"]
    before, now = scores(labels, raw, False), scores(labels, after, False, raw)
    for task in ("recognition", "forecast"):
        for name in ("weighted_f1", "macro_f1", "accuracy", "n"):
            assert now[task][name] == before[task][name]
        assert now[task]["nll"] < before[task]["nll"]  # an untrained model knows nothing of who is rare
    assert found.apply("plutchik", "hidden", raw) == raw


def test_tensors_and_back(tilted):
    import torch

    model, timeline, vectors = tilted
    found = calibrated(model, timeline, vectors, TrainConfig())
    tensors = found.tensors() | {"scale": torch.zeros(2)}
    again = Calibration.taken(tensors)
    assert list(tensors) == ["scale"]
    assert set(again.fitted) == set(found.fitted)
    for key, fitted in found.fitted.items():
        assert again.fitted[key].coldness == fitted.coldness
        for name in ("bias", "spread", "strange"):
            assert_allclose(getattr(again.fitted[key], name), getattr(fitted, name))
