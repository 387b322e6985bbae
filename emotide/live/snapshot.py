"""What readers see: a second set of the tables, in which rows are replaced all at once; and forecasts from it."""

import threading

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.live.people import Census, pair_columns, people_columns
from emotide.live.stream import Moved
from emotide.model.batch import View
from emotide.model.fused import FusedNetwork, State
from emotide.train import Trained

READ = {"people": ("network", "touched", "H", "M", "Y", "pleasure", "shown"), "pairs": ("first", "seen", "chance", "A")}


class Snapshot:
    """The states as they were last published; whoever reads and whoever publishes holds its lock.

    Args:
        trained: the model.
        census: whose rows are published.
    """

    def __init__(self, trained: Trained, census: Census) -> None:
        config = trained.model.network.config
        self.trained, self.census = trained, census
        self.lock = threading.RLock()
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
                getattr(mine, name)[every] = getattr(theirs, name)[every]
        self.last = np.append(self.last, np.full(len(self.census.networks) - len(self.last), -1))
        np.maximum.at(self.last, self.people.network[moved.users], self.people.touched[moved.users])

    def publish_all(self) -> None:
        """Take every row anew."""
        self.last = np.zeros(0, np.int64)
        self.publish(Moved(np.arange(self.census.people.rows), np.arange(self.census.pairs.rows)))

    def forecast(self, user: int, horizon: int) -> list[Float[np.ndarray, " affect"]]:
        """The affect vectors that `trace` forecasts for a person 1 to `horizon` steps beyond the network's last one.

        A step needs the states of the step before of whoever the person sees, and so on backwards: they are found
        first, then moved on with nothing heard of anybody.
        """
        network = self.trained.model.network
        circles, near = [np.array([user])], self._near(np.array([user]))
        for _ in range(horizon - 1):
            circles.append(np.unique(np.concatenate([circles[-1], self.census.pairs.source[near]])))
            near = self._near(circles[-1])
        everybody = np.unique(np.concatenate([circles[-1], self.census.pairs.source[near]]))
        near = self._near(circles[-1])
        back = self._back(near)
        pairs = np.unique(np.concatenate([near, back[back >= 0]]))
        state = State(*(torch.from_numpy(table[rows]) for table, rows in (
            (self.people.H, everybody), (self.pairs.A, pairs), (self.people.M, everybody))))  # fmt: skip
        place = int(np.searchsorted(everybody, user))
        said = []
        nothing = torch.zeros(0, self.trained.layout.width)
        with torch.no_grad():
            for k, circle in enumerate(reversed(circles), 1):
                view = self._view(circle, everybody, pairs, k)
                state = network.written(state, view, network.advance(state, view, nothing), owned=True)
                said.append(_read(network, state, place))
        return said

    def _near(self, users: Int[np.ndarray, " some"]) -> Int[np.ndarray, " pairs"]:
        """The pairs in sight of people in the last step that touched them."""
        rows = self.census.of_targets(users)
        rows = rows[rows < self.pairs.rows]
        touched = self.people.touched[self.census.pairs.target[rows]]
        return np.sort(rows[(touched >= 0) & (self.pairs.seen[rows] == touched)])

    def _back(self, row: Int[np.ndarray, " pairs"]) -> Int[np.ndarray, " pairs"]:
        """The rows of pairs the other way round that were ever in sight, or -1."""
        source, target = self.census.pairs.source[row].astype(np.int64), self.census.pairs.target[row]
        back = self.census.index.rows((target.astype(np.int64) << 32) | source)
        known = (back >= 0) & (back < self.pairs.rows)
        known[known] &= self.pairs.first[back[known]] >= 0
        return np.where(known, back, -1)

    def _view(self, users: Int[np.ndarray, " some"], people: np.ndarray, pairs: np.ndarray, k: int) -> View:
        """These people in the k-th step after the last of their network, nobody being heard of; see `Batch.beyond`."""
        known = self.census.pairs
        row = self._near(users)
        order = np.argsort(known.target[row], kind="stable")
        row = row[order]
        source, target = known.source[row], known.target[row]
        touched, last = self.people.touched[users], self.last[self.people.network[users]]
        since = np.where(touched < 0, -1, last - touched + 1 if k == 1 else 1)
        pair_since = self.last[self.people.network[target]] - self.pairs.seen[row] + 1 if k == 1 else np.ones(len(row))
        near, position = np.unique(source, return_inverse=True)
        back = self._back(row)
        back = np.where(back >= 0, np.searchsorted(pairs, back), -1)
        nobody = np.zeros(0, np.int64)
        quiet = np.zeros((len(row), 2 * len(self.trained.kinds) + 1), np.float32)
        columns = (
            np.searchsorted(people, users), since.astype(np.float32), np.zeros((len(users), 3), np.float32), nobody,
            nobody, np.searchsorted(pairs, row), np.searchsorted(people, near), position,
            np.searchsorted(users, target), pair_since.astype(np.float32), quiet, np.full(len(row), -1), back,
            self.pairs.chance[row],
        )  # fmt: skip
        return View._make([*(_tensor(column) for column in columns), None, None])


def _read(network: FusedNetwork, state: State, place: int) -> Float[np.ndarray, " affect"]:
    said: np.ndarray = network.read(state.H[place : place + 1], state.M[place : place + 1])[0].numpy()
    return said


def _tensor(column: np.ndarray) -> Tensor:
    kind = np.float32 if column.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.ascontiguousarray(column, kind))
