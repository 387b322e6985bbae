import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from emotide.demo.config import TownConfig
from emotide.errors import BadInput
from emotide.world import TownEnv, TownVectorEnv, WorldConfig

SMALL = WorldConfig(town=TownConfig(people=12, items=30), candidates=6, leaves=0.2)


def test_gymnasiums_checker_finds_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the checker warns of what it does not like
        check_env(gymnasium.make("emotide/Town-v0").unwrapped)


def test_a_session_ends_and_is_rewarded_by_clicks():
    env = TownEnv(SMALL)
    env.reset(seed=3)
    rewards, lengths = set(), []
    for _ in range(60):
        seen, reward, left, cut, info = env.step(env.action_space.sample())
        rewards.add(reward)
        assert env.observation_space.contains(seen)
        assert not cut
        assert -1 <= info["pleasure"] <= 1
        lengths.append(left)
    assert rewards == {0.0, 1.0}
    assert any(lengths)


def test_everybody_at_once():
    env = gymnasium.make_vec("emotide/Town-v0", num_envs=12, vectorization_mode="vector_entry_point", config=SMALL)
    seen, _ = env.reset(seed=1)
    left = np.zeros(12, bool)
    for _ in range(20):
        assert env.observation_space.contains(seen)
        seen, reward, left, cut, info = env.step(env.action_space.sample())
        assert reward.shape == left.shape == cut.shape == (12,)
        assert ("final_obs" in info) == left.any()
        if left.any():
            final = info["final_obs"]["context"]
            np.testing.assert_array_equal(info["_final_obs"], left)
            np.testing.assert_array_equal(final[~left], seen["context"][~left])
            assert (final[left] != seen["context"][left]).any(1).all()
    assert not cut.any()


def test_the_number_of_people_is_that_asked_for():
    assert TownVectorEnv(SMALL).num_envs == 12
    assert TownVectorEnv(SMALL, num_envs=5).reset(seed=0)[0]["H"].shape == (5, 8)


@pytest.mark.parametrize("made", [TownEnv, TownVectorEnv])
def test_the_same_seed_lives_the_same_life(made):
    def lived(seed: int) -> list[np.ndarray]:
        env = made(SMALL)
        seen = [env.reset(seed=seed)[0]["H"]]
        action = np.zeros(12, int) if made is TownVectorEnv else np.int64(0)
        return [*seen, *(env.step(action)[0]["H"] for _ in range(5))]

    np.testing.assert_array_equal(lived(4), lived(4))
    assert not np.array_equal(lived(4), lived(5))


def test_what_cannot_be_asked_reads_well():
    with pytest.raises(BadInput, match="was not reset"):
        TownVectorEnv(SMALL).step(np.zeros(12, int))
    with pytest.raises(BadInput, match="was not reset"):
        TownEnv(SMALL).step(np.int64(0))
    with pytest.raises(BadInput, match="one seed"):
        TownVectorEnv(SMALL).reset(seed=[1, 2])
