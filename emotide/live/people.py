"""Who there is, by row: names once, and all that is known of people and pairs in flat columns."""

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.live.columns import Columns, Index, Kind
from emotide.model import NetworkConfig
from emotide.timeline.neighbours import lots_of

PAST_READINGS, PAST_SHOWN = 16, 64  # of each person, for rules that look back


Kinds = dict[str, Kind]
MOVES = {"people": ("H", "M", "Y", "pleasure", "touched"), "pairs": ("A", "first", "seen", "chance")}
"""What a step changes."""


def people_columns(config: NetworkConfig | None) -> Columns:
    """What is known of a person; without the states where there is no config, for these are elsewhere."""
    return Columns(
        {
            "network": (np.int32, (), -1),
            "touched": (np.int32, (), -1),  # step, counted from the origin
            "head": (np.int32, (), -1),  # the last pair that was made of which this person is the target
            "lots": (np.uint64, (2,), 0),
            "shown": (np.int32, (PAST_SHOWN,), -1),  # items (their rows) shown last, the last one last
            **(_felt(config) if config else {"id": (np.int32, (), -1)}),  # under which the states are kept elsewhere
        }
    )


def _felt(config: NetworkConfig) -> Kinds:
    return {
        "H": (np.float32, (config.state,), 0),
        "M": (np.float32, (config.affect + 1,), 0),
        "Y": (np.float32, (config.affect,), 0),  # the latest recognition
        "pleasure": (np.float32, (PAST_READINGS,), np.nan),  # of the latest recognitions, the last one last
    }


def pair_columns(config: NetworkConfig | None) -> Columns:
    """What is known of a pair; without the state where there is no config."""
    return Columns(
        {
            "source": (np.int32, (), -1),
            "target": (np.int32, (), -1),
            "next": (np.int32, (), -1),  # another pair of the same target
            "first": (np.int32, (), -1),  # step in which it was first in sight
            "seen": (np.int32, (), -1),  # and last
            "chance": (np.float32, (), 1),  # with which it was drawn then
            **({"A": (np.float32, (config.influence,), 0)} if config else {}),
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
    """People and pairs: which rows they have, and what is known of them.

    Args:
        config: widths of the states; None: they are kept elsewhere.
        H_0, A_0: where they begin.
    """

    def __init__(self, config: NetworkConfig | None, H_0: np.ndarray, A_0: np.ndarray) -> None:
        self.people, self.pairs, self.felt = people_columns(config), pair_columns(config), config is not None
        self.H_0, self.A_0 = H_0, A_0
        self.networks, self.names, self.items, self.index = Names(), Names(), Names(), Index()

    def rows(self, network: pl.Series, user: pl.Series) -> Int[np.ndarray, " some"]:
        """The rows of people; those that are new begin where the network begins."""
        before = len(self.names)
        found = self.names.rows(network, user)
        if len(self.names) > before:
            new = self.names.names[before:]
            self.people.extend(len(new))
            if self.felt:
                self.people.H[before:] = self.H_0
            self.people.network[before:] = self.networks.rows(pl.Series([name[0] for name in new], dtype=pl.String))
            self.people.lots[before:] = lots_of(pl.Series("user_id", [name[1] for name in new], dtype=pl.String)).T
        return found

    def erase(
        self, rows: Int[np.ndarray, " some"], sources: Int[np.ndarray, " people"] | None = None
    ) -> Int[np.ndarray, " pairs"]:
        """Forget people and all pairs that they are in; the rows of these pairs.

        Args:
            rows: of the people.
            sources: they as sources of pairs, where others than rows stand there.
        """
        for row in rows.tolist():
            self.names.erase(row)
        left = np.isin(self.pairs.source, rows if sources is None else sources)
        gone = np.flatnonzero(left | np.isin(self.pairs.target, rows))
        head, network = self.people.head[rows].copy(), self.people.network[rows].copy()
        self.people.blank(rows)
        self.people.head[rows], self.people.network[rows] = head, network
        self.pairs.first[gone] = self.pairs.seen[gone] = -1
        self.pairs.chance[gone] = 1
        if self.felt:
            self.people.H[rows], self.pairs.A[gone] = self.H_0, self.A_0
        return gone

    def fill(self, states: dict[str, np.ndarray]) -> None:
        """Take the states of everybody: H, M, Y, pleasure, A."""
        for name, rows in states.items():
            getattr(self.pairs if name == "A" else self.people, name)[:] = rows

    def states(self, rows: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some state"]:
        """H of people, after the last step that closed."""
        found: np.ndarray = self.people.H[rows]
        return found

    def touch(self, rows: Int[np.ndarray, " some"], step: int, Y: Float[np.ndarray, "some affect"]) -> None:
        """People were read in a step."""
        people = self.people
        people.Y[rows], people.touched[rows] = Y, step
        people.pleasure[rows] = np.concatenate([people.pleasure[rows, 1:], Y[:, :1]], 1)

    def see(self, row: Int[np.ndarray, " some"], step: int, chance: Float[np.ndarray, " some"]) -> None:
        """Pairs were in sight in a step."""
        pairs = self.pairs
        pairs.first[row] = np.where(pairs.first[row] < 0, step, pairs.first[row])
        pairs.seen[row], pairs.chance[row] = step, chance

    def pair_rows(self, source: Int[np.ndarray, " some"], target: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The rows of different pairs; those that are new begin where the network begins."""
        found = self.find(source, target)
        new = np.flatnonzero(found < 0)
        if len(new):
            first = self.pairs.rows
            found[new] = np.arange(first, first + len(new))
            self.pairs.extend(len(new))
            self.pairs.source[first:], self.pairs.target[first:] = source[new], target[new]
            if self.felt:
                self.pairs.A[first:] = self.A_0
            self._chain(found[new], target[new])
            self.index.add(_key(source[new], target[new]), found[new])
        return found

    def find(self, source: Int[np.ndarray, " some"], target: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The row of each pair, -1 where there is none."""
        return self.index.rows(_key(source, target))

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
        found = self.find(target, source)
        return np.where((found >= 0) & (self.pairs.first[found.clip(min=0)] >= 0), found, -1) if len(found) else found


def _key(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    key: np.ndarray = (source.astype(np.int64) << 32) | target.astype(np.int64)
    return key
