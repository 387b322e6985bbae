"""Slates that are not five times the same: maximal marginal relevance (Carbonell & Goldstein 1998)."""

import numpy as np
from jaxtyping import Bool, Float, Int

SHORT = 50  # items by value from which a slate is put together, or five times its length


def diversified(
    values: Float[np.ndarray, "users items"],
    allowed: Bool[np.ndarray, "users items"],
    vectors: Float[np.ndarray, "table width"],
    top: int,
    diversity: float,
    some: Int[np.ndarray, "users items"] | None = None,
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
        some: the rows of the vectors that the items of each user have; None: in their order.
    """
    mean = vectors.mean(0)
    ranked = np.where(allowed, values, -np.inf).astype(np.float32)
    for user in range(len(values)):
        short = np.argsort(-ranked[user], kind="stable")[: max(SHORT, 5 * top)]
        short = short[allowed[user, short]]
        if not len(short):
            continue
        centred = vectors[short if some is None else some[user, short]] - mean
        unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        value = values[user, short]
        z = (value - value.mean()) / max(float(value.std()), 1e-9)
        likest, left = np.full(len(short), 0.0), np.ones(len(short), bool)
        for place in range(min(top, len(short))):
            worth = np.where(left, (1 - diversity) * z - diversity * likest, -np.inf)
            best = int(worth.argmax())
            ranked[user, short[best]] = value.max() + top - place
            left[best] = False
            likest = np.maximum(likest, unit @ unit[best]) if place else unit @ unit[best]
    return ranked
