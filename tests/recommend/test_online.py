import json

import numpy as np
import pytest

from emotide.errors import BadInput, ModelMismatch
from emotide.recommend import Feedback, OnlineConfig, OnlinePolicy, QConfig, Recommender
from emotide.recommend.kept import HEAD
from emotide.recommend.watch import Watch

ITEMS, WIDTH = 4, 3
PLACES = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
LIKED = np.array([[0.9, 0.1, 0.1, 0.1], [0.1, 0.9, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1]])  # P(click | mood, item)


def made(**changed: object) -> Recommender:
    config = {"width": 16, "batch": 64, "discount": 0.0, "online_learning_rate": 5e-3, **changed}
    return Recommender.new(WIDTH, np.eye(ITEMS), QConfig.model_validate(config))


def moods(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    mood = rng.integers(0, 3, n)
    return mood, (PLACES[mood] + 0.1 * rng.normal(size=(n, WIDTH))).astype(np.float32)


def live(policy: OnlinePolicy, rounds: int, seed: int, begin: int = 0) -> tuple[float, bool]:
    """Serve and learn for some rounds of 50 people; the mean reward of the last ten, and whether it went back."""
    rng, earned, back = np.random.default_rng(seed), [], False
    for round_ in range(begin, begin + rounds):
        mood, H = moods(50, rng)
        shown = policy.choose(H, 1, rng=rng)
        reward = (rng.random(50) < LIKED[mood, shown.item[:, 0]]).astype(float)
        now = np.full(50, float(round_))
        rows = Feedback(np.arange(50), H, shown.item[:, 0], reward, now, shown.propensity[:, 0].astype(float))
        back |= policy.learn(rows, {"round": round_})
        earned.append(reward.mean())
    return float(np.mean(earned[-10:])), back


def test_it_learns_from_what_it_shows():
    earned, back = live(OnlinePolicy(made()), 60, 0)
    assert earned > 0.7  # chance earns 0.3, the best 0.83 with ε = 0.1
    assert not back


def test_a_resumed_policy_goes_on_as_if_it_had_not_stopped(tmp_path):
    config = OnlineConfig(block=100)
    steady = OnlinePolicy(made(replay=False), config=config)
    live(steady, 8, 1)
    live(steady, 8, 2, begin=8)
    first = OnlinePolicy(made(replay=False), tmp_path, config)
    live(first, 8, 1)
    first.checkpoint()
    again = OnlinePolicy.open(made(replay=False), tmp_path, config)
    assert (again.place, again.seen) == ({"round": 7}, 400)
    assert again.running == first.running
    live(again, 8, 2, begin=8)
    H = moods(20, np.random.default_rng(3))[1]
    np.testing.assert_array_equal(again.recommender.scores(H), steady.recommender.scores(H))
    assert again.running == steady.running


def test_the_kept_policy_comes_back_also_after_a_restart(tmp_path):
    config = OnlineConfig(block=200, every=200)
    policy = OnlinePolicy(made(), tmp_path, config)
    live(policy, 40, 4)
    H = moods(20, np.random.default_rng(5))[1]
    policy = OnlinePolicy.open(made(), tmp_path, config)
    good = policy.recommender.scores(H)
    for weight in policy.recommender.network.parameters():  # a bad night
        weight.data.zero_()
    rows = Feedback(np.arange(200), np.tile(H, (10, 1)), np.zeros(200, int), np.zeros(200), np.full(200, 99.0))
    assert policy.learn(rows)
    assert policy.running["returns"] == 1
    assert np.abs(policy.recommender.scores(H) - good).max() < good.std()  # without weights it is more than twice that


def test_rewards_of_others_and_of_decisions_before_a_return_are_learned_from_and_not_watched():
    policy = OnlinePolicy(made(), config=OnlineConfig(block=50))
    H = moods(50, np.random.default_rng(0))[1]
    rows = Feedback(np.arange(50), H, np.zeros(50, int), np.ones(50), np.zeros(50), own=np.zeros(50, bool))
    policy.learn(rows)
    assert (policy.running["good"], policy.running["now"], len(policy.recommender.memory)) == (None, None, 50)
    policy.returned = 5.0
    policy.learn(Feedback(rows.user, H, rows.item, rows.reward, np.r_[np.full(40, 5.0), np.full(10, 6.0)]))
    assert len(policy.watch.rewards) == 10


def test_a_feedback_teaches_when_it_is_known_where_it_led():
    policy = OnlinePolicy(made(discount=0.5), config=OnlineConfig(patience=3))
    H = np.arange(18, dtype=np.float32).reshape(6, 3)

    def came(user: list[int], row: int, time: float = 0.0) -> int:
        n = len(user)
        policy.learn(Feedback(np.array(user), H[row : row + n], np.arange(n) % ITEMS, np.ones(n), np.full(n, time)))
        return len(policy.recommender.memory)

    assert came([1, 2], 0) == 0
    assert came([1], 2, 1.0) == 1
    rows = policy.recommender.memory.rows
    np.testing.assert_array_equal(rows.state[0], H[0])
    np.testing.assert_array_equal(rows.next_state[0], H[2])
    assert not rows.done[0]
    assert came([1], 3, 0.5) == 2  # late: it is learned from by itself
    assert rows.done[1]
    assert came([3, 4], 4, 2.0) == 3  # 2 has not come back
    assert rows.done[2]
    np.testing.assert_array_equal(rows.state[2], H[1])


def test_what_is_remembered_is_replayed_and_linked_to_what_comes():
    policy = OnlinePolicy(made(discount=0.5))
    H = np.eye(3, dtype=np.float32)
    policy.remember(Feedback(np.array([7, 7]), H[:2], np.array([0, 1]), np.ones(2), np.arange(2.0)))
    assert (len(policy.recommender.memory), policy.seen) == (1, 0)
    policy.learn(Feedback(np.array([7]), H[2:], np.array([2]), np.ones(1), np.array([2.0])))
    np.testing.assert_array_equal(policy.recommender.memory.rows.next_state[1], H[2])


def test_new_items_are_shown_at_once():
    policy = OnlinePolicy(made())
    live(policy, 10, 6)
    assert policy.take(np.full((2, ITEMS), 0.5)).tolist() == [4, 5]
    H = moods(5, np.random.default_rng(0))[1]
    shown = policy.choose(H, 6, epsilon=0.0).item
    assert np.array_equal(np.sort(shown, 1), np.tile(np.arange(6), (5, 1)))
    policy.learn(Feedback(np.arange(5), H, np.full(5, 5), np.ones(5), np.full(5, 11.0)))
    with pytest.raises(ModelMismatch, match="items of width 4, these have 2"):
        policy.take(np.ones((1, 2)))


def test_a_checkpoint_is_of_one_recommender_whole_and_alone(tmp_path):
    policy = OnlinePolicy(made(), tmp_path, OnlineConfig(every=50))
    live(policy, 5, 7)
    assert len(list(tmp_path.iterdir())) == 2  # one folder of weights, one file that names it
    assert OnlinePolicy.open(made(seed=9), tmp_path).seen == 0  # it began from other weights
    assert OnlinePolicy.open(made(), tmp_path / "nowhere").seen == 0
    told = json.loads((tmp_path / HEAD).read_text())
    next(tmp_path.glob("weights-*/*")).write_bytes(b"cut")
    with pytest.raises(ModelMismatch, match="the checkpoint does not fit"):
        OnlinePolicy.open(made(), tmp_path)
    (tmp_path / HEAD).write_text(json.dumps(told | {"format": 0}))
    with pytest.raises(ModelMismatch, match="of another version"):
        OnlinePolicy.open(made(), tmp_path)


def test_what_makes_no_sense_reads_well():
    policy, H = OnlinePolicy(made()), np.zeros((1, 3), np.float32)
    one = np.zeros(1, int)
    with pytest.raises(BadInput, match="not among the 4"):
        policy.learn(Feedback(one, H, one + 4, np.ones(1), np.zeros(1)))
    with pytest.raises(BadInput, match="no number"):
        policy.learn(Feedback(one, H, one, np.array([np.nan]), np.zeros(1)))
    with pytest.raises(ModelMismatch, match="states of width 3, these have 2"):
        policy.learn(Feedback(one, H[:, :2], one, np.ones(1), np.zeros(1)))
    with pytest.raises(BadInput, match="no folder"):
        policy.checkpoint()


@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_false_alarms_are_fewer_than_one_block_in_a_thousand(rate):
    rng, watch = np.random.default_rng(0), Watch(made(width=1), block=500)
    assert sum(watch.saw((rng.random(500) < rate).astype(float)) for _ in range(2000)) < 2


@pytest.mark.parametrize(("fall", "blocks", "least"), [(0.5, 1, 0.99), (0.25, 10, 0.9)])
def test_a_fall_is_found(fall, blocks, least):
    rng, found = np.random.default_rng(1), 0
    for _ in range(200):
        watch = Watch(made(width=1), block=500)
        watch.saw(rng.normal(size=500))
        found += watch.saw(rng.normal(size=500 * blocks) - fall)
    assert found >= least * 200
