"""Variables and factors against what each person may know, row by row."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from emotide.bench.rivals.graph import LONGEST, MET, NEAR, TEMPORAL, variables
from emotide.timeline import TimelineConfig, compile_timeline


@pytest.fixture(scope="module", params=range(3))
def data(request, tables):
    rng = np.random.default_rng(request.param)
    more = [{"network": "x"}, {"network": "y"}]
    posts = [(f"p{k:02}", "abcd"[rng.integers(4)], int(rng.integers(12)), more[rng.integers(2)]) for k in range(40)]
    labels = [
        ("abcd"[rng.integers(4)], int(rng.integers(12)), ("bad", "good")[rng.integers(2)], more[rng.integers(2)])
        for _ in range(30)
    ]
    ends = [rng.permutation(4)[:2] for _ in range(25)]
    contacts = [("abcd"[a], "abcd"[b], int(rng.integers(12)), "like", more[rng.integers(2)]) for a, b in ends]
    timeline = compile_timeline(tables(posts=posts, labels=labels, interactions=contacts), TimelineConfig(step="1h"))
    vectors = rng.normal(size=(40, 3)).astype(np.float32)
    return timeline, vectors, variables(timeline, vectors, "mood")


def test_a_variable_for_each_who_posts_or_reports(data):
    timeline, _, got = data
    e, labels = timeline.events, timeline.labels["mood"]
    wanted = set(zip(e.step["post"].tolist(), e.post_user.tolist(), strict=True))
    wanted |= set(zip(labels.step.tolist(), labels.user.tolist(), strict=True))
    assert list(zip(got.step.tolist(), got.user.tolist(), strict=True)) == sorted(wanted)
    place = {key: k for k, key in enumerate(sorted(wanted))}
    assert got.label_row.tolist() == [
        place[s, u] for s, u in zip(labels.step.tolist(), labels.user.tolist(), strict=True)
    ]
    assert (got.label[got.label_row] == labels.latest).all()
    assert (got.label >= 0).sum() == len(labels.step)
    assert (got.taught[got.label_row] == (labels.split == 0)).all()
    network = timeline.users["network_row"].to_numpy()
    for k, (step, user) in enumerate(sorted(wanted)):
        taught = labels.step[(labels.split == 0) & (network[labels.user] == network[user])]
        assert got.learned[k] == (len(taught) > 0 and step <= taught.max())


def test_factors_of_a_user_are_those_before(data):
    _, _, got = data
    found = {}
    for k in np.flatnonzero(got.edges.kind == TEMPORAL):
        found.setdefault(int(got.edges.target[k]), []).append((int(got.edges.rank[k]), int(got.edges.source[k])))
        assert got.edges.share[k] == 1
    for node, (step, user) in enumerate(zip(got.step, got.user, strict=True)):
        before = [k for k in range(len(got.step)) if got.user[k] == user and got.step[k] < step][::-1][:LONGEST]
        assert sorted(found.get(node, [])) == [(rank + 1, k) for rank, k in enumerate(before)]
        since = [math.log(1 + step - got.step[before[0]]), 0] if before else [0, 1]
        assert_allclose(got.since[node], since, rtol=1e-6)


@pytest.mark.parametrize("seen", [True, False])
def test_factors_between_users_are_of_what_may_be_known(data, seen):
    timeline, _, got = data
    e, place = timeline.events, {key: k for k, key in enumerate(zip(got.step.tolist(), got.user.tolist(), strict=True))}
    wanted = {}
    for k in range(len(e.pair)):
        step, source, target = (int(x[k]) for x in (e.step["pair"], e.pair_source, e.pair_target))
        spoke = bool(e.pair_kinds[k, : len(timeline.kinds)].any())
        if (step, target) not in place or not (seen or e.pair_known[k]):
            continue
        last = step if spoke and seen else step - 1
        mine = [s for s, u in place if u == source and s <= last]
        if mine:
            ends = place[max(mine), source], place[step, target]
            wanted.setdefault(tuple(sorted(ends)), []).append((*ends, MET if spoke and seen else NEAR))
    edges = got.edges if seen else got.silent
    rows = np.flatnonzero(edges.kind != TEMPORAL)
    assert len(rows) == len(wanted)
    for k in rows:
        source, target = int(edges.source[k]), int(edges.target[k])
        assert (source, target, int(edges.kind[k])) in wanted[tuple(sorted((source, target)))]
        assert edges.gap[k] == got.step[target] - got.step[source]
        assert edges.gap[k] > 0 or (seen and edges.kind[k] == MET)
        assert_allclose(edges.share[k], 1 / (edges.target[rows] == target).sum(), rtol=1e-6)
    assert (np.diff(edges.target) >= 0).all()


def test_components_keep_what_the_vectors_tell_of_training(data):
    """All components together are the vectors turned and scaled: distances by the covariance of training agree."""
    timeline, vectors, got = data
    e = timeline.events
    means = np.zeros((len(got.step), 3))
    for k, (step, user) in enumerate(zip(got.step, got.user, strict=True)):
        rows = e.post[(e.post_user == user) & (e.step["post"] == step)]
        means[k] = vectors[rows].mean(0) if len(rows) else 0
    spoken = means.any(1)
    assert (got.vectors[~spoken] == 0).all()
    inverse = np.linalg.inv(np.cov(means[spoken & got.learned].T, bias=True))
    one, two = np.flatnonzero(spoken)[[0, 5]]
    gap = means[one] - means[two]
    assert_allclose(((got.vectors[one] - got.vectors[two]) ** 2).sum(), gap @ inverse @ gap, rtol=1e-3)


def test_a_log_without_posts_has_no_components(tables):
    labels = [("a", k, "good") for k in range(5)]
    timeline = compile_timeline(tables(labels=labels), TimelineConfig(step="1h"))
    got = variables(timeline, np.zeros((0, 8), np.float32), "mood")
    assert got.vectors.shape == got.earlier.shape == (5, 0)
    assert len(got.edges.source) == 4 + 3 + 2 + 1
