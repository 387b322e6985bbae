import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.errors import BadInput
from emotide.recommend import QConfig, Recommender, Transitions
from emotide.recommend.ridge import Ridge

rng = np.random.default_rng(0)


def features(h: np.ndarray, a: np.ndarray) -> np.ndarray:
    """[1, h] ⊗ [1, a], row by row and literally."""
    return np.array([np.outer(np.r_[1, x], np.r_[1, y]).ravel() for x, y in zip(h, a, strict=True)])


def test_it_is_the_ridge_regression_however_the_rows_come():
    h, a, r = rng.normal(size=(700, 3)), rng.normal(size=(700, 2)), rng.normal(size=700)
    x = features(h, a)
    A = 2.0 * np.eye(12) + x.T @ x
    theta = np.linalg.solve(A, x.T @ r)
    at_once, by_and_by = Ridge(3, 2, 2.0), Ridge(3, 2, 2.0)
    H, a_, R = (torch.from_numpy(part).float() for part in (h, a, r))
    at_once.add(H, a_, R)
    for some in (slice(0, 5), slice(5, 6), slice(6, 700)):
        by_and_by.add(H[some], a_[some], R[some])
    for one in (at_once, by_and_by):
        assert_close(one.theta.double().flatten(), torch.from_numpy(theta), rtol=1e-4, atol=1e-5)
    spread = at_once.spread(H[:4], a_[:20].view(4, 5, 2))
    for k in range(4):
        for item in range(5):
            row = features(h[k : k + 1], a[5 * k + item][None])[0]
            assert float(spread[k, item]) == pytest.approx(np.sqrt(row @ np.linalg.solve(A, row)), rel=1e-3)


def linear_world(n: int) -> Transitions:
    H, item = rng.normal(size=(n, 4)).astype(np.float32), rng.integers(0, 6, n)
    reward = (H[:, 0] * ITEMS[item, 0] - H[:, 1] * ITEMS[item, 1] + 0.3 * rng.normal(size=n)).astype(np.float32)
    return Transitions(H, item, reward, H, np.ones(n, bool), np.full(n, np.nan, np.float32))


ITEMS = rng.normal(size=(6, 3))
CONFIG = {"discount": 0.0, "width": 8, "steps": 5, "batch": 100}


def off(made: Recommender) -> float:
    H = rng.normal(size=(50, 4)).astype(np.float32)
    true = H[:, :1] * ITEMS[:, 0] - H[:, 1:2] * ITEMS[:, 1]
    return float(np.abs(made.scores(H) - true).mean())


def test_what_is_linear_is_known_at_once_offline_and_online(tmp_path):
    rows = linear_world(400)
    plain, fitted = (Recommender.fit(rows, ITEMS, QConfig(linear=ridge, **CONFIG)) for ridge in (0.0, 1.0))
    assert off(fitted) < 0.5 * off(plain)  # the network has hardly begun
    online = Recommender.new(4, ITEMS, QConfig(linear=1.0, online_every=50, **CONFIG))
    online.learn(rows)
    assert off(online) < 0.5 * off(plain)
    online.save(tmp_path)
    again, H = Recommender.load(tmp_path), rows.state[:5]
    np.testing.assert_array_equal(again.scores(H), online.scores(H))
    np.testing.assert_allclose(
        again.values(H, np.tile(np.arange(6), (5, 1))), again.scores(H), atol=1e-5
    )  # some and all say the same
    for one in (again, online):
        one.learn(linear_world(50))  # nothing was lost: it goes on alike
    assert off(again) < 0.5 * off(plain)
    assert_close(again.network.ridge.theta, again.target.ridge.theta)


def test_optimism_tries_what_is_little_known_and_keeps_values():
    made = Recommender.new(4, np.eye(6), QConfig(linear=1.0, online_every=100, **CONFIG))
    H = rng.normal(size=(300, 4)).astype(np.float32)
    item = rng.integers(0, 5, 300)  # the sixth was never shown
    made.learn(Transitions(H, item, np.ones(300, np.float32), H, np.ones(300, bool), np.ones(300, np.float32)))
    every = np.tile(np.arange(6), (300, 1))
    got = made.choose(H, every, 1, 0.0, optimism=5.0)
    assert (got.item[:, 0] == 5).mean() > 0.9
    np.testing.assert_allclose(got.value, np.take_along_axis(made.values(H, every), got.item, 1))
    plain = Recommender.new(4, np.eye(6), QConfig(**CONFIG))
    np.testing.assert_array_equal(
        plain.choose(H, every, 1, 0.0).item, plain.choose(H, every, 1, 0.0, optimism=5.0).item
    )


def test_too_many_products_read_well():
    with pytest.raises(BadInput, match="a linear part of 4225 products of state and item; at most 2048"):
        Recommender.new(64, rng.normal(size=(3, 64)), QConfig(linear=1.0))
