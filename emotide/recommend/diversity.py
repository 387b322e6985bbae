"""Slates that are not five times the same: maximal marginal relevance (Carbonell & Goldstein 1998)."""

import numpy as np
from jaxtyping import Bool, Float

SHORT = 50  # items by value from which a slate is put together, or five times its length


def diversified(
    values: Float[np.ndarray, "users items"],
    allowed: Bool[np.ndarray, "users items"],
    vectors: Float[np.ndarray, "items width"],
    top: int,
    diversity: float,
) -> Float[np.ndarray, "users items"]:
    """Values whose order is that of marginal relevance; without diversity the order stays as it was.

        next = argmax_a (1 − diversity) · z(a) − diversity · max_{b chosen} cos(a, b)

    z is the value in spreads of the user's shortlist. What is not on the shortlist follows by value.

    Args:
        values: Q.
        allowed: which items may be shown.
        vectors: of the items; likeness is the cosine about their mean.
        top: how many are chosen so.
        diversity: from 0, value alone, to 1, unlikeness alone.
    """
    centred = vectors - vectors.mean(0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    ranked = np.where(allowed, values, -np.inf).astype(np.float32)
    for user in range(len(values)):
        some = np.argsort(-ranked[user], kind="stable")[: max(SHORT, 5 * top)]
        some = some[allowed[user, some]]
        if not len(some):
            continue
        value = values[user, some]
        z = (value - value.mean()) / max(float(value.std()), 1e-9)
        likest, left = np.full(len(some), 0.0), np.ones(len(some), bool)
        for place in range(min(top, len(some))):
            worth = np.where(left, (1 - diversity) * z - diversity * likest, -np.inf)
            best = int(worth.argmax())
            ranked[user, some[best]] = value.max() + top - place
            left[best] = False
            likest = np.maximum(likest, unit[some] @ unit[some[best]]) if place else unit[some] @ unit[some[best]]
    return ranked
