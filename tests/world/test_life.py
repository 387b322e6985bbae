import numpy as np
import pytest

from emotide.demo.config import TownConfig
from emotide.world import Life, Moment, WorldConfig

CALM = TownConfig(people=30, items=40, restlessness=0.0, shocks=0.0)


def life(town: TownConfig = CALM, **changed: float) -> Life:
    return Life(WorldConfig(town=town, **changed))


def begun(world: Life, seed: int = 0) -> tuple[Moment, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return world.begin(rng), rng


def test_a_moment_follows_the_laws():
    world = life(leaves=0.0)
    before, rng = begun(world)
    items = before.candidates[:, 0]
    out = world.step(before, items, rng)
    cast, town = world.cast, world.config.town
    for i in range(30):  # slow and literal, from the docstring
        pull = sum(
            w * before.mood[j] for f, j, w in zip(cast.follower, cast.followed, cast.weight, strict=True) if f == i
        )
        wanted = cast.baseline[i] + town.persistence * (before.mood[i] - cast.baseline[i])
        wanted = wanted + (1 - town.persistence) * pull
        wanted = wanted + town.item_pull * (0.5 + out.clicked[i]) * world.effect[items[i]]
        np.testing.assert_allclose(out.moment.mood[i], np.clip(wanted, -1, 1), atol=1e-12)


def test_moods_spread_along_ties_alone():
    world = life(leaves=0.0)
    before, _ = begun(world)
    items, none = before.candidates[:, 0], np.zeros(30)
    sad = before.mood.copy()
    source = int(world.cast.followed[abs(world.cast.weight).argmax()])
    sad[source] = -1
    moved = abs(world.expected(sad, items, none) - world.expected(before.mood, items, none)).sum(1)
    follows = {int(f) for f, j, w in zip(world.cast.follower, world.cast.followed, world.cast.weight, strict=True)
               if j == source and w}  # fmt: skip
    assert set(np.flatnonzero(moved > 1e-12)) == follows | {source}
    alone = life(CALM.model_copy(update={"contagion": 0.0}))
    still = abs(alone.expected(sad, items, none) - alone.expected(before.mood, items, none)).sum(1)
    assert set(np.flatnonzero(still)) == {source}


def test_clicks_come_as_often_as_the_log_odds_say():
    world = life()
    moment, rng = begun(world)
    items = moment.candidates[:, 3]
    clicks = np.mean([world.step(moment, items, rng).clicked for _ in range(4000)], 0)
    chance = 1 / (1 + np.exp(-world.log_odds(moment, items[:, None])[:, 0]))
    np.testing.assert_allclose(clicks, chance, atol=4 * 0.5 / np.sqrt(4000))
    assert chance.std() > 0.05


def test_a_topic_tires_and_rests():
    world = life(leaves=0.0)
    moment, rng = begun(world)
    shown = np.zeros(30, int)
    same = world.topic == world.topic[0]
    every = np.tile(np.arange(40), (30, 1))
    mood = moment.mood
    before = world.log_odds(moment, every, mood)
    after = world.log_odds(world.step(moment, shown, rng).moment, every, mood)
    np.testing.assert_allclose((before - after)[:, same], world.config.fatigue)
    np.testing.assert_allclose((before - after)[:, ~same], 0, atol=1e-12)
    later = world.step(world.step(moment, shown, rng).moment, np.full(30, int((~same).argmax())), rng).moment
    rested = world.log_odds(later, every, mood)
    np.testing.assert_allclose((before - rested)[:, same], world.config.fatigue * world.config.rest)


def test_moods_sway_clicks_and_h_tells_moods():
    moment, _ = begun(life(blur=0.0))
    assert np.ptp(life(sway=0.0).log_odds(moment, moment.candidates, moment.mood * 0)
                  - life(sway=0.0).log_odds(moment, moment.candidates)) == 0  # fmt: skip
    inverse = np.linalg.lstsq(np.c_[np.arctanh(moment.H), np.ones(30)], moment.mood, rcond=None)[0]
    np.testing.assert_allclose(np.c_[np.arctanh(moment.H), np.ones(30)] @ inverse, moment.mood, atol=1e-6)
    blurred, _ = begun(life(blur=0.5))
    assert abs(blurred.H - moment.H).max() > 0.1


def test_candidates_differ_by_person_and_moment():
    world = life(candidates=5)
    first, rng = begun(world)
    second = world.step(first, first.candidates[:, 0], rng).moment
    assert len({tuple(sorted(row)) for row in first.candidates}) > 20
    assert (np.sort(first.candidates) != np.sort(second.candidates)).any(1).mean() > 0.9
    assert all(len(set(row)) == 5 for row in first.candidates)


def test_who_leaves_comes_back_rested():
    world = life(leaves=0.5)
    moment, rng = begun(world)
    out = world.step(moment, moment.candidates[:, 0], rng)
    assert 0 < out.left.sum() < 30
    assert not out.moment.tired[out.left].any()
    assert out.moment.tired[~out.left].any(1).all()
    np.testing.assert_array_equal(out.moment.clicked, out.after.clicked)  # what is known of a person stays
    half = (out.after.mood + world.cast.baseline) / 2
    np.testing.assert_array_equal(out.moment.mood[out.left], half[out.left])


def test_tastes_turn_at_their_moment():
    world = life(turn=1)
    moment, rng = begun(world)
    every = np.tile(np.arange(40), (30, 1))
    later = world.step(moment, moment.candidates[:, 0], rng).moment
    calm = np.zeros((30, 3))
    taste = world.log_odds(later, every, calm) + world.config.fatigue * later.tired[:, world.topic]
    np.testing.assert_allclose(taste, np.roll(world.cast.taste, -1, axis=1))
    np.testing.assert_allclose(world.log_odds(moment, every, calm), world.cast.taste)


def test_reports_are_the_nearest_categories():
    world = life(reported=1.0)
    moment, _ = begun(world)
    distance = ((moment.mood[:, None] - world.points) ** 2).sum(2)
    np.testing.assert_array_equal(moment.report, distance.argmin(1))
    silent, _ = begun(life(reported=0.0))
    assert (silent.report == world.categories).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_lives_the_same_life(seed):
    one, other = begun(life(), seed), begun(life(), seed)
    for _ in range(3):
        one, other = ((life().step(m, m.candidates[:, 0], rng).moment, rng) for m, rng in (one, other))
    np.testing.assert_array_equal(one[0].mood, other[0].mood)
    np.testing.assert_array_equal(one[0].candidates, other[0].candidates)
    assert not np.array_equal(begun(life(), seed)[0].mood, begun(life(), seed + 7)[0].mood)
