"""Behaviour is learned where there is something to learn, alone or beside the emotions."""

from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional

from emotide.model import AffectiveModel, Batch, FusedNetwork, NetworkConfig, Readings
from emotide.model.behaviour import asked_pairs
from emotide.model.window import Windows
from emotide.timeline import SPLITS
from emotide.train import TrainConfig, fit
from emotide.train.behaviour import (
    Lesson,
    behaviour_said,
    behaviour_scores,
    behaviour_weight,
    calibrate_behaviour,
    head_of,
)  # fmt: skip

TEST = SPLITS.index("test")
SIZES = NetworkConfig(state=8, influence=4, observed=8, affect=8, width=16, pair_width=8, dropout=0.0)
QUICK = TrainConfig(epochs=3, window=4, least_window=4, updates=24, learning_rate=5e-3)


def friends(told, users=10, steps=40, seed=0):
    """Everybody turns to somebody in every other step: always to the next in the round, or to anybody."""
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(steps):
        for i in range(step % 2, users, 2):
            j = (i + 1) % users if told else int((i + rng.integers(1, users)) % users)
            rows.append((f"u{i}", f"u{j}", float(step), "message"))
    return rows


@pytest.fixture(scope="module")
def learned(compiled):
    @cache
    def made(told):
        timeline = compiled(interactions=friends(told))
        torch.manual_seed(0)
        network = FusedNetwork(SIZES, 4, 2 * len(timeline.kinds))
        model = AffectiveModel(network, Readings(SIZES.affect, 4, {}), behaviour=True)
        return model, timeline, fit(model, timeline, torch.zeros(0, 4), QUICK)

    return made


def test_who_contacts_whom_is_found_and_noise_is_not(learned):
    model, timeline, history = learned(True)
    found = behaviour_scores(model, timeline, torch.zeros(0, 4), TEST, seed=0)
    assert found["random"] > 0.95
    assert history.best == max(row["dev"] for row in history.rows)
    assert history.best > 0.8  # it stopped on the average precision, not on the loss
    noise, timeline, _ = learned(False)
    assert behaviour_scores(noise, timeline, torch.zeros(0, 4), TEST, seed=0)["random"] < 0.7


def test_probabilities_add_up_to_what_happens(learned):
    model, timeline, _ = learned(True)
    said = behaviour_said(model, timeline, torch.zeros(0, 4), TEST, seed=0)
    chance = {k: head_of(model).probability(torch.tensor(s)).mean().item() for k, s in said.scores.items()}
    assert chance["positive"] > 0.3 > 0.1 > chance["random"]
    real = len(said.scores["positive"]) / 6  # a step of test: five contacts
    assert real == pytest.approx(5)
    others = (10 * 9 - real) * chance["random"]
    assert real * chance["positive"] + others == pytest.approx(real, rel=0.6)
    model.behaviour.scale.copy_(torch.tensor([1.0, 0.0]))
    calibrate_behaviour(model, timeline, torch.zeros(0, 4))
    assert model.behaviour.scale[0] != 1.0


def test_nothing_of_a_step_moves_what_was_said_before_it(compiled):
    rows = friends(False, steps=20)
    other = [(i, j if step < 17 else "u0" if i != "u0" else "u1", step, kind) for i, j, step, kind in rows]
    said = []
    for log in (rows, other):
        timeline = compiled(interactions=log)
        torch.manual_seed(0)
        network = FusedNetwork(SIZES, 4, 2 * len(timeline.kinds))
        model = AffectiveModel(network, Readings(SIZES.affect, 4, {}), behaviour=True).eval()
        batch = Batch(timeline.group())
        before = {
            f.step.number: f.before
            for f in model.follow(batch, torch.zeros(0, 4), network.initial(10, batch.group.pairs))
        }
        pairs = [np.repeat(np.arange(10), 10), np.tile(np.arange(10), 10)]

        H = before[17].H
        scores = model.behaviour.contacts(network, before[17], asked_pairs(batch.habits, *pairs, 17, H))
        said.append(scores.detach())
    torch.testing.assert_close(said[0], said[1])


