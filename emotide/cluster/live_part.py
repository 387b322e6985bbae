"""What one part of a network holds while events come: H, M and readings of its people, A of the pairs at them.

The same census, snapshot, answers and step as in one process; see `emotide.cluster.share` for ids.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int

from emotide.api import Emotide
from emotide.cluster.borders import packed, size, unpacked, widths
from emotide.cluster.peers import Peers
from emotide.cluster.share import Ends, Rows, Share
from emotide.errors import NotYet
from emotide.live.answers import Answers
from emotide.live.columns import Undo
from emotide.live.forecast import Backs, Felt, Ids, Sights, forecast
from emotide.live.kept import Kept, write_part
from emotide.live.people import MOVES, Census
from emotide.live.served import usual_space
from emotide.live.snapshot import Snapshot, Told
from emotide.live.stream import Moved, census_of, stepped
from emotide.model.fused import State
from emotide.train import Trained

TRIES, PAUSE = 100, 0.02  # of a forecast while states are published; seconds between two
Ask = Callable[[int, tuple[int, str, Sequence[Ids]]], Callable[[], Any]]
"""`ask(part, arguments)` asks another part's `PartSnapshot.looked_up`; what it returns waits for the answer."""


class News(NamedTuple):
    """Who came since the last news."""

    networks: list[str]  # of all parts, in their order
    people: list[tuple[str, ...]]  # of this part: network and user, in the order of their rows


class Published(NamedTuple):
    """What parts must know of the whole when states are published.

    Attributes:
        network, last: networks that were touched, and the step that did last.
        origin: the step since 1970 from which steps are counted.
    """

    network: Rows
    last: Rows
    origin: int


class Handed(NamedTuple):
    """What a part takes up from a checkpoint: its people and pairs, in their order, and under which ids they were kept.

    Attributes:
        networks: of the whole.
        names: of the people, () where somebody was erased; network, touched: of each.
        ids: of the people when they were kept.
        pairs, first, seen, chance: of the pairs; source, target: ids of their ends when they were kept.
    """

    networks: list[str]
    names: list[tuple[str, ...]]
    network: Rows
    touched: Rows
    ids: Rows
    pairs: Ends
    first: Rows
    seen: Rows
    chance: Float[np.ndarray, " pairs"]
    source: Rows
    target: Rows


class PublishedAnew(Exception):
    """States were published while they were read."""


class LivePart:
    """The states of a part under one model.

    Args:
        emotide: the model.
        number, parts: which part it is, of how many.
        window: microseconds of a step.
        ask: see `Ask`.
    """

    def __init__(self, emotide: Emotide, number: int, parts: int, window: int, ask: Ask) -> None:
        self.emotide, self.number, self.parts, self.window, self.ask = emotide, number, parts, window, ask
        self._begin()

    def _begin(self) -> None:
        """Nobody is here."""
        self.census = census_of(self.emotide.trained)
        self.snapshot = PartSnapshot(self.emotide.trained, self.census, self.number, self.parts, self.ask)
        self.origin = 0
        self._undo: Undo | None = None
        self._users, self._pairs = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]

    def hear(self, news: News) -> None:
        """People come in."""
        self.census.networks.rows(pl.Series(news.networks, dtype=pl.String))
        network, user = ([name[k] for name in news.people] for k in (0, 1))
        self.census.rows(pl.Series(network, dtype=pl.String), pl.Series(user, dtype=pl.String))

    def step(self, share: Share, tried: bool, peers: Peers) -> None:
        """Exchange with the other parts what the step reads of them, and move who is here.

        Args:
            share: of the step.
            tried: whether `back` will be called.
            peers: the other parts.
        """
        census, here = self.census, len(share.people)
        pair = census.pair_rows(*share.pairs)
        moved, seen = share.people[share.active], pair[: share.sight]
        if tried:
            self._undo = self._undo or Undo()
            self._undo.keep(census.people, moved, MOVES["people"])
            self._undo.keep(census.pairs, seen, MOVES["pairs"])
        state = self._brought(share, pair, peers)
        if len(moved):
            Y = stepped(self.emotide.trained, share.lone(), torch.from_numpy(share.vectors), state)
            census.people.H[share.people], census.people.M[share.people] = state.H[:here], state.M[:here]
            census.pairs.A[seen] = state.A[: share.sight]
            census.touch(moved, share.step, Y)
            census.see(seen, share.step, share.chance)
        self._users.append(moved)
        self._pairs.append(seen)

    def _brought(self, share: Share, pair: Rows, peers: Peers) -> State:
        """The states that the step reads, those of guests behind those of the part."""
        people, pairs = self.census.people, self.census.pairs
        every = State(*(torch.from_numpy(table) for table in (people.H, pairs.A, people.M)))
        width = widths(every)
        give = [(other, packed(every, (_long(rows), _long(self.census.find(*ends)))))
                for other, (rows, ends) in share.give.items()]  # fmt: skip
        take = {other: (_long(rows), _long(ends)) for other, (rows, ends) in share.take.items()}
        into = {other: torch.empty(size(rows, width)) for other, rows in take.items()}
        peers.trade(0, give, list(into.items()))()
        H, A, M = (
            torch.cat([table[_long(rows)], torch.zeros(more, table.shape[1])])
            for table, rows, more in (
                (every.H, share.people, len(share.group.users) - len(share.people)),
                (every.A, pair, share.group.pairs - len(pair)),
                (every.M, share.people, len(share.group.users) - len(share.people)),
            )
        )
        for other, rows in take.items():
            H[rows[0]], A[rows[1]] = unpacked(into[other], rows, width)
        return State(H, A, M)

    def back(self) -> None:
        """Take the steps back that were tried."""
        if self._undo is not None:
            self._undo.back()
            self._undo = None

    def publish(self, told: Published) -> None:
        """Show readers what has moved."""
        moved = Moved(*(np.unique(np.concatenate(rows)) for rows in (self._users, self._pairs)))
        self._users, self._pairs = self._users[:1], self._pairs[:1]
        with self.snapshot.lock:
            self.snapshot.publish(moved)
            self.snapshot.last[told.network] = told.last
            self.snapshot.version += 1
            self.origin = told.origin

    def erase(self, ids: Ids) -> None:
        """Forget people, of whichever parts, and all pairs here that they are in."""
        rows = ids[ids % self.parts == self.number] // self.parts
        self._pairs.append(self.census.erase(rows, ids))
        self._users.append(rows)

    def states(self, rows: Rows) -> Float[np.ndarray, "some state"]:
        """See `Census.states`."""
        return self.census.states(rows)

    def answers(self) -> Answers:
        """What the snapshot says of the people here."""
        return Answers(self.emotide, self.snapshot, usual_space(self.emotide), self.origin, self.window)

    def save(self, folder: Path) -> None:
        """Write the states below a checkpoint's folder."""
        write_part(folder, self.number, self.census)

    def take_up(self, kept: Kept, handed: Handed) -> None:
        """Go on from a checkpoint."""
        self._begin()
        census = self.census
        census.networks.load([(name,) for name in handed.networks])
        census.names.load(list(handed.names))
        census.people.extend(len(handed.names))
        census.people.network[:], census.people.touched[:] = handed.network, handed.touched
        pair = census.pair_rows(*handed.pairs)
        for name in ("first", "seen", "chance"):
            getattr(census.pairs, name)[:] = getattr(handed, name)
        census.fill(kept.gathered(handed.ids, handed.source, handed.target))
        self._users.append(np.arange(len(handed.names)))
        self._pairs.append(pair)


