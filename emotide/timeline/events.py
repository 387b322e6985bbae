"""What happens in steps, and what was reported: flat arrays, one row an event."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int8, Int32, UInt8


@dataclass(frozen=True)
class Events:
    """What happens in one step or several, one row an event; users and pairs are rows of tables beside it.

    Sorted by network, step and user (posts: owner; pairs: target), or by step alone within a `Group`.
    """

    step: dict[str, np.ndarray]  # int32 step of each row of: active, post, pair, contact
    active_user: Int32[np.ndarray, " active"]  # whom something touched
    active_elapsed: Float32[np.ndarray, " active"]  # steps since then last, -1 for never
    active_counts: Float32[np.ndarray, "active 3"]  # posts written, contacts made, contacts received in the step
    post_user: Int32[np.ndarray, " posts"]  # owner
    post: Int32[np.ndarray, " posts"]  # row of the table of posts
    contact_source: Int32[np.ndarray, " contacts"]  # who turned to somebody
    contact_target: Int32[np.ndarray, " contacts"]  # to whom; in the order of time within a step
    contact_split: Int8[np.ndarray, " contacts"]  # 0 train, 1 dev, 2 test
    pair: Int32[np.ndarray, " pairs"]  # row of the table of pairs
    pair_source: Int32[np.ndarray, " pairs"]  # user
    pair_target: Int32[np.ndarray, " pairs"]  # user
    pair_elapsed: Float32[np.ndarray, " pairs"]  # steps since the pair was last active, -1 for never
    pair_known: Bool[np.ndarray, " pairs"]  # neighbours already by what came before this step
    pair_chance: Float32[np.ndarray, "pairs 2"]  # that the neighbour was drawn: with the step seen, from before it
    pair_kinds: UInt8[np.ndarray, "pairs kinds"]  # contacts by kind, from source to target, then back


@dataclass(frozen=True)
class Labels:
    """What was reported in one emotion space; one row per user and step, sorted by network, step and user."""

    step: Int32[np.ndarray, " labels"]
    user: Int32[np.ndarray, " labels"]
    target: Float32[np.ndarray, "labels names"]  # shares of categories, or coordinates (NaN where not given)
    latest: Int32[np.ndarray, " labels"]  # category reported last among the most frequent, -1 for coordinates
    weight: Float32[np.ndarray, " labels"]
    split: Int8[np.ndarray, " labels"]  # 0 train, 1 dev, 2 test


def array_file(name: str) -> str:
    """The file of an array of `Events` in a timeline's folder; `pair_step` is the step of pairs."""
    return f"step.{name.removesuffix('_step')}.npy" if name.endswith("_step") else f"{name}.npy"
