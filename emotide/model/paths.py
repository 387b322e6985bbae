"""Paths of contagion: chains j → k → i along which a mood travelled in time (DESIGN 1)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.model.contagion import Contagion, Deviations
from emotide.model.moods import Moods
from emotide.timeline import Timeline


@dataclass(frozen=True)
class Paths:
    """Chains of one length that end in one user; one row a chain and time, the origin first."""

    people: Int[np.ndarray, "rows path"]  # rows of the timeline's table of users
    steps: Int[np.ndarray, "rows path"]  # when each felt it; they rise
    weight: Float[np.ndarray, " rows"]  # product of the weights along the chain
    effect: Float[np.ndarray, " rows"]  # on the pleasure of the last: weight times the origin's deviation


@dataclass(frozen=True)
class _Links:
    """From a mood of a source to the mood of a target that it moved, sorted by the latter."""

    start: Int[np.ndarray, " links"]  # row of the moods
    end: Int[np.ndarray, " links"]  # row of the moods
    weight: Float[np.ndarray, " links"]


def paths(
    timeline: Timeline, moods: Moods, found: Contagion, clear: Bool[np.ndarray, " pairs"], user: int, links: int = 3
) -> list[Paths]:
    """The chains of 1 to `links` links that end in a user, nobody in them twice.

    A chain joins moods: what j felt in one step is the latest that k had seen of j before a later step, and what k
    felt then the latest that i had seen of k. Each link multiplies by the pair's weight.

    Args:
        timeline: of a log.
        moods: along it.
        found: the weights of its pairs.
        clear: the pairs that count, such as those that stand out from chance.
        user: row of the table of users.
        links: at most.
    """
    joined = _links(timeline, moods, found, clear)
    deviation = Deviations(moods).before(moods.user, moods.step + 1)[:, 0]
    chain = np.flatnonzero(moods.user == user)[:, None]  # rows of the moods, the latest last
    weight, told = np.ones(len(chain)), []
    for _ in range(links):
        first, last = (np.searchsorted(joined.end, chain[:, 0], side) for side in ("left", "right"))
        row = np.repeat(np.arange(len(chain)), last - first)
        link = np.arange(len(row)) - np.repeat(np.cumsum(last - first) - last, last - first)
        once = ~(moods.user[chain[row]] == moods.user[joined.start[link]][:, None]).any(1)
        row, link = row[once], link[once]
        chain = np.concatenate([joined.start[link][:, None], chain[row]], 1)
        weight = weight[row] * joined.weight[link]
        told.append(Paths(moods.user[chain], moods.step[chain], weight, weight * deviation[chain[:, 0]]))
    return told


def _links(timeline: Timeline, moods: Moods, found: Contagion, clear: np.ndarray) -> _Links:
    e = timeline.events
    row = np.flatnonzero(clear[found.of_row] & found.sight)
    source, target, step = e.pair_source[row], e.pair_target[row], e.step["pair"][row]
    start, end = moods.before(source, step), moods.at(target, step)
    there = start >= 0
    order = np.flatnonzero(there)[np.argsort(end[there], kind="stable")]
    return _Links(start[order], end[order], found.weight[found.of_row[row[order]]])