def test_the_loss_of_some_steps_is_the_mean_over_them_of_what_each_contact_and_poster_costs(compiled):
    posts = [(f"p{step}", f"u{step % 3}", float(step)) for step in range(12)]
    timeline = compiled(posts=posts, interactions=friends(False, steps=12)[:-7])  # steps of unlike size
    torch.manual_seed(0)
    network = FusedNetwork(SIZES, 4, 2 * len(timeline.kinds))
    model = AffectiveModel(network, Readings(SIZES.affect, 4, {}), behaviour=True).double().eval()
    batch, vectors = Batch(timeline.group(), dtype=torch.float64), torch.randn(12, 4).double()
    lesson = Lesson.of(batch, 0.7, np.random.default_rng(0))
    start, first, end = network.initial(len(batch.group.users), batch.group.pairs), 2, lesson.end
    followed = list(model.follow(batch, vectors, start, 0, end))[first:]
    costs = []
    for f in followed:
        one, H, A = lesson.questions.at(f.step.number), f.before.H, f.before.A
        n, parts = len(one.pairs.source) // 3, []
        for k in range(3 * n):
            there, back = (A[row[k]] if row[k] >= 0 else network.A_0 for row in (one.pairs.there, one.pairs.back))
            told, head = one.pairs.habits[k : k + 1], model.behaviour
            ends = (H[one.pairs.source[k]][None], H[one.pairs.target[k]][None])
            score = (head.f_C(*ends, there[None], back[None], told) + head.w(told))[0, 0]
            parts.append(functional.softplus(-score) / n if k < n else functional.softplus(score) / (2 * n))
        for k, user in enumerate(one.people):
            said = model.behaviour.f_B(H[user][None], one.own[k : k + 1])[0, 0]
            parts.append(functional.softplus(-said if one.posted[k] else said) / len(one.people))
        costs.append(sum(parts))
    asked = lesson.asked(first, end)
    cut = Windows(batch).window(first, end, [asked.who], [asked.met])
    small = list(model.followed(cut.steps, vectors, cut.taken(followed[0].before)))
    got = lesson.added(torch.tensor(2.0).double(), model, small, asked.placed(cut))
    wanted = 2 + 0.7 * torch.stack(costs).mean()
    torch.testing.assert_close(got, wanted)
    weights = [*model.behaviour.f_C.parameters(), *model.behaviour.f_B.parameters(), *network.f_A.parameters()]
    grads = (
        torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True, materialize_grads=True)
        for loss in (got, wanted)
    )
    for mine, plain in zip(*grads, strict=True):
        torch.testing.assert_close(mine, plain)


def test_it_is_trained_where_a_log_has_no_labels_or_where_asked_for(compiled):
    alone = compiled(interactions=friends(True, steps=4))
    beside = compiled(interactions=friends(True, steps=4), labels=[("u1", 1.0, "joy", {"space": "meld"})])
    assert behaviour_weight(alone, TrainConfig()) == 1.0
    assert behaviour_weight(beside, TrainConfig()) == 0.0
    assert behaviour_weight(beside, TrainConfig(behaviour=0.3)) == 0.3
    assert behaviour_weight(compiled(posts=[("p", "u1", 0)]), TrainConfig()) == 0.0


def test_who_posts_is_learned(spoken, compiled):
    rows = [(f"p{step}.{k}", f"u{k}", float(step)) for step in range(30) for k in range(6) if k < 3 or step % 5 == k]
    timeline = compiled(posts=rows, interactions=friends(True, steps=30))
    torch.manual_seed(0)
    model = AffectiveModel(FusedNetwork(SIZES, 4, 2 * len(timeline.kinds)), Readings(SIZES.affect, 4, {}), True)
    vectors = torch.randn(len(timeline.posts), 4)
    fit(model, timeline, vectors, QUICK)
    assert behaviour_scores(model, timeline, vectors, TEST, seed=0)["post"] > 0.85
