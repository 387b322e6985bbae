"""What the network is trained for, label by label and post by post (DESIGN 3.3)."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch, built_in
from emotide.train import TrainConfig
from emotide.train.loss import class_weights, reading_loss, window_loss

ANCHOR = 0.3


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_class_weights_are_powers_of_the_inverse_frequency_of_train_with_mean_one(compiled, power):
    moods = ["positive"] * 6 + ["negative"] * 2 + ["neutral"] * 2 + ["negative"] * 4  # the last are dev and test
    rows = [(f"u{k}", k, mood, {"space": "polarity"}) for k, mood in enumerate(moods)]
    timeline = compiled(labels=rows)
    train = [mood for mood, split in zip(moods, timeline.labels["polarity"].split, strict=True) if split == 0]
    assert len(train) == 9
    share = [train.count(name) / 9 for name in timeline.spaces["polarity"]]
    raw = [one**-power for one in share]
    mean = sum(one * weight for one, weight in zip(share, raw, strict=True))
    assert_close(
        class_weights(timeline, "polarity", power).tolist(), [weight / mean for weight in raw], rtol=1e-5, atol=1e-6
    )


def literal_entropy(model, space, Y, target, weight, classes):
    """Σ weight · (cross-entropy by class + anchor · distance to the published place)."""
    total = 0.0
    for y, shares, w in zip(Y, target, weight, strict=True):
        p = model.readings.read(space, y[None])[0].detach()
        place = [
            sum(float(shares[c]) * float(built_in()[space].pad[c, a]) for c in range(len(shares))) for a in range(3)
        ]
        entropy = -sum(float(shares[c] * classes[c]) * math.log(float(p[c])) for c in range(len(shares)))
        total += float(w) * (entropy + ANCHOR * sum((float(y[a]) - place[a]) ** 2 for a in range(3)))
    return total


def test_reading_categories(spoken, untrained):
    timeline, _ = spoken(users=2, steps=4)
    model = untrained(timeline, 4).eval()
    Y, target = torch.randn(5, 8), torch.rand(5, 3).softmax(1)
    weight, classes = torch.rand(5), torch.tensor([0.5, 2.0, 1.0])
    with torch.no_grad():
        got = reading_loss(model, "polarity", Y, target, weight, classes, ANCHOR)
    assert float(got) == pytest.approx(literal_entropy(model, "polarity", Y, target, weight, classes), rel=1e-4)


def test_reading_coordinates_leaves_out_what_is_not_given(compiled, untrained):
    timeline = compiled(labels=[("a", 0, {"pleasure": 0.1}, {"space": "pad"})])
    model = untrained(timeline, 4).eval()
    Y, weight = torch.randn(2, 8), torch.tensor([1.0, 3.0])
    target = torch.tensor([[0.5, math.nan, -0.5], [math.nan, 0.0, math.nan]])
    literal = (Y[0, 0] - 0.5) ** 2 + (Y[0, 2] + 0.5) ** 2 + 3 * Y[1, 1] ** 2
    got = reading_loss(model, "pad", Y, target, weight, torch.ones(3), ANCHOR)
    assert_close(got, literal)


def test_the_loss_of_a_window_is_readings_of_train_labels_per_label_and_the_next_observation(compiled, untrained):
    rows, rng = [], np.random.default_rng(0)
    for step in range(10):
        for user in "ab":
            mood = ("negative", "neutral", "positive")[rng.integers(3)]
            rows.append((user, step, mood, {"space": "polarity", "weight": float(1 + rng.integers(2))}))
    posts = [(f"p{k}", "ab"[k % 2], k % 7) for k in range(12)]
    timeline = compiled(labels=rows, posts=posts)
    vectors, model = torch.randn(12, 4), untrained(timeline, 4).eval()
    config = TrainConfig(forecast=0.7, next_observation=0.2, anchor=ANCHOR)
    classes = {"polarity": torch.tensor([0.5, 2.0, 1.0])}
    group = timeline.group()
    with torch.no_grad():
        unrolled = list(model.unroll(Batch(group), vectors, model.network.initial(2, group.pairs)))
        got = window_loss(model, unrolled, vectors, classes, config)
    labels, total, number, near = group.labels["polarity"], 0.0, 0, []
    for said in unrolled:
        users = said.step.silent.user.tolist()
        for k in np.flatnonzero((labels.step == said.step.number) & (labels.split == 0)):
            place, number = users.index(labels.user[k]), number + 1
            for Y, share in ((said.recognition, 1.0), (said.forecast, 0.7)):
                one = torch.tensor(labels.target[k])[None], [labels.weight[k]], classes["polarity"]
                total += share * literal_entropy(model, "polarity", Y[place][None], *one)
        here = group.events.step["post"] == said.step.number
        for post, owner in zip(group.events.post[here], group.events.post_user[here], strict=True):
            expected, real = said.expected[users.index(owner)], vectors[int(post)]
            near.append(float(expected @ real / expected.norm() / real.norm()))
    assert number == 14
    assert len(near) == 12
    assert float(got) == pytest.approx(total / number + 0.2 * (1 - sum(near) / 12), rel=1e-4)


def test_labels_of_dev_and_test_are_no_part_of_the_loss(spoken, untrained):
    timeline, vectors = spoken(users=3, steps=10)
    model = untrained(timeline, 4).eval()
    group = timeline.group()
    known = group.labels["polarity"]
    turned = np.where((known.split > 0)[:, None], known.target[:, ::-1], known.target)
    other = dataclasses.replace(
        group, labels={"polarity": dataclasses.replace(known, target=np.ascontiguousarray(turned))}
    )
    config, classes = TrainConfig(), {"polarity": torch.ones(3)}
    losses = []
    for each in (group, other):
        unrolled = list(model.unroll(Batch(each), vectors, model.network.initial(3, each.pairs)))
        losses.append(window_loss(model, unrolled, vectors, classes, config))
    assert torch.equal(*losses)


def test_a_window_with_nothing_to_learn_from_has_no_loss(compiled, untrained):
    timeline = compiled(interactions=[("a", "b", 0, "like")], labels=[("a", 9, "positive", {"space": "polarity"})])
    model, group = untrained(timeline, 4), timeline.group()
    unrolled = list(model.unroll(Batch(group), torch.zeros(0, 4), model.network.initial(2, group.pairs), 0, 3))
    assert window_loss(model, unrolled, torch.zeros(0, 4), {"polarity": torch.ones(3)}, TrainConfig()) is None


def test_several_categories_at_once_are_questions_of_their_own(spoken, untrained):
    timeline, _ = spoken(users=2, steps=4)
    model = untrained(timeline, 4).eval()
    many = built_in()["polarity"].model_copy(update={"multi": True})
    model.readings.spaces["polarity"] = many
    Y, target = torch.randn(3, 8), torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]])
    weight, classes = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.5, 2.0, 1.0])
    with torch.no_grad():
        got = reading_loss(model, "polarity", Y, target, weight, classes, ANCHOR)
        read = model.readings.read("polarity", Y)
    literal = 0.0
    for i in range(3):
        place = sum(target[i, c] * many.pad[c] for c in range(3)) / target[i].sum()
        entropy = sum(
            -classes[c] * target[i, c] * math.log(read[i, c]) - (1 - target[i, c]) * math.log(1 - read[i, c])
            for c in range(3)
        )
        literal += float(weight[i] * (entropy + ANCHOR * (Y[i, :3] - place).square().sum()))
    assert float(got) == pytest.approx(literal, rel=1e-4)


def test_posts_teach_the_names_they_sound_like(compiled, untrained):
    """No label at all: who posts what sounds like a name comes to be read as it, whichever space it is in."""
    timeline = compiled(posts=[(f"p{k}", f"u{k}", 0) for k in range(12)])
    model = untrained(timeline, 4)
    space, vectors = built_in()["polarity"], torch.eye(4)[torch.arange(12) % 3]
    model.readings.add(space, torch.eye(4)[:3])
    model.readings.encoder.start(torch.eye(4)[:3])
    config = TrainConfig(names=1.0, next_observation=0.0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    group = timeline.group()
    order = torch.from_numpy(group.events.post_user.copy())
    for _ in range(60):
        unrolled = list(model.unroll(Batch(group), vectors, model.network.initial(12, group.pairs)))
        loss = window_loss(model, unrolled, vectors, {}, config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    read = model.eval().readings.read("polarity", unrolled[0].recognition)
    assert read[order].argmax(1).tolist() == vectors.argmax(1).tolist()
    assert window_loss(model, unrolled, vectors, {}, TrainConfig(next_observation=0.0)) is None
