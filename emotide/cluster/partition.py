"""Who is kept where: users into parts, by hash, or so that few pairs lie across (DESIGN 8)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float64, Int32

from emotide.timeline import Timeline

SLACK = 1.05  # work of a part over that of the mean, at most, where communities are kept together
PASSES = 3  # over all users
NOTHING = 1e-3  # what a part without a neighbour is worth beside one with a neighbour in one step

PartOf = Int32[np.ndarray, " users"]


class Quality(NamedTuple):
    """How good a partition is."""

    cut_pairs: float  # share of the pairs whose source is kept elsewhere
    cut_sights: float  # the same, each pair counted as often as it is in sight
    balance: float  # work of the largest part over the mean


def by_hash(timeline: Timeline, parts: int) -> PartOf:
    """Users by the hash of their name and network: even, and blind to who knows whom."""
    hashed = timeline.users.select(pl.concat_str("network", "user_id", separator="\n").hash(0)).to_series()
    return (hashed % parts).to_numpy().astype(np.int32)


def by_community(timeline: Timeline, parts: int) -> PartOf:
    """Users to the part that holds most of their neighbours, as long as it is not full.

    Linear deterministic greedy, streamed several times over (Stanton & Kliot 2012; Nishimura & Ugander 2013): the
    neighbours in a part, times its free share. Neighbours weigh as often as they are in sight, users what they cost.
    """
    users, e = len(timeline.users), timeline.events
    one, near = np.concatenate([e.pair_source, e.pair_target]), np.concatenate([e.pair_target, e.pair_source])
    near = near[np.argsort(one, kind="stable")]
    begin = np.append(0, np.cumsum(np.bincount(one, minlength=users))).tolist()
    work = work_of(timeline)
    most, load = SLACK * work.sum() / parts, np.zeros(parts)
    part = np.full(users, parts, np.int32)  # `parts`: nowhere yet
    for _ in range(PASSES):
        for user in range(users):
            if part[user] < parts:
                load[part[user]] -= work[user]
            held = np.bincount(part[near[begin[user] : begin[user + 1]]], minlength=parts + 1)[:parts]
            chosen = int(((held + NOTHING) * (1 - (load + work[user]) / most)).argmax())
            part[user] = chosen
            load[chosen] += work[user]
    return part


PARTITIONS: dict[str, Callable[[Timeline, int], PartOf]] = {"hash": by_hash, "community": by_community}


def work_of(timeline: Timeline) -> Float64[np.ndarray, " users"]:
    """What each user costs: once for each step that touches them, and once for each neighbour then in sight."""
    e, users = timeline.events, len(timeline.users)
    counts = np.bincount(e.active_user, minlength=users) + np.bincount(e.pair_target, minlength=users)
    return counts.astype(np.float64)


def quality(timeline: Timeline, part: PartOf) -> Quality:
    """What a partition cuts, and how even it is."""
    e = timeline.events
    cut = part[e.pair_source] != part[e.pair_target]
    first = np.flatnonzero(np.asarray(e.pair_elapsed) < 0)  # each pair once
    work = np.bincount(part, work_of(timeline))
    return Quality(
        float(cut[first].mean()) if len(first) else 0.0,
        float(cut.mean()) if len(cut) else 0.0,
        float(work.max() / work.sum() * (int(part.max(initial=0)) + 1)) if work.sum() else 1.0,
    )
