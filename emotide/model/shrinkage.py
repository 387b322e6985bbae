"""Many small regressions with one prior, learned from all of them: empirical Bayes in closed form.

Regressions of one shape are solved side by side (`many`); shorter ones are filled up with zeros, which change nothing.
What is solved has as many rows as a regression has outcomes or weights, whichever are fewer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

RATIOS = np.geomspace(1.0, 10_000.0, 41)  # variance of the noise over variance of the weights, as tried


class Regression(NamedTuple):
    """Regressions y = X w + noise, with what `known` explains taken out."""

    y: Float[np.ndarray, "*many outcomes"]
    X: Float[np.ndarray, "*many outcomes weights"]
    free: Int[np.ndarray, "*many"]  # degrees of freedom of the noise


class Spectrum(NamedTuple):
    """What says how likely regressions are under any prior w ~ N(0, noise / ratio)."""

    values: Float[np.ndarray, "*many side"]  # eigenvalues of XᵀX; those that are left out are 0
    along: Float[np.ndarray, "*many side"]  # Xᵀy along their vectors
    total: Float[np.ndarray, "*many"]  # yᵀy
    free: Int[np.ndarray, "*many"]


class Posterior(NamedTuple):
    """What is known of the weights after the data were seen."""

    mean: Float[np.ndarray, "*many weights"]
    sd: Float[np.ndarray, "*many weights"]
    noise: Float[np.ndarray, "*many"]  # variance of the noise


def regression(
    y: Float[np.ndarray, "*many axes rows"],
    X: Float[np.ndarray, "*many axes rows weights"],
    known: Float[np.ndarray, "*many axes rows others"],
    rows: Int[np.ndarray, "*many"] | None = None,
) -> Regression:
    """The regression of y on X, weights shared by the axes, with what `known` explains of each axis taken out of both.

    Args:
        y: the outcome.
        X: what is to be weighed.
        known: other causes, with coefficients of their own on each axis; no prior shrinks them.
        rows: how many rows of each are no filling; all by default.
    """
    many, (axes, length, weights) = X.shape[:-3], X.shape[-3:]
    basis = np.linalg.qr(known)[0]
    y = y - (basis @ (basis.swapaxes(-1, -2) @ y[..., None]))[..., 0]
    X = X - basis @ (basis.swapaxes(-1, -2) @ X)
    whole = np.full(many, length) if rows is None else rows
    free = axes * (whole - known.shape[-1])
    return Regression(y.reshape(*many, axes * length), X.reshape(*many, axes * length, weights), free)


def spectrum(asked: Regression) -> Spectrum:
    """The eigenvalues of XᵀX with what y is along them."""
    y, X, free = asked
    turned, total = X.swapaxes(-1, -2), (y**2).sum(-1)
    if X.shape[-1] <= X.shape[-2]:
        values, vectors = np.linalg.eigh(turned @ X)
        return Spectrum(values.clip(min=0), _times(vectors.swapaxes(-1, -2), _times(turned, y)), total, free)
    values, vectors = np.linalg.eigh(X @ turned)  # the same eigenvalues, but for zeros
    values = values.clip(min=0)
    return Spectrum(values, np.sqrt(values) * _times(vectors.swapaxes(-1, -2), y), total, free)


def likeliest(spectra: Sequence[Spectrum]) -> float:
    """The ratio, one for all regressions, under which their outcomes are most likely; each has a noise of its own."""
    evidence = np.zeros(len(RATIOS))
    for values, along, total, free in spectra:
        for k, ratio in enumerate(RATIOS):
            noise = (total - (along**2 / (values + ratio)).sum(-1)) / free
            likely = free * np.log(noise.clip(min=1e-12)) + np.log1p(values / ratio).sum(-1)
            evidence[k] -= likely.sum() / 2
    return float(RATIOS[evidence.argmax()])


def posterior(asked: Regression, ratio: float) -> Posterior:
    """Mean and standard deviation of the weights under the prior N(0, noise / ratio).

    C = (XᵀX + ratio)⁻¹ = (1 − Xᵀ(XXᵀ + ratio)⁻¹X) / ratio        mean = C Xᵀy        sd² = noise · diag(C)
    """
    y, X, free = asked
    turned = X.swapaxes(-1, -2)
    if X.shape[-1] <= X.shape[-2]:
        C, along = np.linalg.inv(turned @ X + ratio * np.eye(X.shape[-1])), _times(turned, y)
        mean, spread = _times(C, along), np.diagonal(C, axis1=-2, axis2=-1)
        rest = (y**2).sum(-1) - (along * mean).sum(-1)
    else:
        K = np.linalg.inv(X @ turned + ratio * np.eye(X.shape[-2]))
        left = _times(K, y)
        mean, spread = _times(turned, left), (1 - (X * (K @ X)).sum(-2)) / ratio
        rest = ratio * (y * left).sum(-1)
    noise = (rest / free).clip(min=1e-12)
    return Posterior(mean, np.sqrt(noise[..., None] * spread.clip(min=0)), noise)


def _times(matrix: Float[np.ndarray, "*many rows columns"], vector: Float[np.ndarray, "*many columns"]) -> np.ndarray:
    product: np.ndarray = (matrix @ vector[..., None])[..., 0]
    return product
