"""The users' steps and posts as plain rows, for models that know no network."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from emotide.timeline import Timeline


@dataclass(frozen=True)
class Sequences:
    """Rows (user, step) in sequences: a dialogue's turns, or a user's steps."""

    vector: Float[np.ndarray, "rows width"]  # mean of the user's posts of the step, zeros for none
    context: Float[np.ndarray, "rows context"]  # known beforehand: who it is and since when
    counts: Float[np.ndarray, "rows 3"]  # log(1 + posts written, contacts made, received), seen with the posts
    sequence: Int[np.ndarray, " rows"]  # which sequence, ascending
    earlier: Int[np.ndarray, " rows"]  # the last row of the same sequence in an earlier step, -1 for none
    label_row: Int[np.ndarray, " labels"]  # label of the space -> row


def sequences(timeline: Timeline, vectors: Float[np.ndarray, "posts width"], space: str) -> Sequences:
    """One sequence a user (all its steps); where steps are turns, one a network (rows: who has a post or a label).

    Of one turn, rows with a post come first: everybody may have heard it.
    """
    e, labels = timeline.events, timeline.labels[space]
    mean, key = _means(timeline, vectors)
    active = _key(e.step["active"], e.active_user)
    network = timeline.users["network_row"].to_numpy()[e.active_user]
    turns = timeline.config.turns
    wanted = np.union1d(key, _key(labels.step, labels.user)) if turns else active
    rows = np.flatnonzero(np.isin(active, wanted))
    mute = ~np.isin(active[rows], key)
    rows = rows[np.lexsort((mute, e.step["active"][rows], (network if turns else e.active_user)[rows]))]
    sequence = (network if turns else e.active_user)[rows]
    vector = np.zeros((len(rows), vectors.shape[1]), np.float32)
    order = np.argsort(active[rows])
    place = order[np.searchsorted(active[rows], key, sorter=order)]
    vector[place] = mean
    label_row = order[np.searchsorted(active[rows], _key(labels.step, labels.user), sorter=order)]
    user, earlier = e.active_user[rows], _earlier(sequence, e.step["active"][rows])
    same = ((earlier >= 0) & (user == user[earlier])).astype(np.float32)
    since = _since_own(user, e.step["active"][rows])
    context = np.stack([same, np.log1p(np.maximum(since, 0)), since < 0], 1).astype(np.float32)
    return Sequences(vector, context, np.log1p(e.active_counts[rows]), sequence, earlier, label_row)


def user_posts(
    timeline: Timeline, vectors: Float[np.ndarray, "posts width"], space: str
) -> tuple[Float[np.ndarray, "labels width"], Float[np.ndarray, "labels width"]]:
    """For every label the mean vector of its user's posts in that step, and in the last step with a post before."""
    labels = timeline.labels[space]
    return posts_at(timeline, vectors, labels.step, labels.user)


def posts_at(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    step: Int[np.ndarray, " asked"],
    user: Int[np.ndarray, " asked"],
) -> tuple[Float[np.ndarray, "asked width"], Float[np.ndarray, "asked width"]]:
    """The mean vector of a user's posts in a step, and in its last step with a post before; zeros for none."""
    mean, key = _means(timeline, vectors)
    asked = user.astype(np.int64) << 32 | step
    by_user = ((key & 0xFFFFFFFF) << 32) | (key >> 32)  # user first, then step
    order = np.argsort(by_user)
    place = np.searchsorted(by_user[order], asked)
    padded = np.vstack([mean[order], np.zeros((1, vectors.shape[1]), np.float32)])
    keys = np.append(by_user[order], -1)
    now = np.where((keys[place] == asked)[:, None], padded[place], 0)
    before = np.where((keys[place - 1] >> 32 == user)[:, None] & (place > 0)[:, None], padded[place - 1], 0)
    return now, before


def _means(timeline: Timeline, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Over posts, the rows of one post side by side."""
    e = timeline.events
    key, row, count = np.unique(_key(e.step["post"], e.post_user), return_inverse=True, return_counts=True)
    if "modality" in timeline.posts:
        post = timeline.posts["post"].to_numpy()[e.post]
        count = np.bincount(row, np.append(True, post[1:] != post[:-1])[: len(post)], len(key))
    total = np.zeros((len(key), vectors.shape[1]), np.float32)
    np.add.at(total, row, vectors[e.post])
    return total / count[:, None], key


def _key(step: np.ndarray, user: np.ndarray) -> np.ndarray:
    key: np.ndarray = step.astype(np.int64) << 32 | user
    return key


def _since_own(user: np.ndarray, step: np.ndarray) -> np.ndarray:
    order = np.lexsort((step, user))
    since = np.full(len(user), -1)
    again = user[order][1:] == user[order][:-1]
    since[order[1:][again]] = (step[order][1:] - step[order][:-1])[again]
    return since


def _earlier(sequence: np.ndarray, step: np.ndarray) -> np.ndarray:
    """For each row the last one of its sequence in an earlier step, -1 for none."""
    row = np.arange(len(step))
    new = np.ones(len(step), bool)
    new[1:] = (sequence[1:] != sequence[:-1]) | (step[1:] != step[:-1])
    before = np.maximum.accumulate(np.where(new, row, 0)) - 1
    found: np.ndarray = np.where((before >= 0) & (sequence[before] == sequence), before, -1)
    return found
