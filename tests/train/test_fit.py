"""Training: the same seed, the same model; resumed, the same model; nothing is learned from the test part."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from emotide.model import NetworkConfig
from emotide.train import TrainConfig, answers, fit, trained_spaces

SIZES = NetworkConfig(state=6, influence=4, observed=6, affect=5, width=8, pair_width=8, dropout=0.2, input_dropout=0.2)
CONFIG = TrainConfig(epochs=3, patience=9, updates=2, learning_rate=1e-2)


@pytest.fixture(scope="module")
def log(spoken):
    return spoken(users=4, steps=13)


@pytest.fixture(scope="module")
def whole(untrained, log):
    """A model trained without interruption, and what happened."""
    return fitted(untrained, log)


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def fitted(untrained, log, config=CONFIG, timeline=None, **more):
    timeline, vectors = timeline or log[0], log[1]
    model = untrained(timeline, vectors.shape[1], sizes=SIZES)
    return model, fit(model, timeline, vectors, config, **more)


def test_the_same_seed_trains_the_same_model_and_another_seed_another(untrained, log, whole):
    (one, history), (again, same) = whole, fitted(untrained, log)
    assert torch.equal(weights(one), weights(again))
    assert history.rows == same.rows
    other, _ = fitted(untrained, log, CONFIG.model_copy(update={"seed": 1}))
    assert not torch.equal(weights(one), weights(other))
    assert not one.training


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("after", [1, 2])
def test_interrupted_and_resumed_equals_uninterrupted(untrained, log, whole, tmp_path, after):
    model, history = whole

    def interrupt(epoch, epochs, what):
        if epoch == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        fitted(untrained, log, checkpoint=tmp_path / "c", progress=interrupt)
    resumed, rest = fitted(untrained, log, checkpoint=tmp_path / "c")
    fitted(untrained, log, checkpoint=tmp_path / "whole")
    (kept,), (last,) = ((tmp_path / name).glob("epoch-*") for name in ("whole", "c"))  # the last epoch alone is kept
    for name, values in load_file(kept).items():  # weights, their mean, the best, the optimizer
        assert torch.equal(values, load_file(last)[name]), name
    assert torch.equal(weights(resumed), weights(model))
    assert rest.rows == history.rows


def test_a_finished_training_resumes_to_the_same_model_at_once(untrained, log, tmp_path):
    first, _ = fitted(untrained, log, checkpoint=tmp_path)
    told = []
    again, history = fitted(untrained, log, checkpoint=tmp_path, progress=lambda *row: told.append(row))
    assert torch.equal(weights(again), weights(first))
    assert len(history.rows) == CONFIG.epochs
    assert told == []


def test_a_checkpoint_that_was_cut_off_while_written_is_not_taken(untrained, log, whole, tmp_path):
    (tmp_path / "epoch-1.safetensors").write_bytes(b"half")
    (tmp_path / "checkpoint.part").write_text('{"file": "epoch-1.safe')
    resumed, _ = fitted(untrained, log, checkpoint=tmp_path)
    assert torch.equal(weights(resumed), weights(whole[0]))


def changed_after(timeline, split):
    """The timeline with the labels of a split turned round."""
    labels = timeline.labels["polarity"]
    turned = np.where((labels.split == split)[:, None], labels.target[:, ::-1], labels.target)
    latest = np.where(labels.split == split, 2 - labels.latest, labels.latest)
    return dataclasses.replace(timeline, labels={"polarity": dataclasses.replace(labels, target=turned, latest=latest)})


def test_nothing_is_learned_from_the_test_part(untrained, log, whole):
    timeline, vectors = log
    model, history = whole
    late = (
        timeline.posts["step"] >= int(timeline.labels["polarity"].step[timeline.labels["polarity"].split == 2].min())
    ).to_numpy()
    moved = vectors + torch.from_numpy(late)[:, None] * 5.0
    other, same = fitted(untrained, (timeline, moved), timeline=changed_after(timeline, 2))
    assert torch.equal(weights(model), weights(other))
    assert history.rows == same.rows


def test_labels_of_the_test_part_are_never_fed_back_in_training(compiled, untrained):
    """Where the log's own splits lie side by side in time, a label of test is no report either."""
    posts = [(f"p{k:02}", "ab"[k % 2], k // 2, {"split": ("train", "test")[k % 2]}) for k in range(24)]
    space = {"space": "polarity"}
    labels = [
        ("ab"[k % 2], k // 2, ("negative", "positive")[k % 3 % 2], space | {"post_id": f"p{k:02}"}) for k in range(24)
    ]
    timeline = compiled(posts=posts, labels=labels, interactions=[("a", "b", step, "like") for step in range(12)])
    vectors, config = torch.randn(24, 4), CONFIG.model_copy(update={"reports": 1.0})
    one, two = (fitted(untrained, (log, vectors), config)[0] for log in (timeline, changed_after(timeline, 2)))
    assert torch.equal(weights(one), weights(two))
    taught, _ = fitted(untrained, (changed_after(timeline, 0), vectors), config)
    assert not torch.equal(weights(one), weights(taught))


def test_the_dev_part_chooses_and_does_not_teach(untrained, log):
    one = CONFIG.model_copy(update={"epochs": 1})
    model, history = fitted(untrained, log, one)
    other, turned = fitted(untrained, log, one, timeline=changed_after(log[0], 1))
    assert torch.equal(weights(model), weights(other))
    assert history.rows[0]["dev"] != turned.rows[0]["dev"]
    assert history.rows[0]["loss"] == turned.rows[0]["loss"]


def test_training_stops_when_dev_gets_no_better_and_the_best_is_kept(untrained, log):
    config = CONFIG.model_copy(update={"epochs": 30, "patience": 2, "learning_rate": 1e-9})
    _, history = fitted(untrained, log, config)
    assert len(history.rows) == 3  # nothing changes: the first stays the best, two more are waited for
    assert history.since_best == 2
    assert history.best == history.rows[0]["dev"]


def test_training_makes_the_loss_smaller(untrained, log):
    _, history = fitted(untrained, log, CONFIG.model_copy(update={"epochs": 6, "updates": 4}))
    losses = [row["loss"] for row in history.rows]
    assert np.mean(losses[-2:]) < 0.9 * np.mean(losses[:2])
    assert all(row["updates"] >= 4 for row in history.rows)


def test_reports_teach_to_foresee_what_lasts(compiled, untrained):
    """A mood that never changes is foreseen where it was reported, and cannot be where it was not."""
    moods = {f"u{k:02}": ("negative", "positive")[k % 2] for k in range(20)}
    labels = [(user, step, mood, {"space": "polarity"}) for user, mood in moods.items() for step in range(10)]
    timeline = compiled(labels=labels)
    model, vectors = untrained(timeline, 2), torch.zeros(0, 2)
    fit(model, timeline, vectors, TrainConfig(epochs=4, updates=8, learning_rate=1e-2, averaging=0.9, reports=0.5))
    for reports, low, high in (("hidden", 0.2, 0.8), ("known", 0.99, 1.0)):
        found = answers(model, timeline, vectors, "polarity", 2, reports)
        right = (found.forecast.argmax(1) == timeline.labels["polarity"].latest[found.row]).mean()
        assert low <= right <= high


def test_the_spaces_trained_on_are_those_with_training_labels_or_those_asked_for(compiled):
    labels = [("a", step, "positive", {"space": "polarity"}) for step in range(10)]
    labels += [("a", step, {"pleasure": 0.5}, {"space": "pad"}) for step in range(10)]
    timeline = compiled(labels=[*labels, ("a", 9, "well", {"space": "mood_report"})])
    assert trained_spaces(timeline, TrainConfig()) == ["pad", "polarity"]
    assert trained_spaces(timeline, TrainConfig(spaces=("polarity",))) == ["polarity"]


def test_a_log_without_labels_still_teaches_the_states(compiled, untrained):
    timeline = compiled(posts=[(f"p{k}", "ab"[k % 2], k) for k in range(12)])
    model = untrained(timeline, 3, sizes=SIZES)
    before = weights(model)
    history = fit(model, timeline, torch.randn(12, 3), CONFIG.model_copy(update={"epochs": 1}))
    assert np.isfinite(history.rows[0]["loss"])
    assert not torch.equal(before, weights(model))
