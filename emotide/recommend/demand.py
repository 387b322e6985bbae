"""What people want: expected value by topic, from Q over H, for one, for groups, for all (DESIGN 3.8, 5)."""

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.errors import BadInput


def topic_values(
    values: Float[np.ndarray, "users items"], belongs: Bool[np.ndarray, "topics items"]
) -> Float[np.ndarray, "users topics"]:
    """The mean of Q over the items of each topic; what a topic is worth that is shown by one of its items."""
    return np.asarray(values @ (belongs / np.maximum(belongs.sum(1, keepdims=True), 1)).T)


def wanted(
    value: Float[np.ndarray, "users topics"], group: Int[np.ndarray, " users"], groups: int, least: int
) -> tuple[Float[np.ndarray, "groups topics"], Float[np.ndarray, "groups topics"], Int[np.ndarray, " groups"]]:
    """Of every group: mean value of each topic, share of its users who want it most, and how many users.

    A group smaller than `least` tells nothing: its values and shares are NaN, so that nobody can be read from a group.

    Args:
        value: of each user and topic.
        group: of each user; below 0: none.
        groups: how many there are.
        least: users that a group must have.
    """
    if least < 1:
        raise BadInput(f"a group has one user or more, at least {least} came")
    n = np.bincount(group[group >= 0], minlength=groups)
    topics = value.shape[1]
    mean, share = np.full((groups, topics), np.nan), np.full((groups, topics), np.nan)
    for k in np.flatnonzero(n >= least):
        mine = value[group == k]
        mean[k] = mine.mean(0)
        share[k] = np.bincount(mine.argmax(1), minlength=topics) / len(mine)
    return mean, share, n


def clusters(H: Float[np.ndarray, "users state"], groups: int, seed: int = 0) -> Int[np.ndarray, " users"]:
    """Groups of users by likeness of H (k-means); each is one of at most `groups`, the largest first."""
    from sklearn.cluster import KMeans

    groups = min(groups, len(np.unique(H, axis=0)))
    if groups < 2:
        return np.zeros(len(H), np.int64)
    found = KMeans(groups, n_init=4, random_state=seed).fit_predict(H.astype(np.float64))
    order = np.argsort(-np.bincount(found, minlength=groups), kind="stable")
    place = np.empty(groups, np.int64)
    place[order] = np.arange(groups)
    return np.asarray(place[found])
