"""How easily chance would have done the same: p-values, and what they are worth when many are looked at."""

import numpy as np
from jaxtyping import Float, Int


def p_values(size: Float[np.ndarray, " asked"], null: Float[np.ndarray, " drawn"]) -> Float[np.ndarray, " asked"]:
    """The share of the null's draws, the asked one counted among them, that are at least as large."""
    ordered = np.sort(null)
    as_large = len(null) - np.searchsorted(ordered, size, side="left")
    share: np.ndarray = (as_large + 1) / (len(null) + 1)
    return share


def q_values(p: Float[np.ndarray, " asked"], family: Int[np.ndarray, " asked"]) -> Float[np.ndarray, " asked"]:
    """The share of false findings among all of a family with a p-value up to this one (Benjamini & Hochberg 1995)."""
    q = np.ones(len(p))
    for each in np.unique(family):
        mine = np.flatnonzero(family == each)
        mine = mine[np.argsort(-p[mine], kind="stable")]
        q[mine] = np.minimum.accumulate(p[mine] * len(mine) / np.arange(len(mine), 0, -1)).clip(max=1)
    return q