class PartSnapshot(Snapshot):
    """What readers see of a part; a forecast looks up what it needs of the other parts.

    Args:
        trained: the model.
        census: of the part.
        number, parts, ask: see `LivePart`.
    """

    def __init__(self, trained: Trained, census: Census, number: int, parts: int, ask: Ask) -> None:
        super().__init__(trained, census)
        self.number, self.parts, self.ask, self.version = number, parts, ask, 0

    def told(self, row: int, horizon: int) -> Told:
        """See `Snapshot.told`; of all parts what they published together.

        Raises:
            NotYet: they publish so often that nothing could be read between.
        """
        for _ in range(TRIES):
            with self.lock:
                version, now = self.version, super().told(row, 0)
            try:
                around = Around(self, version)
                ahead = forecast(self.trained, around, row * self.parts + self.number, horizon) if horizon else []
                return now._replace(ahead=ahead)
            except PublishedAnew:
                time.sleep(PAUSE)
        raise NotYet(1.0)

    def looked_up(self, version: int, method: str, ids: Sequence[Ids]) -> Any:
        """`felt`, `sights` or `backs` of the people here; None where this version is not the one that is published."""
        with self.lock:
            return getattr(self, method)(*ids) if self.version == version else None

    def felt(self, ids: Ids) -> Felt:
        """See `Snapshot.felt`."""
        return super().felt(ids // self.parts)

    def sights(self, ids: Ids) -> Sights:
        """See `Snapshot.sights`."""
        found = super().sights(ids // self.parts)
        return found._replace(target=found.target.astype(np.int64) * self.parts + self.number)

    def backs(self, source: Ids, target: Ids) -> Backs:
        """See `Snapshot.backs`."""
        return super().backs(source, target // self.parts)


class Around:
    """What all parts have published, as one of them looks it up; see `emotide.live.forecast.Published`."""

    def __init__(self, own: PartSnapshot, version: int) -> None:
        self.own, self.version = own, version

    def felt(self, ids: Ids) -> Felt:
        """See `Snapshot.felt`."""
        return Felt(*self._looked_up("felt", ids, ids))

    def sights(self, ids: Ids) -> Sights:
        """See `Snapshot.sights`."""
        return Sights(*map(np.concatenate, zip(*(found for _, found in self._asked("sights", ids, ids)), strict=True)))

    def backs(self, source: Ids, target: Ids) -> Backs:
        """See `Snapshot.backs`."""
        if not len(target):
            return self.own.backs(source, target)
        return Backs(*self._looked_up("backs", target, source, target))

    def _looked_up(self, method: str, holder: Ids, *ids: Ids) -> list[np.ndarray]:
        """One row for each of the ids, in their order."""
        asked = self._asked(method, holder, *ids)
        order = np.argsort(np.concatenate([rows for rows, _ in asked]))
        return [np.concatenate(columns)[order] for columns in zip(*(found for _, found in asked), strict=True)]

    def _asked(self, method: str, holder: Ids, *ids: Ids) -> list[tuple[Int[np.ndarray, " some"], Any]]:
        """Which of the ids each part was asked about, and what it said.

        Raises:
            PublishedAnew: one of them has published meanwhile, or has not yet.
        """
        own, waits = self.own, list[tuple[np.ndarray, Callable[[], Any]]]()
        for part in np.unique(holder % own.parts).tolist():
            rows = np.flatnonzero(holder % own.parts == part)
            some = [one[rows] for one in ids]
            asked = (self.version, method, some)
            waits.append((rows, partial(own.looked_up, *asked) if part == own.number else own.ask(part, asked)))
        found = [(rows, wait()) for rows, wait in waits]
        if any(answer is None for _, answer in found):
            raise PublishedAnew
        return found


def _long(rows: Rows) -> torch.Tensor:
    return torch.from_numpy(np.asarray(rows, np.int64))
