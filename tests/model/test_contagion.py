"""Weights of pairs, paths and forecasts, in worlds where it is known who moves whom."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emotide.model.contagion import Deviations, _Pairs, _strangers, contagion, foreseen
from emotide.model.influence import moved
from emotide.model.moods import Moods, _expected, moods
from emotide.model.paths import paths
from emotide.model.trace import every_report
from emotide.timeline import TimelineConfig, compile_timeline

PEOPLE, STEPS = 14, 120
TRUE = {("p00", "p01"): 0.6, ("p01", "p02"): 0.5, ("p03", "p04"): -0.5}  # source, target
IDLE = [("p05", "p01"), ("p06", "p02"), ("p07", "p04"), ("p08", "p09"), ("p10", "p11")]


def lived(strength, seed=0):
    """Moods in which the followed move the follower, and the timeline of who follows whom; everybody posts daily."""
    rng = np.random.default_rng(seed)
    state = np.zeros((STEPS, PEOPLE, 3))
    for step in range(1, STEPS):
        state[step] = 0.3 * state[step - 1] + rng.normal(0, 0.3, (PEOPLE, 3))
        for (source, target), weight in TRUE.items():
            state[step, int(target[1:])] += strength * weight * state[step - 1, int(source[1:])]
    step, user = (place.ravel() for place in np.indices((STEPS, PEOPLE)))
    order = np.lexsort((step, user))
    Y = state[step, user][order]
    return Moods(user[order], step[order], Y, Y, np.ones(len(order), bool))


@pytest.fixture(scope="module")
def timeline(tables):
    names = [f"p{k:02}" for k in range(PEOPLE)]
    posts = [(f"{name}.{step}", name, step) for step in range(STEPS) for name in names]
    ties = [(target, source, None, None) for source, target in [*TRUE, *IDLE]]
    return compile_timeline(tables(posts=posts, ties=ties), TimelineConfig(step="1h"), names={})


def by_name(timeline, found, column):
    names = timeline.users["user_id"]
    return dict(zip(zip(names[found.source], names[found.target], strict=True), column, strict=True))


def test_weights_are_found(timeline):
    found = contagion(timeline, lived(1.0), shuffles=19)
    weight, p = by_name(timeline, found, found.weight), by_name(timeline, found, found.p)
    sd = by_name(timeline, found, found.sd)
    assert set(weight) == {*TRUE, *IDLE}
    for pair, true in TRUE.items():
        assert abs(weight[pair] - true) < 4 * sd[pair] < 0.4
        assert p[pair] < 0.02
    for pair in IDLE:
        assert abs(weight[pair]) < 4 * sd[pair] < 0.4
    assert min(p[pair] for pair in IDLE) > 0.02


def test_nothing_is_found_where_nobody_moves_anybody(timeline):
    found = [contagion(timeline, lived(0.0, seed), shuffles=19) for seed in range(6)]
    assert max(abs(each.weight).max() for each in found) < 0.25
    p = np.concatenate([each.p for each in found])
    assert (p <= 0.05).mean() < 0.15
    assert 0.3 < p.mean() < 0.7


def test_only_what_is_in_sight_moves(timeline):
    felt, e = lived(1.0), timeline.events
    early = np.asarray(e.step["pair"]) < 60
    blind = contagion(timeline, felt, shuffles=0, sight=~early)
    late = contagion(timeline, lived(1.0), shuffles=0)
    assert not np.allclose(blind.weight, late.weight)
    nobody = contagion(timeline, felt, shuffles=0, sight=np.zeros(len(early), bool))
    assert_allclose(nobody.weight, 0, atol=1e-12)
    names = timeline.users["user_id"].to_list()
    every = paths(timeline, felt, blind, np.ones(len(blind.weight), bool), names.index("p01"), links=1)[0]
    assert every.steps[:, 1].min() == 60


def test_the_same_seed_deals_the_same_strangers(timeline):
    one, again, other = (contagion(timeline, lived(1.0), shuffles=3, seed=seed) for seed in (0, 0, 1))
    assert_array_equal(one.p, again.p)
    assert not np.array_equal(one.p, other.p)
    assert_array_equal(contagion(timeline, lived(1.0), shuffles=0).p, 1.0)


def test_any_stranger_of_the_network_is_dealt_and_nobody_else():
    network = np.array([0, 1, 0, 1, 0, 1, 0, 0])  # 0 1 2 3 4 5 6 7
    source, target = np.array([2, 4, 3, 1, 5, 0]), np.array([0, 0, 1, 3, 3, 7])
    pairs = _Pairs(source, target, *(np.zeros(0, int) for _ in range(4)))
    asked = np.array([0, 1, 2, 3, 5])
    dealt = np.stack(list(_strangers(network, pairs, asked, 2000, np.random.default_rng(0))))
    wanted = [{6, 7}, {6, 7}, {5}, {0, 2, 4, 6, 7}, {-1}, {2, 4, 6}]  # 3 knows all of its network: anybody of the log
    assert [set(column) for column in dealt.T] == wanted
    for column in dealt.T:
        share = np.unique(column, return_counts=True)[1] / 2000
        assert_allclose(share, 1 / len(share), atol=0.05)
    both = _Pairs(np.array([0, 1]), np.array([1, 0]), *(np.zeros(0, int) for _ in range(4)))
    assert (next(_strangers(np.zeros(2, int), both, np.arange(2), 1, np.random.default_rng(0))) == -1).all()


def test_where_pairs_are_many_fewer_strangers_are_enough(timeline, monkeypatch):
    one = contagion(timeline, lived(1.0), shuffles=1)
    assert not np.array_equal(contagion(timeline, lived(1.0), shuffles=9).p, one.p)
    monkeypatch.setattr("emotide.model.contagion.STRANGERS", len(one.p))
    assert_array_equal(contagion(timeline, lived(1.0), shuffles=9).p, one.p)


def test_who_was_hardly_heard_of_is_not_judged(timeline):
    felt = lived(1.0)
    early = Moods(*(getattr(felt, name)[felt.step < 6] for name in ("user", "step", "Y", "own", "told")))
    found = contagion(timeline, felt, shuffles=3, until=6)
    assert_array_equal(found.weight, 0)
    assert_array_equal(found.p, 1)
    assert len(early.user) == 6 * PEOPLE


def test_what_comes_later_is_not_looked_at(timeline):
    felt = lived(1.0)
    later = felt.step >= 90
    other = Moods(felt.user, felt.step, np.where(later[:, None], 9.0, felt.Y), felt.own + later[:, None], felt.told)
    one, two = (contagion(timeline, each, shuffles=0, until=90).weight for each in (felt, other))
    assert_allclose(one, two)
    assert not np.allclose(one, contagion(timeline, other, shuffles=0).weight)


def test_neighbours_help_to_foresee_whom_they_move(timeline):
    felt, gain = lived(1.0), {}
    found = foreseen(timeline, felt, 90)
    assert (felt.step[found.row] >= 90).all()
    error = [((said - felt.Y[found.row]) ** 2).mean(1) for said in (found.alone, found.together)]
    for user in range(PEOPLE):
        mine = felt.user[found.row] == user
        if mine.any():
            gain[user] = float(np.mean(error[0][mine]) - np.mean(error[1][mine]))
    assert all(gain[int(target[1:])] > 0.005 for _, target in TRUE)
    assert abs(gain[9]) < 0.005
    assert abs(gain[11]) < 0.005


def test_a_deviation_fades_with_the_steps_since():
    state = np.array([0.5, 0.1, -0.3, 0.1])[:, None] * np.ones((4, 3))
    felt = Moods(np.zeros(4, int), np.array([0, 1, 2, 5]), state, state, np.ones(4, bool))
    got = Deviations(felt).before(np.array([0, 0, 0, 0]), np.array([0, 1, 3, 6]))
    centred = state - 0.1
    assert_allclose(got[:3], np.stack([0 * state[0], centred[0], centred[2]]))
    now, then = centred[1:3].ravel(), centred[:2].ravel()
    kept = max(now @ then / np.sqrt(now @ now * (then @ then)), 0)
    assert_allclose(Deviations(felt).before(np.array([0]), np.array([5]))[0], kept**2 * centred[2])


def test_paths_go_along_those_who_moved_each_other_in_time(timeline):
    felt = lived(1.0)
    found = contagion(timeline, felt, shuffles=0)
    names = timeline.users["user_id"].to_list()
    true = np.array([pair in TRUE for pair in by_name(timeline, found, found.weight)])
    one, two, three = paths(timeline, felt, found, true, names.index("p02"), links=3)
    assert [set(map(tuple, each.people.tolist())) for each in (one, two, three)] == [{(1, 2)}, {(0, 1, 2)}, set()]
    assert (np.diff(two.steps) == 1).all()
    weight = by_name(timeline, found, found.weight)
    along = weight["p00", "p01"] * weight["p01", "p02"]
    assert_allclose(two.weight, along)
    mean = felt.Y[felt.user == 0, 0].mean()
    start = {
        int(step): pleasure for step, pleasure in zip(felt.step[felt.user == 0], felt.Y[felt.user == 0, 0], strict=True)
    }
    assert_allclose(two.effect, [along * (start[int(step)] - mean) for step in two.steps[:, 0]])


def test_nobody_is_twice_in_a_path(timeline, tables):
    ties = [("a", "b", None, None), ("b", "a", None, None)]
    posts = [(f"{name}.{step}", name, step) for step in range(9) for name in "ab"]
    ring = compile_timeline(tables(posts=posts, ties=ties), TimelineConfig(step="1h"), names={})
    state = np.random.default_rng(0).normal(size=(18, 3))
    felt = Moods(np.repeat([0, 1], 9), np.tile(np.arange(9), 2), state, state, np.ones(18, bool))
    found = contagion(ring, felt, shuffles=0)
    one, two = paths(ring, felt, found, np.ones(2, bool), 0, links=2)
    assert len(one.effect) == 8
    assert len(two.effect) == 0


@pytest.mark.parametrize("shown", [None, every_report])
def test_moods_hold_what_was_reported_and_own_moods_no_neighbour(world, model, small_rows, shown):
    timeline, vectors = world()
    felt = moods(model, timeline, vectors, shown)
    e = timeline.events
    assert_array_equal(np.sort(felt.user * 100 + felt.step), np.sort(e.active_user * 100 + e.step["active"]))
    labels = timeline.labels["pad"]
    at = felt.at(labels.user, labels.step)
    assert felt.told[at].all()
    reported = np.isclose(felt.Y[at, 0], labels.target[:, 0]) & np.isclose(felt.own[at, 0], labels.target[:, 0])
    assert reported.all() if shown else not reported.any()
    lonely = ~np.isin(felt.user * 100 + felt.step, e.pair_target * 100 + e.step["pair"])
    same = np.isclose(felt.Y[:, :3], felt.own, atol=1e-5).all(1)
    assert same[lonely].all()
    assert not same[~lonely].all()


def test_what_is_to_be_expected_is_learned_from_those_who_reported_both():
    rng = np.random.default_rng(0)
    read, category = rng.normal(size=(2, 200, 3)).astype(np.float32)
    category[100:] = np.nan
    true = np.where(np.isnan(category), 0.5 * read + 0.1, 0.2 * read + 0.6 * category - 0.3)
    place = np.where(np.arange(200)[:, None] % 2 == 0, true, np.nan)
    assert_allclose(_expected(read, category, place), true, atol=1e-5)
    nobody = np.full_like(place, np.nan)
    assert_allclose(_expected(read, category, nobody), np.where(np.isnan(category), read, category))


def test_the_effect_in_a_step_is_weight_times_deviation(world, model):
    timeline, vectors = world()
    felt = moods(model, timeline, vectors)
    found = contagion(timeline, felt, shuffles=0)
    weight = np.linspace(-1, 1, len(found.weight))
    found = replace(found, weight=weight)
    said = moved(model, timeline, felt, found, "ekman")
    d = Deviations(felt).before(timeline.events.pair_source, timeline.events.step["pair"])[:, 0]
    assert_allclose(said.effect, weight[found.of_row] * d, rtol=1e-5)
    assert (said.strength[d == 0] == 0).all()
    assert said.strength.max() > 0
