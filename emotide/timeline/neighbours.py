"""Who stands in whose sight: the active pairs of every step (DESIGN 3.3, Nei(i, t))."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float64, Int, Int32, UInt64

from emotide.timeline.config import TimelineConfig
from emotide.timeline.events import array_file
from emotide.timeline.growing import GrowingArray
from emotide.timeline.meetings import meetings
from emotide.timeline.sort import stable_order

NEVER = np.iinfo(np.int32).min  # the last contact of two who share a tie alone
PIECE = 1 << 19  # possible neighbours, about, that are looked at at once; it changes nothing


def compile_pairs(
    contacts: pl.DataFrame,
    ties: pl.DataFrame,
    active: pl.DataFrame,
    lots: UInt64[np.ndarray, "2 users"],
    kinds: int,
    config: TimelineConfig,
    folder: Path | None = None,
) -> dict[str, Any]:
    """The arrays of `Events` about pairs: for every active user the neighbours of that step, sorted by target.

    A neighbour of i is somebody with whom i was in contact, either way, in this step or lately, or whom a standing tie
    makes i look at. Up to `config.max_neighbours` are known from before the step, whatever happens in it, so that a
    forecast sees nothing of the step; as many may be new in it. Where there are more, they are sampled by importance,
    and `pair_chance` says how likely each was to be drawn (see `_drawn`).

    Args:
        contacts: source, target, step, kind.
        ties: source (who looks), target (whom), begin, end.
        active: step, user; sorted by network, step and user.
        lots: of all users, see `lots_of`; chance hangs on names, so that other networks in the log change nothing.
        kinds: how many kinds of interaction there are.
        config: how many neighbours, and for how long.
        folder: the arrays are written there as they grow, and mapped; None keeps them in memory.
    """
    sight = Sight(contacts, ties, active, lots, kinds, config)
    columns = {
        name: GrowingArray(dtype, width, None if folder is None else folder / array_file(name))
        for name, (dtype, width) in (_COLUMNS | {"pair_kinds": (np.uint8, (2 * kinds,))}).items()
    }
    latest = np.full(sight.pairs, NEVER, np.int32)
    for rows in sight.pieces(PIECE):
        found = sight.pairs_of(rows)
        columns["pair_elapsed"].add(_elapsed(found["pair"], found["pair_step"], latest))
        for name, column in found.items():
            columns[name].add(column)
    whole = {name: column.whole() for name, column in columns.items()}
    number = np.cumsum(latest != NEVER, dtype=np.int32) - 1
    for first in range(0, len(whole["pair"]), PIECE):
        piece = whole["pair"][first : first + PIECE]
        piece[:] = number[piece]
    return whole


_COLUMNS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "pair_step": (np.int32, ()),
    "pair": (np.int32, ()),
    "pair_source": (np.int32, ()),
    "pair_target": (np.int32, ()),
    "pair_elapsed": (np.float32, ()),
    "pair_known": (np.bool_, ()),
    "pair_chance": (np.float32, (2,)),
}


class _Near(NamedTuple):
    """Whom some active users may see: at most one row for what was known before the step, and one for what is new."""

    row: Int[np.ndarray, " near"]  # of the active users, ascending
    source: Int32[np.ndarray, " near"]  # user, ascending within a row
    pair: Int32[np.ndarray, " near"]
    last: Int32[np.ndarray, " near"]  # step of the last contact, NEVER where there is a tie alone
    known: Bool[np.ndarray, " near"]  # before the step; stands before the new of the same source
    meeting: Int[np.ndarray, " near"]  # row of the meetings, -1 where there is a tie alone


def runs(held: Int[np.ndarray, " rows"], size: int) -> Iterator[slice]:
    """Rows in their order, cut where what they hold comes to about so much; one row is never cut."""
    total, first = np.cumsum(held), 0
    while first < len(total):
        done = total[first - 1] if first else 0
        last = max(int(np.searchsorted(total, done + size, side="right")), first + 1)
        yield slice(first, last)
        first = last


def lots_of(names: pl.Series) -> UInt64[np.ndarray, "2 users"]:
    """What chance hangs on: a number of each user for draws among the new, and one for those from before a step."""
    return np.stack([names.hash(seed=int(before)).to_numpy() for before in (False, True)])


class Sight:
    """All that decides who sees whom, and pieces of the answer.

    Args:
        contacts, ties, active, kinds, config: see `compile_pairs`; of steps and people that nobody active can see or be
            seen by, nothing need be there.
        lots: of all users, see `lots_of`.
    """

    def __init__(
        self, contacts: pl.DataFrame, ties: pl.DataFrame, active: pl.DataFrame, lots: UInt64[np.ndarray, "2 users"],
        kinds: int, config: TimelineConfig,
    ) -> None:  # fmt: skip
        self.config, self.hashed = config, lots
        self.user, self.step = active["user"].to_numpy(), active["step"].to_numpy()
        self.asked = _moment(self.user, self.step)
        self.by_user = np.argsort(self.asked)  # one search after the other goes on where the last one ended
        ties = ties.sort("source", "begin", "target")
        self.met, self.tie_pair, self.pairs = meetings(contacts, ties, kinds, lots.shape[1])
        self.looker, self.tied = ties["source"].to_numpy(), ties["target"].to_numpy()
        self.begin, self.end = ties["begin"].to_numpy(), ties["end"].to_numpy()
        # of the contacts before a step it looks at four times as many as may stay, of the ties at eight times
        self.met_range = self._range(self.met.target, self.met.step, 4, strictly=True)
        self.tie_range = self._range(self.looker, self.begin, 8, strictly=False)

    def _range(
        self, owner: np.ndarray, moment: np.ndarray, times: int, strictly: bool
    ) -> tuple[Int[np.ndarray, " active"], Int[np.ndarray, " active"]]:
        """For each active row the places of what its user holds until its step; at most so many before its end.

        `strictly` counts those before the step alone: those of the step itself come on top.
        """
        key, asked = _moment(owner, moment), self.asked[self.by_user]
        start, before, end = np.empty((3, len(asked)), np.int64)
        end[self.by_user] = np.searchsorted(key, asked, side="right")
        before[self.by_user] = np.searchsorted(key, asked, side="left") if strictly else end[self.by_user]
        start[self.by_user] = np.searchsorted(owner, self.user[self.by_user])
        return np.maximum(start, before - times * self.config.max_neighbours), end

    def pieces(self, size: int) -> Iterator[slice]:
        """The active rows, cut into runs with about so many possible neighbours each."""
        return runs(sum(end - start for start, end in (self.met_range, self.tie_range)), size)

    def pairs_of(self, rows: slice) -> dict[str, np.ndarray]:
        """The pairs of some active rows, sorted by row and source; `pair` among all that may ever be in sight."""
        near = self._near(rows)
        drawn, chance = np.ones(len(near.row), bool), np.ones(len(near.row))
        for before in (True, False):
            some = self._crowded(near, np.flatnonzero(near.known == before), rows)
            drawn[some], chance[some] = self._drawn(near, some, before)
        first = np.append(np.ones(min(len(near.row), 1), bool), _differs(near.row) | _differs(near.source))
        place, start = np.cumsum(first) - 1, np.flatnonzero(first)
        known, new = np.zeros((2, len(start)), bool)
        known_chance, new_chance = np.zeros((2, len(start)))
        was_known = np.zeros(len(start), bool)
        meeting = np.full(len(start), -1)
        old, fresh = near.known, ~near.known
        known[place[old]], known_chance[place[old]], was_known[place[old]] = drawn[old], chance[old], True
        new[place[fresh]], new_chance[place[fresh]] = drawn[fresh], chance[fresh]
        meeting[place[fresh]] = near.meeting[fresh]
        kept = np.flatnonzero(known | new)
        # whom either draw may take is in sight unless both leave him out
        seen = 1 - (1 - known_chance) * (1 - new_chance)
        row, meeting = near.row[start[kept]], meeting[kept]
        kinds = np.zeros((len(kept), self.met.kinds.shape[1]), np.uint8)
        kinds[meeting >= 0] = self.met.kinds[meeting[meeting >= 0]]
        return {
            "pair_step": self.step[row],
            "pair": near.pair[start[kept]],
            "pair_source": near.source[start[kept]],
            "pair_target": self.user[row],
            "pair_known": known[kept],
            "pair_chance": np.stack([seen, np.where(was_known, known_chance, 1.0)], 1)[kept],
            "pair_kinds": kinds,
        }

    def _near(self, rows: slice) -> _Near:
        """The sources of the latest contact before the step and of those in it, and of standing ties."""
        row, meeting = _ranges(self.met_range, rows)
        last, step = self.met.step[meeting], self.step[row]
        latest = (self.met.later[meeting] >= step) & (step - last <= self.config.neighbour_memory)
        kept = np.flatnonzero((last == step) | latest)
        row, meeting, last, step = row[kept], meeting[kept], last[kept], step[kept]
        near = _Near(row, self.met.source[meeting], self.met.pair[meeting], last, last < step, meeting)
        tied = self._tied(rows)
        if len(tied.row):
            near = _Near(*(np.concatenate(parts) for parts in zip(near, tied, strict=True)))
        key = (near.row - rows.start << 32) + (near.source.astype(np.int64) << 1) + ~near.known
        order = np.argsort(key)
        near, key = _Near(*(column[order] for column in near)), key[order]
        if not len(tied.row):
            return near
        start = np.flatnonzero(np.append(True, _differs(key)))  # any contact goes before a tie
        last, meeting = (np.maximum.reduceat(column, start) for column in (near.last, near.meeting))
        return _Near(*(column[start] for column in near))._replace(last=last, meeting=meeting)

    def _tied(self, rows: slice) -> _Near:
        """Whom the standing ties of the users point at."""
        row, tie = _ranges(self.tie_range, rows)
        step = self.step[row]
        stands = np.flatnonzero(step <= self.end[tie])
        row, tie, step = row[stands], tie[stands], step[stands]
        last, nowhere = np.full(len(row), NEVER, np.int32), np.full(len(row), -1)
        return _Near(row, self.tied[tie], self.tie_pair[tie], last, self.begin[tie] < step, nowhere)

    def _crowded(self, near: _Near, some: np.ndarray, rows: slice) -> Int[np.ndarray, " some"]:
        """Those of some who share their row with more than may stay."""
        local = near.row[some] - rows.start
        crowded: np.ndarray = some[np.bincount(local, minlength=1)[local] > self.config.max_neighbours]
        return crowded

    def _drawn(
        self, near: _Near, some: np.ndarray, before: bool
    ) -> tuple[Bool[np.ndarray, " some"], Float64[np.ndarray, " some"]]:
        """Which of some are drawn, and the chance that each had; every row of theirs holds more than may stay.

        Priority sampling (Duffield, Lund & Thorup 2007): those with the largest importance / lot stay. With τ the first
        priority that goes, each that stays had the chance min(1, importance / τ), and sums weighted by 1 / chance are
        unbiased estimates of the sums over all.
        """
        row, source = near.row[some], near.source[some]
        importance, lot = self._lots(row, source, near.last[some], before)
        priority = importance / lot
        first = np.append(np.ones(min(len(row), 1), bool), _differs(row))
        start, number = np.flatnonzero(first), np.cumsum(first) - 1
        order = np.argsort(-priority)  # no two of a row are equal
        order = order[stable_order(number[order])]
        held = np.diff(np.append(start, len(row)))
        most, drawn = self.config.max_neighbours, np.zeros(len(row), bool)
        drawn[order] = np.arange(len(row)) - np.repeat(start, held) < most
        gone = np.repeat(priority[order[start + most]], held)
        return drawn, np.minimum(importance / gone, 1.0)

    def _lots(
        self, row: np.ndarray, source: np.ndarray, last: np.ndarray, before: bool
    ) -> tuple[Float64[np.ndarray, " near"], Float64[np.ndarray, " near"]]:
        """The importance of each source, 1 / (1 + steps since the last contact), and a lot in (0, 1).

        A tie without a contact counts like a contact at the end of memory.
        """
        step = self.step[row].astype(np.int64)
        age = np.where(last == NEVER, self.config.neighbour_memory, step - last)
        name = self.hashed[int(before)]
        target, other = name[self.user[row]], name[source]
        lot = _mixed(target ^ _mixed(other ^ _mixed(step.astype(np.uint64))))
        return 1 / (1.0 + age), ((lot >> np.uint64(11)) + 0.5) / 2**53


def _elapsed(pair: np.ndarray, step: np.ndarray, latest: Int32[np.ndarray, " pairs"]) -> np.ndarray:
    """Steps since each pair was last in sight, -1 for never; `latest` goes on from piece to piece."""
    order = np.sort((pair.astype(np.int64) << 32) + np.arange(len(pair))) & 0xFFFFFFFF  # of a pair, as they stand
    ordered, when = pair[order], step[order]
    first = np.append(np.ones(min(len(pair), 1), bool), _differs(ordered))
    before = np.where(first, latest[ordered], np.roll(when, 1))
    last = np.append(first[1:], True)[: len(pair)]
    latest[ordered[last]] = when[last]
    since = np.empty(len(pair), np.float32)
    since[order] = np.where(before == NEVER, -1, when - before.astype(np.int64))
    return since


def _differs(column: np.ndarray) -> Bool[np.ndarray, " rows"]:
    """Whether each row but the first differs from the one before it."""
    differs: np.ndarray = column[1:] != column[:-1]
    return differs


def _mixed(key: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: every bit of the key moves every bit of the result."""
    with np.errstate(over="ignore"):
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = key ^ (key >> np.uint64(31))
    return mixed


def _moment(user: np.ndarray, step: np.ndarray) -> Int[np.ndarray, " rows"]:
    moment: np.ndarray = (user.astype(np.int64) << 32) + step
    return moment


def _ranges(
    places: tuple[Int[np.ndarray, " active"], Int[np.ndarray, " active"]], rows: slice
) -> tuple[Int[np.ndarray, " places"], Int[np.ndarray, " places"]]:
    """Every position of the ranges (start and end) of some rows, and before it which row each is of."""
    start, end = (bound[rows] for bound in places)
    length = end - start
    row = np.repeat(np.arange(rows.start, rows.stop), length)
    return row, np.arange(length.sum()) - np.repeat(np.cumsum(length) - length - start, length)
