"""Many small regressions with one prior, learned from all of them: empirical Bayes in closed form."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

RATIOS = np.geomspace(1.0, 10_000.0, 41)  # variance of the noise over variance of the weights, as tried


class Regression(NamedTuple):
    """What a regression y = X w + noise needs to be solved for any prior of w: w ~ N(0, noise / ratio)."""

    values: Float[np.ndarray, " weights"]  # eigenvalues of XᵀX
    vectors: Float[np.ndarray, "weights weights"]  # its eigenvectors, one a column
    along: Float[np.ndarray, " weights"]  # Xᵀy along them
    total: float  # yᵀy
    free: int  # degrees of freedom of the noise


class Posterior(NamedTuple):
    """What is known of the weights after the data were seen."""

    mean: Float[np.ndarray, " weights"]
    sd: Float[np.ndarray, " weights"]
    noise: float  # variance of the noise


def regression(
    y: Float[np.ndarray, "axes rows"],
    X: Float[np.ndarray, "axes rows weights"],
    known: Float[np.ndarray, "axes rows others"],
) -> Regression:
    """The regression of y on X, weights shared by the axes, with what `known` explains of each axis taken out of both.

    Args:
        y: the outcome.
        X: what is to be weighed.
        known: other causes, with coefficients of their own on each axis; no prior shrinks them.
    """
    basis = np.linalg.qr(known)[0]
    y = y - (basis @ (basis.transpose(0, 2, 1) @ y[..., None]))[..., 0]
    X = X - basis @ (basis.transpose(0, 2, 1) @ X)
    values, vectors = np.linalg.eigh(np.einsum("arw,arv->wv", X, X))
    along = vectors.T @ np.einsum("arw,ar->w", X, y)
    return Regression(values.clip(min=0), vectors, along, float((y**2).sum()), y.size - known.shape[0] * known.shape[2])


def likeliest(regressions: Sequence[Regression]) -> float:
    """The ratio, one for all regressions, under which their outcomes are most likely; each has a noise of its own."""
    evidence = np.zeros(len(RATIOS))
    for each in regressions:
        noise = (each.total - (each.along**2 / (each.values + RATIOS[:, None])).sum(1)) / each.free
        spread = np.log1p(each.values / RATIOS[:, None]).sum(1)
        evidence -= (each.free * np.log(noise.clip(min=1e-12)) + spread) / 2
    return float(RATIOS[evidence.argmax()])


def posterior(regression: Regression, ratio: float) -> Posterior:
    """Mean and standard deviation of the weights under the prior N(0, noise / ratio)."""
    kept = regression.values + ratio
    noise = max((regression.total - float((regression.along**2 / kept).sum())) / regression.free, 1e-12)
    sd = np.sqrt(noise * (regression.vectors**2 / kept).sum(1))
    return Posterior(regression.vectors @ (regression.along / kept), sd, noise)
