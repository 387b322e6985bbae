"""Who met whom in which step: every contact once from either end, sorted so that pieces of it can be looked at."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int32, UInt8

from emotide.timeline.sort import stable_order

BLOCK = 1 << 20  # meetings whose contacts are counted at once
NO_MORE = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Meetings:
    """One row for whom somebody met in a step, either way round; sorted by target, step and source."""

    target: Int32[np.ndarray, " meetings"]  # user
    step: Int32[np.ndarray, " meetings"]
    source: Int32[np.ndarray, " meetings"]  # user whom the target met
    later: Int32[np.ndarray, " meetings"]  # the next step in which the two meet, NO_MORE for never
    pair: Int32[np.ndarray, " meetings"]  # number of the pair among all that may ever be in sight
    kinds: UInt8[np.ndarray, "meetings kinds"]  # contacts by kind, from source to target, then back; 255 at most


def meetings(
    contacts: pl.DataFrame, ties: pl.DataFrame, kinds: int, users: int
) -> tuple[Meetings, Int32[np.ndarray, " ties"], int]:
    """The meetings of a log, the pair of each tie (whom it makes its source look at), and how many pairs there are.

    Args:
        contacts: source, target, step, kind.
        ties: source (who looks), target (whom).
        kinds: how many kinds of contact there are.
        users: how many users there are.

    Pairs are numbered by source and target, those of contacts and ties together.
    """
    one_way = contacts.select("target", "step", "source", column=pl.col("kind").cast(pl.Int32))
    back = contacts.select(target="source", step="step", source="target", column=one_way["column"] + kinds)
    both = pl.concat([one_way, back]).sort("target", "step", "source")
    target, step, source, column = (both[name].to_numpy() for name in ("target", "step", "source", "column"))
    del one_way, back, both
    new = (target[1:] != target[:-1]) | (step[1:] != step[:-1]) | (source[1:] != source[:-1])
    start = np.flatnonzero(np.append(np.ones(min(len(target), 1), bool), new))
    counted = _counted(start, column, 2 * kinds)
    target, step, source = target[start], step[start], source[start]
    tied = ties["target"].to_numpy().astype(np.int64) * users + ties["source"].to_numpy()
    key = np.concatenate([source.astype(np.int64) * users + target, tied])
    order = stable_order(key)
    ordered = key[order]
    again = ordered[1:] == ordered[:-1]
    number = np.cumsum(np.append(np.zeros(min(len(key), 1), bool), ~again), dtype=np.int32)
    pair = np.empty(len(key), np.int32)
    pair[order] = number
    met = order < len(step)
    mine, again = order[met], np.append(ordered[met][1:] == ordered[met][:-1], False)[: int(met.sum())]
    later = np.full(len(step), NO_MORE, np.int32)
    later[mine[again]] = step[np.append(mine[1:], 0)[: len(mine)][again]]
    pairs = int(number[-1]) + 1 if len(number) else 0
    return Meetings(target, step, source, later, pair[: len(step)], counted), pair[len(step) :], pairs


def _counted(start: np.ndarray, column: np.ndarray, columns: int) -> UInt8[np.ndarray, "meetings kinds"]:
    """How many contacts of each column each meeting holds, the meetings starting at these rows."""
    counted = np.zeros((len(start), columns), np.uint8)
    ends = np.append(start[1:], len(column))
    for first in range(0, len(start), BLOCK):
        last = min(first + BLOCK, len(start))
        held = ends[first:last] - start[first:last]
        cell = np.repeat(np.arange(last - first), held) * columns + column[start[first] : ends[last - 1]]
        count = np.bincount(cell, minlength=(last - first) * columns).reshape(-1, columns)
        counted[first:last] = np.minimum(count, 255)
    return counted
