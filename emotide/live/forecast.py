"""What is forecast for one person, from states that may be kept in several places (DESIGN 3.3).

A step needs the states of the step before of whoever the person sees, and so on backwards: they are looked up first,
then moved on with nothing heard of anybody.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.batch import View
from emotide.model.fused import State
from emotide.train import Trained

Ids = Int[np.ndarray, " some"]


class Felt(NamedTuple):
    """What is known of some people."""

    H: Float[np.ndarray, "some state"]
    M: Float[np.ndarray, "some memory"]
    touched: Int[np.ndarray, " some"]  # the last step that touched each of them, -1 for none
    last: Int[np.ndarray, " some"]  # the last step that touched their networks


class Sights(NamedTuple):
    """The pairs in sight of some people in the last step that touched them."""

    source: Int[np.ndarray, " pairs"]
    target: Int[np.ndarray, " pairs"]
    seen: Int[np.ndarray, " pairs"]  # step in which the pair was in sight last
    chance: Float[np.ndarray, " pairs"]
    A: Float[np.ndarray, "pairs influence"]


class Backs(NamedTuple):
    """Pairs that were asked for by their ends."""

    met: Bool[np.ndarray, " some"]  # whether the pair was ever in sight
    A: Float[np.ndarray, "some influence"]


@runtime_checkable
class Published(Protocol):
    """Where states are looked up, by the ids of people."""

    def felt(self, ids: Ids) -> Felt:
        """What is known of people."""

    def sights(self, ids: Ids) -> Sights:
        """The pairs in sight of people."""

    def backs(self, source: Ids, target: Ids) -> Backs:
        """The pairs of these ends."""


def forecast(trained: Trained, held: Published, person: int, horizon: int) -> list[Float[np.ndarray, " affect"]]:
    """The affect vectors that `trace` forecasts for a person 1 to `horizon` steps beyond the network's last one."""
    circles = [np.array([person])]
    near = held.sights(circles[0])
    for _ in range(horizon - 1):
        circles.append(np.unique(np.concatenate([circles[-1], near.source])))
        near = held.sights(circles[-1])
    circle = _Circle(trained, held, np.unique(np.concatenate([circles[-1], near.source])), near)
    network, said = trained.model.network, []
    state, nothing = circle.state, torch.zeros(0, trained.layout.width)
    place = int(np.searchsorted(circle.ids, person))
    with torch.no_grad():
        for k, users in enumerate(reversed(circles), 1):
            view = circle.view(users, k)
            state = network.written(state, view, network.advance(state, view, nothing), owned=True)
            Y: np.ndarray = network.read(state.H[place : place + 1], state.M[place : place + 1])[0].numpy()
            said.append(Y)
    return said


class _Circle:
    """The people who matter to a forecast, in order of their ids, and the pairs among them."""

    def __init__(self, trained: Trained, held: Published, ids: Ids, near: Sights) -> None:
        self.trained, self.ids, self.near = trained, ids, near
        self.felt = held.felt(ids)
        there, back = (one.astype(np.int64) << 32 | other for one, other in
                       ((near.source, near.target), (near.target, near.source)))  # fmt: skip
        order = np.argsort(there)
        self.back = np.full(len(there), -1)
        if len(there):
            place = order[np.searchsorted(there, back, sorter=order).clip(max=len(there) - 1)]
            self.back = np.where(there[place] == back, place, -1)
        far = np.flatnonzero(self.back < 0)
        backs = held.backs(near.target[far], near.source[far])
        self.back[far[backs.met]] = len(there) + np.arange(int(backs.met.sum()))
        A = np.concatenate([near.A, backs.A[backs.met]])
        self.state = State(*(torch.from_numpy(np.array(table)) for table in (self.felt.H, A, self.felt.M)))

    def view(self, users: Ids, k: int) -> View:
        """These people in the k-th step after the last of their network, nobody being heard of; see `Batch.beyond`."""
        row = np.flatnonzero(np.isin(self.near.target, users))
        row = row[np.argsort(self.near.target[row], kind="stable")]
        target, here = (np.searchsorted(self.ids, some) for some in (self.near.target[row], users))
        touched, last = self.felt.touched[here], self.felt.last[here]
        since = np.where(touched < 0, -1, last - touched + 1 if k == 1 else 1)
        pair_since = self.felt.last[target] - self.near.seen[row] + 1 if k == 1 else np.ones(len(row))
        near, position = np.unique(np.searchsorted(self.ids, self.near.source[row]), return_inverse=True)
        nobody, quiet = np.zeros(0, np.int64), np.zeros((len(row), 2 * len(self.trained.kinds) + 1), np.float32)
        columns = (
            here, since.astype(np.float32), np.zeros((len(users), 3), np.float32), nobody, nobody, row, near, position,
            np.searchsorted(here, target), pair_since.astype(np.float32), quiet, np.full(len(row), -1),
            self.back[row], self.near.chance[row],
        )  # fmt: skip
        return View._make([*(_tensor(column) for column in columns), None, None])


def _tensor(column: np.ndarray) -> Tensor:
    kind = np.float32 if column.dtype.kind == "f" else np.int64
    return torch.from_numpy(np.ascontiguousarray(column, kind))
