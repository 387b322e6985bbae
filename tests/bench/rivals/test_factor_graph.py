"""The factor graph: gradients, planted weights, and nothing seen that may not be."""

import dataclasses
from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.testing import assert_close

from emotide.bench.rivals.answers import learned
from emotide.bench.rivals.factor_graph import FactorGraph, FactorGraphConfig
from emotide.bench.rivals.graph import variables
from emotide.bench.rivals.propagation import Propagation, evidence
from emotide.timeline import TimelineConfig, compile_timeline
from emotide.train import scores

MOODS = ("bad", "good")
ONE = FactorGraphConfig(order=1, decay=1e6, components=2, damping=0.0)


def chain(tables, moods, vectors=None, **more):
    """One user who reports once an hour, and posts if there are vectors."""
    labels = [("ana", k, MOODS[mood]) for k, mood in enumerate(moods) if mood >= 0]
    posts = [] if vectors is None else [(f"p{k:03}", "ana", k) for k in range(len(moods))]
    timeline = compile_timeline(tables(labels=labels, posts=posts, **more), TimelineConfig(step="1h"))
    vectors = np.zeros((0, 2), np.float32) if vectors is None else vectors
    return timeline, vectors, variables(timeline, vectors, "mood")


def test_the_gradient_is_that_of_the_likelihood_counted_out(tables):
    """Six hours, one without a report: Σ over what she may have felt there, over Σ over all that she may have felt."""
    rng = np.random.default_rng(0)
    _, _, data = chain(tables, [0, 1, -1, 1, 0, 1], rng.normal(size=(6, 2)).astype(np.float32))
    graph = FactorGraph(data, 2, ONE)
    shown = torch.tensor([0, 1, -1, 1, 0, 1])
    torch.manual_seed(0)
    for weight in graph.weights.values():
        weight.normal_().requires_grad_()
    local, potential = graph.seen @ graph.weights["seen"], graph.factors.potential(graph.weights["seen_tables"])
    pairs = list(zip(graph.factors.source.tolist(), graph.factors.target.tolist(), strict=True))
    assert pairs == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]

    def log_sum(held):
        states = [s for s in product(range(2), repeat=6) if all(h in (-1, y) for h, y in zip(held, s, strict=True))]
        by_state = [
            sum(local[k, y] for k, y in enumerate(s)) + sum(potential[k, s[a], s[b]] for k, (a, b) in enumerate(pairs))
            for s in states
        ]
        return torch.stack(by_state).logsumexp(0)

    wanted = torch.autograd.grad(log_sum([-1] * 6) - log_sum(shown.tolist()), [graph.weights["seen"],
                                                                             graph.weights["seen_tables"]])  # fmt: skip
    told, start = evidence(shown, 2, graph.seen), torch.zeros(6, 2)
    free, given = (Propagation(graph.factors.source, graph.factors.target, start) for _ in range(2))
    for _ in range(6):
        loss = graph._joint(graph.factors, free, given, told)
    got = torch.autograd.grad(loss, [graph.weights["seen"], graph.weights["seen_tables"]])
    for mine, true in zip(got, wanted, strict=True):
        assert_close(mine, true, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("objective", ["joint", "past"])
def test_planted_weights_are_found_again(tables, objective):
    """Moods of a chain drawn with a known table: how much likelier it is to stay than to change comes out."""
    rng = np.random.default_rng(1)
    moods, stay = [0], 0.8
    for _ in range(2000):
        moods.append(moods[-1] if rng.random() < stay else 1 - moods[-1])
    _, _, data = chain(tables, moods)
    graph = FactorGraph(data, 2, ONE.model_copy(update={"objective": objective, "penalty": 0.0}))
    graph.learn()
    drawn = np.array(moods)[data.taught]
    share = (drawn[1:] == drawn[:-1]).mean()  # what the likelihood is greatest for
    assert_allclose(share, stay, atol=0.03)
    for name in ("seen_tables", "silent_tables"):
        table = graph.weights[name][0]
        odds = (table[0, 0] + table[1, 1] - table[0, 1] - table[1, 0]) / 2
        assert_allclose(float(odds), np.log(share / (1 - share)), atol=0.05)
    _, foreseen = graph.read(known=True)
    assert_allclose(foreseen[1:, 1], np.where(np.array(moods)[:-1] == 1, share, 1 - share), atol=0.03)


def test_readings_are_filtered_marginals_counted_out(tables):
    """With reports hidden the reading of each hour is that of the chain up to it; known, given the reports before."""
    rng = np.random.default_rng(2)
    moods = [0, 1, 1, 0, 1]
    _, _, data = chain(tables, moods, rng.normal(size=(5, 2)).astype(np.float32))
    graph = FactorGraph(data, 2, ONE.model_copy(update={"sweeps": 8, "lag": 9}))
    torch.manual_seed(0)
    for weight in graph.weights.values():
        weight.normal_()
    local, table = graph.seen @ graph.weights["seen"], graph.weights["seen_tables"][0]
    silent, silent_table = graph.silent @ graph.weights["silent"], graph.weights["silent_tables"][0]
    for known in (False, True):
        recognized, foreseen = graph.read(known)
        for t in range(5):
            now, ahead = torch.zeros(2), torch.zeros(2)
            for state in product(range(2), repeat=t + 1):
                if known and state[:t] != tuple(moods[:t]):
                    continue
                past = sum(local[k, y] for k, y in enumerate(state[:t])) + sum(
                    table[state[k], state[k + 1]] for k in range(t - 1)
                )
                now[state[t]] += (past + local[t, state[t]] + (table[state[t - 1], state[t]] if t else 0)).exp()
                ahead[state[t]] += (
                    past + silent[t, state[t]] + (silent_table[state[t - 1], state[t]] if t else 0)
                ).exp()
            assert_close(recognized[t], now / now.sum(), atol=1e-4, rtol=1e-4)
            assert_close(foreseen[t], ahead / ahead.sum(), atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def crowd(tables):
    rng = np.random.default_rng(3)
    posts = [(f"p{k:03}", "abcd"[rng.integers(4)], int(rng.integers(30))) for k in range(70)]
    labels = [("abcd"[u], k, MOODS[rng.integers(2)]) for k in range(30) for u in range(4) if rng.random() < 0.7]
    ends = [rng.permutation(4)[:2] for _ in range(60)]
    contacts = [("abcd"[a], "abcd"[b], int(rng.integers(30)), "like") for a, b in ends]
    timeline = compile_timeline(tables(posts=posts, labels=labels, interactions=contacts), TimelineConfig(step="1h"))
    return timeline, rng.normal(size=(70, 3)).astype(np.float32)


@pytest.mark.parametrize("known", [False, True])
def test_it_sees_nothing_later(crowd, known):
    timeline, vectors = crowd
    labels, t = timeline.labels["mood"], 27
    before = learned(timeline, vectors, "mood", (known,), 1).answers(timeline, "mood", 2, known)
    moved = vectors + 3 * (timeline.posts["step"] >= t).to_numpy()[:, None]
    turned = np.where(labels.step >= t, 1 - labels.latest, labels.latest)
    other = dataclasses.replace(timeline, labels={"mood": dataclasses.replace(labels, latest=turned)})
    after = learned(other, moved.astype(np.float32), "mood", (known,), 1).answers(other, "mood", 2, known)
    at = labels.step[before.row]
    assert {26, 27, 28} <= set(at.tolist())
    assert_array_equal(before.recognition[at < t], after.recognition[at < t])
    assert_array_equal(before.forecast[at <= t], after.forecast[at <= t])
    assert not np.allclose(before.forecast[at > t], after.forecast[at > t])
    assert not np.allclose(before.recognition[at >= t], after.recognition[at >= t])


def test_hidden_reports_are_not_seen(crowd):
    timeline, vectors = crowd
    labels = timeline.labels["mood"]
    turned = np.where(labels.split == 2, 1 - labels.latest, labels.latest)
    other = dataclasses.replace(timeline, labels={"mood": dataclasses.replace(labels, latest=turned)})
    one, two = (learned(log, vectors, "mood", (False,), 1).answers(log, "mood", 2, False) for log in (timeline, other))
    assert_array_equal(one.recognition, two.recognition)
    assert_array_equal(one.forecast, two.forecast)


def test_in_a_world_that_tells_it_learns_what_there_is(tables):
    """What is posted tells the mood of the hour, and mostly that of the next; one of three settings is picked."""
    rng = np.random.default_rng(4)
    moods = [int(mood) for mood in np.repeat(rng.integers(2, size=40), 5)]
    vectors = np.stack([np.where(moods, 1.0, -1.0), rng.normal(size=200)], 1) + 0.5 * rng.normal(size=(200, 2))
    timeline, vectors, _ = chain(tables, moods, vectors.astype(np.float32))
    found = learned(timeline, vectors, "mood", (False, True), 3)
    for known in (False, True):
        said = scores(timeline.labels["mood"], found.answers(timeline, "mood", 2, known), False)
        assert said["recognition"]["accuracy"] > 0.9
        assert said["forecast"]["accuracy"] > 0.7
    assert 0 < found.dev <= 1
    assert found.search_seconds > found.seconds > 0
