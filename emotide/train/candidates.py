"""Who might have been contacted: for every contact a user drawn at random, and one whom its source knows already."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from emotide.timeline import Group
from emotide.timeline.sort import distinct, first_of_each, stable_order

NEGATIVES = ("random", "historical")
TRIES = 10  # draws before a negative that was contacted in the step after all is let be


class Candidates(NamedTuple):
    """Contacts of some steps, and for each one pair of every kind that was not in contact in that step."""

    source: Int[np.ndarray, " contacts"]  # user of the group
    target: Int[np.ndarray, " contacts"]
    step: Int[np.ndarray, " contacts"]
    negative: dict[str, Int[np.ndarray, " contacts"]]  # by kind of negative: a user in the target's place


def candidates(
    group: Group, rows: Int[np.ndarray, " asked"], pool: Int[np.ndarray, " pool"], rng: np.random.Generator
) -> Candidates:
    """The contacts `rows` of a group and negatives for them.

    Random: any user of the network whom a contact of `pool` reaches. Historical: any user whom the source contacted
    before the step and not in it, each as likely as another; where there is none, a random one.

    Args:
        group: the networks.
        rows: of its contacts.
        pool: rows of its contacts that say who may be drawn.
        rng: draws.
    """
    e, users = group.events, len(group.users)
    source, target = e.contact_source.astype(np.int64), e.contact_target.astype(np.int64)
    step = e.step["contact"].astype(np.int64) - group.first_step
    first = _first_contacts(source, target, step, users)
    asked = _Asked(source[rows], step[rows], np.sort((step * users + source) * users + target), users)
    if not len(rows):
        return Candidates(rows, rows, rows, dict.fromkeys(NEGATIVES, rows))
    known = distinct(target[pool])
    random, _ = _drawn(asked, lambda source, _: _random(source, group.network, known, rng))
    before, wrong = _drawn(asked, lambda source, step: _before(source, step, first, rng))
    historical = np.where(wrong, random, before)
    return Candidates(source[rows], target[rows], e.step["contact"][rows], {"random": random, "historical": historical})


class _Asked(NamedTuple):
    """For which sources and steps, and what happened in these."""

    source: Int[np.ndarray, " asked"]
    step: Int[np.ndarray, " asked"]
    happened: Int[np.ndarray, " contacts"]  # keys of step, source and target, sorted
    users: int

    def wrong(self, drawn: Int[np.ndarray, " asked"]) -> Bool[np.ndarray, " asked"]:
        """Whether a pair was in contact in the step, or is somebody and himself."""
        key = (self.step * self.users + self.source) * self.users + drawn
        place = np.searchsorted(self.happened, key).clip(max=len(self.happened) - 1)
        wrong: np.ndarray = (self.happened[place] == key) | (drawn == self.source)
        return wrong


class _First(NamedTuple):
    """Every pair that was ever in contact, sorted by source and the step in which it first was."""

    key: Int[np.ndarray, " pairs"]
    target: Int[np.ndarray, " pairs"]
    scale: int


def _first_contacts(source: np.ndarray, target: np.ndarray, step: np.ndarray, users: int) -> _First:
    order, pair = stable_order(step), source * users + target
    by_pair = stable_order(pair[order])
    first = order[by_pair[first_of_each(pair[order][by_pair])]]
    scale = int(step.max(initial=0)) + 2
    key = source[first] * scale + step[first]
    by_key = stable_order(key)
    return _First(key[by_key], target[first][by_key], scale)


def _random(source: np.ndarray, network: np.ndarray, known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A known user of each source's network; users are sorted by network."""
    start, end = (np.searchsorted(network[known], network[source], side=side) for side in ("left", "right"))
    place = start + (rng.random(len(source)) * (end - start)).astype(np.int64)
    drawn: np.ndarray = np.where(end > start, known[np.minimum(place, len(known) - 1)], source)
    return drawn


def _before(source: np.ndarray, step: np.ndarray, first: _First, rng: np.random.Generator) -> np.ndarray:
    """A user whom each source contacted before the step, or the source itself."""
    start = np.searchsorted(first.key, source * first.scale)
    end = np.searchsorted(first.key, source * first.scale + step)
    place = start + (rng.random(len(source)) * (end - start)).astype(np.int64)
    drawn: np.ndarray = np.where(end > start, first.target[np.minimum(place, len(first.target) - 1)], source)
    return drawn


def _drawn(asked: _Asked, draw: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A user in each target's place, and whether it cannot stand there after all: contacted in the step, or oneself."""
    drawn = draw(asked.source, asked.step)
    wrong = asked.wrong(drawn)
    for _ in range(TRIES):
        if not wrong.any():
            break
        again = asked._replace(source=asked.source[wrong], step=asked.step[wrong])
        drawn[wrong] = draw(again.source, again.step)
        wrong[wrong] = again.wrong(drawn[wrong])
    return drawn, wrong
