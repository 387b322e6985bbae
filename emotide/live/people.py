"""Who there is, by row: names once, and all that is known of people and pairs in flat columns."""

import numpy as np
import polars as pl
from jaxtyping import Int

from emotide.live.columns import Columns, Index
from emotide.model import NetworkConfig
from emotide.timeline.neighbours import lots_of

PAST_READINGS, PAST_SHOWN = 16, 64  # of each person, for rules that look back


def people_columns(config: NetworkConfig) -> Columns:
    """What is known of a person."""
    return Columns(
        {
            "network": (np.int32, (), -1),
            "touched": (np.int32, (), -1),  # step, counted from the origin
            "head": (np.int32, (), -1),  # the last pair that was made of which this person is the target
            "lots": (np.uint64, (2,), 0),
            "H": (np.float32, (config.state,), 0),
            "M": (np.float32, (config.affect + 1,), 0),
            "Y": (np.float32, (config.affect,), 0),  # the latest recognition
            "pleasure": (np.float32, (PAST_READINGS,), np.nan),  # of the latest recognitions, the last one last
            "shown": (np.int32, (PAST_SHOWN,), -1),  # items (their rows) shown last, the last one last
        }
    )


def pair_columns(config: NetworkConfig) -> Columns:
    """What is known of a pair."""
    return Columns(
        {
            "source": (np.int32, (), -1),
            "target": (np.int32, (), -1),
            "next": (np.int32, (), -1),  # another pair of the same target
            "first": (np.int32, (), -1),  # step in which it was first in sight
            "seen": (np.int32, (), -1),  # and last
            "chance": (np.float32, (), 1),  # with which it was drawn then
            "A": (np.float32, (config.influence,), 0),
        }
    )


class Names:
    """Names by row: of networks, of people (with the network), of items."""

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = []
        self.row: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return len(self.names)

    def rows(self, *columns: pl.Series) -> Int[np.ndarray, " some"]:
        """The row of each; those that are new come to the end, in their order."""
        found = np.empty(len(columns[0]), np.int64)
        for place, name in enumerate(zip(*columns, strict=True)):
            row = self.row.get(name)
            if row is None:
                row = self.row[name] = len(self.names)
                self.names.append(name)
            found[place] = row
        return found

    def erase(self, row: int) -> None:
        """Nobody bears the name of this row any more."""
        self.row.pop(self.names[row], None)
        self.names[row] = ()

    def load(self, names: list[tuple[str, ...]]) -> None:
        """Take the names of all rows."""
        self.names, self.row = names, {name: row for row, name in enumerate(names) if name}


class Census:
    """People and pairs: which rows they have, and what is known of them."""

    def __init__(self, config: NetworkConfig, H_0: np.ndarray, A_0: np.ndarray) -> None:
        self.people, self.pairs = people_columns(config), pair_columns(config)
        self.H_0, self.A_0 = H_0, A_0
        self.networks, self.names, self.items, self.index = Names(), Names(), Names(), Index()

    def rows(self, network: pl.Series, user: pl.Series) -> Int[np.ndarray, " some"]:
        """The rows of people; those that are new begin where the network begins."""
        before = len(self.names)
        found = self.names.rows(network, user)
        if len(self.names) > before:
            new = self.names.names[before:]
            self.people.extend(len(new))
            self.people.H[before:] = self.H_0
            self.people.network[before:] = self.networks.rows(pl.Series([name[0] for name in new], dtype=pl.String))
            self.people.lots[before:] = lots_of(pl.Series("user_id", [name[1] for name in new], dtype=pl.String)).T
        return found

    def erase(self, rows: Int[np.ndarray, " some"]) -> Int[np.ndarray, " pairs"]:
        """Forget people and all pairs that they are in; the rows of these pairs."""
        for row in rows.tolist():
            self.names.erase(row)
        gone = np.flatnonzero(np.isin(self.pairs.source, rows) | np.isin(self.pairs.target, rows))
        head, network = self.people.head[rows].copy(), self.people.network[rows].copy()
        self.people.blank(rows)
        self.people.H[rows], self.people.head[rows], self.people.network[rows] = self.H_0, head, network
        self.pairs.first[gone] = self.pairs.seen[gone] = -1
        self.pairs.A[gone], self.pairs.chance[gone] = self.A_0, 1
        return gone

    def pair_rows(self, source: Int[np.ndarray, " some"], target: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The rows of different pairs; those that are new begin where the network begins."""
        key = _key(source, target)
        found = self.index.rows(key)
        new = np.flatnonzero(found < 0)
        if len(new):
            first = self.pairs.rows
            found[new] = np.arange(first, first + len(new))
            self.pairs.extend(len(new))
            self.pairs.source[first:], self.pairs.target[first:] = source[new], target[new]
            self.pairs.A[first:] = self.A_0
            self._chain(found[new], target[new])
            self.index.add(key[new], found[new])
        return found

    def of_targets(self, target: Int[np.ndarray, " some"]) -> Int[np.ndarray, " pairs"]:
        """The rows of all pairs whose targets these are, in no order."""
        found, row = [], self.people.head[target]
        while len(row := row[row >= 0]):  # as often as somebody has pairs, whoever has few is done early
            found.append(row)
            row = self.pairs.next[row]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _chain(self, row: Int[np.ndarray, " some"], target: Int[np.ndarray, " some"]) -> None:
        """Hang new pairs on their targets: each points at the one before, the target at the last."""
        order = np.argsort(target, kind="stable")
        row, target = row[order], target[order]
        first = np.append(True, target[1:] != target[:-1])
        self.pairs.next[row] = np.where(first, self.people.head[target], np.roll(row, 1))
        last = np.append(first[1:], True)
        self.people.head[target[last]] = row[last]

    def back(self, source: Int[np.ndarray, " some"], target: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The row of each pair the other way round, if that was ever in sight, or -1."""
        found = self.index.rows(_key(target, source))
        return np.where((found >= 0) & (self.pairs.first[found.clip(min=0)] >= 0), found, -1) if len(found) else found


def _key(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    key: np.ndarray = (source.astype(np.int64) << 32) | target.astype(np.int64)
    return key
