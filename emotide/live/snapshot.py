"""What readers see: a second set of the tables, in which rows are replaced all at once."""

import threading
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from emotide.live.forecast import Backs, Felt, Ids, Sights, forecast
from emotide.live.people import Census, pair_columns, people_columns
from emotide.live.stream import Moved
from emotide.train import Trained

READ = {"people": ("network", "touched", "H", "M", "Y", "pleasure", "shown"), "pairs": ("first", "seen", "chance", "A")}


class Told(NamedTuple):
    """What is known of a person now and later."""

    touched: int  # the last step that touched them, -1 for none
    last: int  # and that of their network
    Y: Float[np.ndarray, " affect"]  # the reading of the former
    ahead: list[Float[np.ndarray, " affect"]]  # forecasts, from the step after the latter on


class Mood(NamedTuple):
    """What a recommendation goes by."""

    H: Float[np.ndarray, "1 state"]
    M: Float[np.ndarray, "1 memory"]
    pleasure: Float[np.ndarray, " readings"]  # the last ones, the latest last


class Snapshot:
    """The states as they were last published; whoever reads and whoever publishes holds its lock.

    Args:
        trained: the model.
        census: whose rows are published.
    """

    def __init__(self, trained: Trained, census: Census) -> None:
        self.trained, self.census = trained, census
        self.lock = threading.RLock()
        config = trained.model.network.config if census.felt else None
        self.people, self.pairs = people_columns(config), pair_columns(config)
        self.last = np.zeros(0, np.int64)  # the last step that touched each network

    def publish(self, moved: Moved) -> None:
        """Take these rows, and those that are new, from the census."""
        for mine, theirs, rows, names in (
            (self.people, self.census.people, moved.users, READ["people"]),
            (self.pairs, self.census.pairs, moved.pairs, READ["pairs"]),
        ):
            before = mine.rows
            mine.extend(theirs.rows - before)
            every = np.concatenate([rows[rows < before], np.arange(before, theirs.rows)])
            for name in names:
                if name in mine.kinds:
                    getattr(mine, name)[every] = getattr(theirs, name)[every]
        self.last = self._lately(moved)

    def _lately(self, moved: Moved) -> np.ndarray:
        """The last step that touched each network, once these rows are published."""
        last, people = self.last, self.census.people
        last = np.append(last, np.full(len(self.census.networks) - len(last), -1))
        np.maximum.at(last, people.network[moved.users], people.touched[moved.users])
        return last

    def publish_all(self) -> None:
        """Take every row anew."""
        self.last = np.zeros(0, np.int64)
        self.publish(Moved(np.arange(self.census.people.rows), np.arange(self.census.pairs.rows)))

    def told(self, row: int, horizon: int) -> Told:
        """The reading of a person, and forecasts of so many steps."""
        with self.lock:
            touched, last = int(self.people.touched[row]), int(self.last[self.people.network[row]])
            ahead = forecast(self.trained, self, row, horizon) if horizon else []
            return Told(touched, last, self.people.Y[row].copy(), ahead)

    def mood(self, row: int) -> Mood:
        """What a person is in now."""
        with self.lock:
            people = self.people
            return Mood(people.H[row : row + 1].copy(), people.M[row : row + 1].copy(), people.pleasure[row].copy())

    # see `Published`

    def felt(self, ids: Ids) -> Felt:
        """What is known of people."""
        people = self.people
        return Felt(people.H[ids], people.M[ids], people.touched[ids], self.last[people.network[ids]])

    def sights(self, ids: Ids) -> Sights:
        """The pairs in sight of people in the last step that touched them."""
        rows = self.census.of_targets(ids)
        rows = np.sort(rows[rows < self.pairs.rows])
        target, seen = self.census.pairs.target[rows], self.pairs.seen[rows]
        near = (self.people.touched[target] >= 0) & (seen == self.people.touched[target])
        rows = rows[near]
        return Sights(self.census.pairs.source[rows], target[near], seen[near], self.pairs.chance[rows],
                      self.pairs.A[rows])  # fmt: skip

    def backs(self, source: Ids, target: Ids) -> Backs:
        """The pairs of these ends, as far as they were ever in sight."""
        row = self.census.find(source, target)
        row = np.where(row < self.pairs.rows, row, -1)
        met = (row >= 0) & (self.pairs.first[row.clip(min=0)] >= 0) if self.pairs.rows else np.zeros(len(row), bool)
        A = self.pairs.A[np.where(met, row, 0)] if self.pairs.rows else np.zeros((len(row), 0), np.float32)
        return Backs(met, A)
