"""Many regressions with one prior, against the textbook written out, and on worlds whose prior is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from emotide.model.shrinkage import RATIOS, likeliest, posterior, regression


def drawn(rng, spread, rows=60, weights=4, noise=0.5):
    w = rng.normal(0, spread, weights)
    X, known = rng.normal(size=(3, rows, weights)), rng.normal(size=(3, rows, 2))
    own = rng.normal(size=(3, 2, 1))
    y = X @ w + (known @ own)[..., 0] + rng.normal(0, noise, (3, rows))
    return w, y, X, known


def test_the_posterior_is_ridge_regression_beside_free_coefficients():
    _, y, X, known = drawn(np.random.default_rng(0), 0.5)
    found = posterior(regression(y, X, known), 7.0)
    rows, k = y.size, X.shape[2]
    whole = np.zeros((rows, k + 6))  # three axes on end, each with two coefficients of its own
    whole[:, :k] = X.reshape(rows, k)
    for axis in range(3):
        whole[axis * 60 : axis * 60 + 60, k + 2 * axis : k + 2 * axis + 2] = known[axis]
    gram = whole.T @ whole + np.diag([7.0] * k + [0.0] * 6)
    assert_allclose(found.mean, np.linalg.solve(gram, whole.T @ y.ravel())[:k], rtol=1e-8)
    assert_allclose(found.sd, np.sqrt(found.noise * np.diag(np.linalg.inv(gram))[:k]), rtol=1e-8)


@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_the_prior_is_found(spread):
    rng = np.random.default_rng(1)
    ratio = likeliest([regression(*drawn(rng, spread)[1:]) for _ in range(60)])
    assert 0.5 < ratio / (0.25 / spread**2) < 2


def test_where_there_is_nothing_everything_is_shrunk():
    rng = np.random.default_rng(2)
    solved = [regression(*drawn(rng, 0.0)[1:]) for _ in range(60)]
    ratio = likeliest(solved)
    assert ratio >= RATIOS[-1] / 10
    assert max(abs(posterior(each, ratio).mean).max() for each in solved) < 0.02


def test_truth_lies_within_the_spread_as_often_as_it_should():
    rng = np.random.default_rng(3)
    drawings = [drawn(rng, 0.2) for _ in range(100)]
    solved = [regression(*drawing[1:]) for drawing in drawings]
    ratio = likeliest(solved)
    z = [
        (w - found.mean) / found.sd
        for (w, *_), found in zip(drawings, (posterior(s, ratio) for s in solved), strict=True)
    ]
    assert 0.9 < np.std(z) < 1.1
