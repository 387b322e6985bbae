import numpy as np
import torch

from emotide.recommend import QConfig, Recommender, Transitions
from emotide.recommend.watch import Watch

rng = np.random.default_rng(0)
H = rng.normal(size=(50, 3)).astype(np.float32)


def made() -> Recommender:
    return Recommender.new(3, np.eye(5), QConfig(width=8, batch=50))


def rows(reward: float) -> Transitions:
    item = rng.integers(0, 5, 50)
    done = np.ones(50, bool)
    return Transitions(H, item, np.full(50, reward, np.float32), H, done, np.ones(50, np.float32))


def test_the_last_good_policy_comes_back_when_reward_falls(tmp_path):
    one = made()
    one.learn(rows(1.0))
    watch = Watch(one, block=100, folder=tmp_path)
    assert not watch.saw(0.8 + 0.1 * rng.normal(size=100))
    good = one.scores(H)
    np.testing.assert_array_equal(Recommender.load(tmp_path).scores(H), good)
    for weight in one.network.parameters():  # a bad night
        weight.data.normal_()
    assert abs(one.scores(H) - good).max() > 0.1
    assert not watch.saw(0.1 + 0.1 * rng.normal(size=99))  # not a whole block yet
    assert watch.saw(np.array([0.1]))
    np.testing.assert_array_equal(one.scores(H), good)
    assert watch.returns == 1
    assert not watch.saw(np.full(100, 0.1))  # the world is worse now, and not the policy: measured anew
    assert not watch.saw(np.full(300, 0.1))


def test_what_earns_as_much_is_kept():
    one = made()
    watch = Watch(one, block=50)
    watch.saw(np.full(50, 0.5))
    one.learn(rows(2.0))
    better = one.scores(H)
    watch.saw(np.full(50, 0.6))
    for weight in one.network.parameters():
        weight.data.zero_()
    assert watch.saw(np.full(50, 0.0))
    np.testing.assert_array_equal(one.scores(H), better)


def test_chance_alone_brings_nothing_back():
    watch = Watch(made(), block=200)
    assert not any(watch.saw((rng.random(200) < 0.3).astype(float)) for _ in range(100))


def test_weights_that_are_no_numbers_are_taken_back_at_once():
    one = made()
    watch = Watch(one, block=20)
    watch.saw(np.full(20, 0.5))
    one.network.f.first.data.fill_(torch.nan)
    assert watch.saw(np.full(20, 0.5))
    assert np.isfinite(one.scores(H)).all()


def test_learning_goes_on_after_a_return():
    one = made()
    watch = Watch(one, block=50)
    watch.saw(np.ones(50))
    one.learn(rows(1.0))
    watch.saw(np.zeros(50))
    before = one.scores(H)
    one.learn(rows(1.0))
    assert not np.array_equal(before, one.scores(H))
    assert len(one.memory) == 100
