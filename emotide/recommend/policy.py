"""ε-greedy slates: which items are shown at which rank, and how probable that was (paper 4, Fig. 6)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64


@dataclass(frozen=True)
class Ranking:
    """What is to be shown to every user, best rank first.

    Attributes:
        item: row of the table of items; −1 where nothing was left to show.
        value: Q(H, a); NaN where nothing was left.
        propensity: probability that the policy puts this item at this rank, whatever stands above it; see
            `slate_propensity`. 0 where nothing was left.
        explored: the item was not the best that was left: chance chose it.
    """

    item: Int64[np.ndarray, "users top"]
    value: Float32[np.ndarray, "users top"]
    propensity: Float32[np.ndarray, "users top"]
    explored: Bool[np.ndarray, "users top"]


def epsilon_greedy(
    values: Float32[np.ndarray, "users items"],
    allowed: Bool[np.ndarray, "users items"],
    top: int,
    epsilon: float,
    rng: np.random.Generator,
) -> Ranking:
    """A slate for every user: each rank takes, with probability ε, any item that is left, else the best that is left.

    Args:
        values: Q of every item for every user; of equal values the first item counts as the better one.
        allowed: which items may be shown.
        top: how many ranks.
        epsilon: ε.
        rng: where chance comes from; ranks and users draw in a fixed order.
    """
    users = np.arange(len(values))
    order = np.argsort(np.where(allowed, -values, np.inf), axis=1, kind="stable")  # best first, the barred last
    count = allowed.sum(1)
    free = np.arange(values.shape[1]) < count[:, None]  # by place in the order
    places = np.zeros((len(values), top), np.int64)
    explored = np.zeros((len(values), top), bool)
    for k in range(min(top, values.shape[1])):
        left = np.maximum(count - k, 0)
        explore, which = rng.random((2, len(values)))
        jump = np.where(explore < epsilon, (which * left).astype(np.int64), 0)
        places[:, k] = (free.cumsum(1) > jump[:, None]).argmax(1)
        explored[:, k] = jump > 0
        free[users, places[:, k]] = False
    shown = np.arange(top) < count[:, None]
    propensity = np.zeros((len(values), top), np.float32)
    for n in np.unique(count[count > 0]):
        table, some = slate_propensity(int(n), min(top, int(n)), epsilon), count == n
        propensity[some, : len(table)] = table[np.arange(len(table)), places[some, : len(table)]]
    item = np.take_along_axis(order, places, 1)
    value = np.take_along_axis(values, item, 1)
    return Ranking(np.where(shown, item, -1), np.where(shown, value, np.float32(np.nan)), propensity, explored)


def slate_propensity(items: int, top: int, epsilon: float) -> Float[np.ndarray, "top items"]:
    """P[k, p]: the probability that the item of place p (0 is the best by value) stands at rank k of an ε-greedy slate.

    Exact, summed over all that can stand above. While an item waits, with n items left of which b are better, one rank

        takes it            ε / n + (1 − ε) [b = 0]
        takes a better one  ε b / n + (1 − ε) [b > 0]      then b − 1 are better
        takes a worse one   ε (n − 1 − b) / n              then b are better

    so P[k] follows from the last rank backwards in k steps over b. Every row sums to 1; with ε = 0 it is the identity.

    Args:
        items: how many may be shown.
        top: ranks, at most `items`.
        epsilon: ε.
    """
    better = np.arange(items)
    P = np.zeros((top, items))
    for k in reversed(range(top)):
        n = items - k
        down = epsilon * better / n + (1 - epsilon) * (better > 0)
        stay = epsilon * (n - 1 - better) / n
        later = P[k + 1 :]
        P[k + 1 :] = stay * later + down * np.roll(later, 1, axis=1)  # what wraps round meets down[0] = 0
        P[k] = epsilon / n + (1 - epsilon) * (better == 0)
    return P
