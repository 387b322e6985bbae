"""What the network knew and said: states and readings along a timeline, and beyond its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch, Reports
from emotide.model.fused import State
from emotide.model.screening import Posts, Screen
from emotide.timeline import Group, Timeline

BATCH = 6000  # active rows of the networks in one batch


def every_report(space: str, reports: Reports) -> Tensor:
    """Each label is fed back, once its step has been read."""
    return torch.ones_like(reports.train)


SHOWN: dict[str, Shown | None] = {"hidden": None, "known": every_report}


@dataclass(frozen=True)
class Trace:
    """Affect vectors of users at steps."""

    user: Int[np.ndarray, " rows"]  # row of the timeline's table of users
    step: Int[np.ndarray, " rows"]
    horizon: Int[np.ndarray, " rows"]  # steps beyond what was seen: 0 for recognition
    Y: Float[np.ndarray, "rows affect"]


def groups(timeline: Timeline) -> Iterator[Group]:
    """All networks, some at a time."""
    for networks in timeline.batches(range(len(timeline.networks)), BATCH):
        yield timeline.group(networks)


@torch.no_grad()
def trace(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Posts,
    shown: Shown | None,
    horizon: int = 0,
    folder: Path | None = None,
) -> Trace:
    """The recognition of every active user at every step, and forecasts of all users beyond their network's last step.

    Args:
        model, timeline, vectors: of one log; vectors may be a `Screen`.
        shown: which labels are fed back.
        horizon: how many steps to forecast.
        folder: where H, A and M are mapped from files, see `FusedNetwork.initial`; in memory where None.
    """
    rows = len(timeline.events.active_user) + horizon * len(timeline.users)
    users, steps, horizons = (np.zeros(rows, np.int64) for _ in range(3))
    said, end = torch.zeros(rows, model.network.config.affect, dtype=model.network.H_0.dtype), 0

    def add(user: np.ndarray, step: int | np.ndarray, ahead: int, Y: Tensor) -> None:
        nonlocal end
        here, end = slice(end, end + len(user)), end + len(user)
        users[here], steps[here], horizons[here], said[here] = user, step, ahead, Y

    last = timeline.networks["steps"].to_numpy()[timeline.users["network_row"].to_numpy()] - 1
    table = vectors.table if isinstance(vectors, Screen) else vectors
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs, folder)
        for step, before, H, X, after in model.follow(batch, vectors, state, shown=shown, owned=True):
            state, active = after, step.seen.user
            Y = model.network.read(H, before.M.index_select(0, active), X)
            add(group.users[active.cpu().numpy()], step.number, 0, Y)
        for k in range(1, horizon + 1):
            view = batch.beyond(k)
            state = model.network.written(state, view, model.network.advance(state, view, table), owned=True)
            add(group.users, last[group.users] + k, k, model.network.read(state.H, state.M))
    return Trace(users, steps, horizons, said.numpy())


@torch.no_grad()
def states_before(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    shown: Shown | None,
    user: Int[np.ndarray, " asked"],
    step: Int[np.ndarray, " asked"],
) -> tuple[Float[np.ndarray, "asked state"], Float[np.ndarray, "asked memory"]]:
    """H and M of each asked user as they stood before the asked step (any step beyond the last: after everything)."""
    H = np.zeros((len(user), model.network.config.state), np.float32)
    M = np.zeros((len(user), model.network.config.affect + 1), np.float32)
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        local = np.full(len(timeline.users), -1)
        local[group.users] = np.arange(len(group.users))
        mine = np.flatnonzero(local[user] >= 0)
        mine = mine[np.argsort(step[mine], kind="stable")]
        state, done = model.network.initial(len(group.users), group.pairs), 0

        def write(rows: np.ndarray, state: State, local: np.ndarray = local) -> None:
            H[rows] = state.H[local[user[rows]]].cpu().numpy()
            M[rows] = state.M[local[user[rows]]].cpu().numpy()

        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            end = int(np.searchsorted(step[mine], followed.step.number, side="right"))
            write(mine[done:end], followed.before)
            state, done = followed.state, end
        write(mine[done:], state)
    return H, M
