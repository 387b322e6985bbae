"""A step of a log that goes on, cut into what each part does in it.

People have ids: of n parts, part `id % n` holds the person, in row `id // n` of its tables. In a share they are
numbered anew: those of the part who matter to the step, then the guests whose states are brought for it; so are pairs.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int

from emotide.live.one_step import Compiled
from emotide.live.people import Census
from emotide.model.batch import Lone
from emotide.timeline import Events, Group, Guests, Labels

Rows = Int[np.ndarray, " _"]


class Ends(NamedTuple):
    """Pairs, by whom they are of."""

    source: Rows  # ids
    target: Rows  # rows in the part that holds them


@dataclass(frozen=True)
class Share:
    """What one part does in a step.

    Attributes:
        step: its number.
        people: rows of those of the part who matter to it.
        active: which of them it moves.
        pairs: of the part; the first `sight` of them are in sight.
        chance: of those in sight.
        group, back: the step, in the share's own numbers.
        vectors: of the posts that are read.
        give: other part -> rows of people and pairs whose states it wants.
        take: other part -> numbers of the guests, and of the pairs, whose states come from it.
    """

    step: int
    people: Rows
    active: Rows
    pairs: Ends
    sight: int
    chance: Float[np.ndarray, " sight"]
    group: Group
    back: Rows
    vectors: Float[np.ndarray, "posts width"]
    give: dict[int, tuple[Rows, Ends]]
    take: dict[int, tuple[Rows, Rows]]

    def lone(self) -> Lone:
        """The step, for the network."""
        return Lone(self.group, self.back, torch.device("cpu"))


def shares(found: Compiled, step: int, census: Census, parts: int) -> list[Share]:
    """The shares of all parts in a step.

    Args:
        found: the step.
        step: its number.
        census: whose ids they are.
        parts: how many there are.
    """
    whole = _Whole(found, step, census, parts)
    cuts = [_Cut(whole, number) for number in range(parts)]
    give: list[dict[int, tuple[Rows, Ends]]] = [{} for _ in cuts]
    for cut in cuts:
        for other, (guests, pairs) in cut.wanted.items():
            give[other][cut.number] = (census.people.id[guests] // parts, whole.ends(pairs))
    return [replace(cut.share(), give=give[cut.number]) for cut in cuts]


class _Whole:
    """A step, with what every cut of it asks for."""

    def __init__(self, found: Compiled, step: int, census: Census, parts: int) -> None:
        self.found, self.step, self.census, self.parts = found, step, census, parts
        self.events = e = found.lone.group.events
        self.spoke = np.asarray(e.pair_kinds[:, : e.pair_kinds.shape[1] // 2].any(1))
        self.vectors = found.vectors.cpu().numpy()

    def home(self, rows: Rows) -> Rows:
        """The parts of people."""
        part: np.ndarray = self.census.people.id[rows] % self.parts
        return part

    def ends(self, pairs: Rows) -> Ends:
        """The ends of pairs."""
        known, ids = self.census.pairs, self.census.people.id
        return Ends(ids[known.source[pairs]], ids[known.target[pairs]] // self.parts)


class _Cut:
    """One part's share of a step; rows are those of the whole census until they are numbered."""

    def __init__(self, whole: _Whole, number: int) -> None:
        self.whole, self.number = whole, number
        e = whole.events
        self.sight = np.flatnonzero(whole.home(e.pair_target) == number)
        source = e.pair_source[self.sight]
        across = whole.home(source) != number
        self.active = np.flatnonzero(whole.home(e.active_user) == number)
        self.mine = np.unique(np.concatenate([e.active_user[self.active], source[~across]]))
        self.guests = np.unique(source[across])
        self.heard = np.unique(source[across & whole.spoke[self.sight]])
        row, back = e.pair[self.sight].astype(np.int64), whole.found.lone.met[self.sight]
        others = np.setdiff1d(back[back >= 0], row)
        far = whole.home(whole.census.pairs.target[others]) != number
        self.pairs, self.foreign = np.concatenate([row, others[~far]]), others[far]
        table = np.concatenate([self.pairs, self.foreign])
        order = np.argsort(table)
        place = np.searchsorted(table, back, sorter=order).clip(max=max(len(table) - 1, 0))
        self.back = np.where(back >= 0, order[place] if len(table) else back, -1)

    @cached_property
    def wanted(self) -> dict[int, tuple[Rows, Rows]]:
        """Other part -> people and pairs of it."""
        of = self.whole.home(self.guests), self.whole.home(self.whole.census.pairs.target[self.foreign])
        others = np.unique(np.concatenate(of)).tolist()
        return {other: (self.guests[of[0] == other], self.foreign[of[1] == other]) for other in others}

    def local(self, rows: Rows) -> Rows:
        """The numbers of people."""
        guest = len(self.mine) + np.searchsorted(self.guests, rows)
        own = self.whole.home(rows) == self.number
        number: np.ndarray = np.where(own, np.searchsorted(self.mine, rows), guest).astype(np.int32)
        return number

    def share(self) -> Share:
        """All but what is given."""
        whole, e, parts = self.whole, self.whole.events, self.whole.parts
        post, group = self._group()
        guests, foreign = self.local(self.guests), len(self.pairs) + np.arange(len(self.foreign))
        take = {
            other: (guests[np.isin(self.guests, people)], foreign[np.isin(self.foreign, pairs)])
            for other, (people, pairs) in self.wanted.items()
        }
        return Share(
            step=whole.step, people=whole.census.people.id[self.mine] // parts,
            active=self.local(e.active_user[self.active]), pairs=whole.ends(self.pairs), sight=len(self.sight),
            chance=whole.found.chance[self.sight], group=group, back=self.back, vectors=whole.vectors[post], give={},
            take=take,
        )  # fmt: skip

    def _group(self) -> tuple[Rows, Group]:
        """The vectors that are read, and the events and labels of the share."""
        whole, e = self.whole, self.whole.events
        heard = np.flatnonzero(np.isin(e.post_user, self.heard))
        rows = {
            "active": np.concatenate([self.active, np.searchsorted(e.active_user, self.heard)]),
            "post": np.concatenate([np.flatnonzero(whole.home(e.post_user) == self.number), heard]),
            "pair": self.sight,
            "contact": np.zeros(0, np.int64),  # those of a pair stand in its kinds
        }
        columns = {name: column[rows[name.split("_")[0]]] for name, column in vars(e).items() if name != "step"}
        post = columns["post"]
        columns |= {"post": np.arange(len(post), dtype=np.int32), "pair": np.arange(len(self.sight), dtype=np.int32)}
        of_users = [name for name in columns if name.split("_")[-1] in ("user", "source", "target")]
        columns |= {name: self.local(columns[name]) for name in of_users}
        events = Events(step={name: e.step[name][kept] for name, kept in rows.items()}, **columns)
        labels = {space: self._told(held) for space, held in whole.found.lone.group.labels.items()}
        users, nobody = len(self.mine) + len(self.guests), np.zeros(0, np.int32)
        everybody = np.zeros(users, np.int32)
        bounds = {name: np.array([0, len(kept)]) for name, kept in rows.items()}
        bounds |= {space: np.array([0, len(held.step)]) for space, held in labels.items()}
        group = Group(
            users=everybody, network=everybody, networks=1, pairs=len(self.pairs) + len(self.foreign),
            first_step=whole.step, steps=1, events=events, labels=labels,
            label_row={space: np.arange(len(held.step)) for space, held in labels.items()}, bounds=bounds,
            guests=Guests(len(self.mine), len(self.pairs), nobody, nobody, nobody, np.zeros(1, np.int64)),
        )  # fmt: skip
        return post, group

    def _told(self, held: Labels) -> Labels:
        kept = np.flatnonzero(self.whole.home(held.user) == self.number)
        columns = {name: column[kept] for name, column in vars(held).items()}
        return Labels(**(columns | {"user": self.local(columns["user"])}))
