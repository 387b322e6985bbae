"""Small worlds with a known answer: the recommender must find it, and nothing where there is nothing."""

import numpy as np
import pytest

from emotide.recommend import QConfig, Recommender, Transitions

MOODS, ITEMS = 4, 8
rng = np.random.default_rng(0)
VECTORS = rng.normal(size=(ITEMS, 6))
PLACES = rng.normal(size=(MOODS, 5))  # where each mood lies among the states
TASTE = rng.permuted(np.tile(np.linspace(0.1, 0.9, ITEMS), (MOODS, 1)), axis=1)  # P(liked | mood, item)


def bandit(n: int, seed: int, taste: np.ndarray = TASTE) -> tuple[Transitions, np.ndarray]:
    """Items shown at random to people whose mood decides whether they like them; also each row's mood."""
    rng = np.random.default_rng(seed)
    user, mood, item = rng.integers(0, 50, n), rng.integers(0, MOODS, n), rng.integers(0, ITEMS, n)
    H = PLACES[mood] + 0.2 * rng.normal(size=(n, 5))
    reward = (rng.random(n) < taste[mood, item]).astype(float)
    log = Transitions.from_feedback(user, np.arange(n), H, item, reward, np.full(n, 1 / ITEMS))
    return log, mood[np.lexsort((np.arange(n), user))]


def regret(recommender: Recommender, seed: int = 99) -> float:
    """Mean loss of the first rank against the best item of each mood, where choosing at random loses 1."""
    held_out, mood = bandit(800, seed)
    chosen = recommender.recommend(held_out.state, 1, epsilon=0.0).item[:, 0]
    lost = TASTE[mood].max(1) - TASTE[mood, chosen]
    return float(lost.mean() / (TASTE.max(1) - TASTE.mean(1)).mean())


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_the_best_item_of_each_mood_is_found(loss):
    log, _ = bandit(6000, 1)
    got = Recommender.fit(log, VECTORS, QConfig(steps=400, loss=loss))
    popular = np.full(MOODS, TASTE.mean(0).argmax())
    assert (TASTE.max(1) - TASTE[np.arange(MOODS), popular]).mean() > 0.1  # one item for all would not do
    assert regret(got) < 0.08


def test_values_are_those_of_the_world():
    log, _ = bandit(6000, 2)
    got = Recommender.fit(log, VECTORS, QConfig(steps=500, discount=0.0))
    assert np.abs(got.scores(PLACES) - TASTE).mean() < 0.06


def test_noise_teaches_nothing():
    lost = []
    for seed in range(6):
        log, _ = bandit(1500, seed, taste=np.full((MOODS, ITEMS), 0.5))
        lost.append(regret(Recommender.fit(log, VECTORS, QConfig(steps=60, seed=seed))))
    assert np.mean(lost) == pytest.approx(1, abs=0.3)


def decision(n: int, seed: int) -> Transitions:
    """Two steps: the item shown first pays little or nothing and decides the state in which the second is shown."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 2, n), rng.integers(0, 2, n)
    rewards = np.stack([FIRST[first], SECOND[first, second]], 1)
    states = np.stack([np.tile(START, (n, 1)), AFTER[first]], 1)
    user, time = np.repeat(np.arange(n), 2), np.tile([0, 1], n)
    items = np.stack([first, second], 1)
    return Transitions.from_feedback(user, time, states.reshape(-1, 3), items.ravel(), rewards.ravel())


START, AFTER = np.array([1.0, 0.0, 0.0]), np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
FIRST, SECOND = np.array([0.0, 0.3]), np.array([[1.0, 0.0], [0.2, 0.1]])


@pytest.mark.parametrize(("discount", "best"), [(0.9, 0), (0.1, 1)])
def test_what_follows_is_weighed_by_the_discount(discount, best):
    config = QConfig(discount=discount, steps=500, passes=1e6, batch=64, weight_decay=0, target_rate=0.05)
    got = Recommender.fit(decision(100, 0), np.array([[1.0, -1.0], [-1.0, 1.0]]), config)
    known = np.vstack([FIRST + discount * SECOND.max(1), SECOND])
    np.testing.assert_allclose(got.scores(np.vstack([START, AFTER])), known, atol=0.03)
    assert got.recommend(START[None], 1, epsilon=0.0).item[0, 0] == best


def test_every_new_reward_teaches():
    got = Recommender.fit(bandit(1000, 3)[0], VECTORS, QConfig(steps=100, memory=1000))
    turned = 1 - TASTE  # tastes turn round after the log ends
    before = np.corrcoef(got.scores(PLACES).ravel(), turned.ravel())[0, 1]
    got.learn(bandit(1500, 4, taste=turned)[0])
    after = np.corrcoef(got.scores(PLACES).ravel(), turned.ravel())[0, 1]
    assert before < -0.3
    assert after > 0.7


def test_one_reward_moves_its_own_value_towards_it():
    log, _ = bandit(500, 5)
    got = Recommender.fit(log, VECTORS, QConfig(steps=30, discount=0.0))
    before = got.scores(PLACES)[0, 2]
    one = Transitions.from_feedback(
        np.zeros(20), np.arange(20), np.tile(PLACES[0], (20, 1)), np.full(20, 2), np.full(20, 5.0)
    )
    got.learn(one)
    assert got.scores(PLACES)[0, 2] > before + 0.2
