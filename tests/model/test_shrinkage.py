"""Many regressions with one prior, against the textbook written out, and on worlds whose prior is known."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose

from emotide.model.shrinkage import RATIOS, likeliest, posterior, regression, spectrum


def drawn(rng, spread, rows=60, weights=4, noise=0.5):
    w = rng.normal(0, spread, weights)
    X, known = rng.normal(size=(3, rows, weights)), rng.normal(size=(3, rows, 2))
    own = rng.normal(size=(3, 2, 1))
    y = X @ w + (known @ own)[..., 0] + rng.normal(0, noise, (3, rows))
    return w, y, X, known


@pytest.mark.parametrize("weights", [4, 250])  # fewer than there are outcomes, and more
def test_the_posterior_is_ridge_regression_beside_free_coefficients(weights):
    _, y, X, known = drawn(np.random.default_rng(0), 0.5, weights=weights)
    found = posterior(regression(y, X, known), 7.0)
    rows, k = y.size, X.shape[2]
    whole = np.zeros((rows, k + 6))  # three axes on end, each with two coefficients of its own
    whole[:, :k] = X.reshape(rows, k)
    for axis in range(3):
        whole[axis * 60 : axis * 60 + 60, k + 2 * axis : k + 2 * axis + 2] = known[axis]
    gram = whole.T @ whole + np.diag([7.0] * k + [0.0] * 6)
    assert_allclose(found.mean, np.linalg.solve(gram, whole.T @ y.ravel())[:k], rtol=1e-6, atol=1e-9)
    assert_allclose(found.sd, np.sqrt(found.noise * np.diag(np.linalg.inv(gram))[:k]), rtol=1e-8)


@pytest.mark.parametrize("weights", [4, 250])
def test_how_likely_a_prior_is_does_not_hang_on_the_side_that_is_solved(weights):
    asked = regression(*drawn(np.random.default_rng(4), 0.2, weights=weights)[1:])
    values, along, total, free = spectrum(asked)
    for ratio in (3.0, 300.0):  # y ~ N(0, noise (1 + XXᵀ / ratio)), with the likeliest noise
        inner = np.eye(len(asked.y)) + asked.X @ asked.X.T / ratio
        assert_allclose(total - (along**2 / (values + ratio)).sum(), asked.y @ np.linalg.solve(inner, asked.y))
        assert_allclose(np.log1p(values / ratio).sum(), np.linalg.slogdet(inner)[1])
    assert free == 3 * (60 - 2)


def test_regressions_side_by_side_and_filled_up_are_those_alone():
    rng = np.random.default_rng(5)
    drawings = [drawn(rng, 0.3, rows, weights)[1:] for rows, weights in ((20, 5), (26, 70), (9, 90))]
    filled = [np.zeros((3, *shape)) for shape in ((3, 26), (3, 26, 90), (3, 26, 2))]
    for k, parts in enumerate(drawings):
        for whole, part in zip(filled, parts, strict=True):
            whole[k][tuple(slice(0, length) for length in part.shape)] = part
    together = regression(*filled, np.array([20, 26, 9]))
    alone = [regression(*parts) for parts in drawings]
    for k, one in enumerate(alone):
        for mine, other in zip(posterior(one, 5.0), (each[k] for each in posterior(together, 5.0)), strict=True):
            assert_allclose(np.atleast_1d(other)[: mine.size], np.atleast_1d(mine), rtol=1e-8, atol=1e-12)
    assert likeliest([spectrum(together)]) == likeliest([spectrum(one) for one in alone])


def test_memory_grows_with_outcomes_times_weights_not_with_pairs_of_weights():
    asked = drawn(np.random.default_rng(6), 0.1, rows=8, weights=4000)[1:]
    tracemalloc.start()
    posterior(regression(*asked), 7.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * asked[1].nbytes  # which are 0.8 MB; all pairs of weights are 128 MB


@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_the_prior_is_found(spread):
    rng = np.random.default_rng(1)
    ratio = likeliest([spectrum(regression(*drawn(rng, spread)[1:])) for _ in range(60)])
    assert 0.5 < ratio / (0.25 / spread**2) < 2


def test_where_there_is_nothing_everything_is_shrunk():
    rng = np.random.default_rng(2)
    solved = [regression(*drawn(rng, 0.0)[1:]) for _ in range(60)]
    ratio = likeliest([spectrum(each) for each in solved])
    assert ratio >= RATIOS[-1] / 10
    assert max(abs(posterior(each, ratio).mean).max() for each in solved) < 0.02


def test_truth_lies_within_the_spread_as_often_as_it_should():
    rng = np.random.default_rng(3)
    drawings = [drawn(rng, 0.2) for _ in range(100)]
    solved = [regression(*drawing[1:]) for drawing in drawings]
    ratio = likeliest([spectrum(each) for each in solved])
    z = [
        (w - found.mean) / found.sd
        for (w, *_), found in zip(drawings, (posterior(s, ratio) for s in solved), strict=True)
    ]
    assert 0.9 < np.std(z) < 1.1
