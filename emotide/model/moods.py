"""What everybody felt, as far as it is known by the end of each step, and what anybody felt before one (DESIGN 3.3)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch, Step, View
from emotide.model.fused import State
from emotide.model.spaces import AXES
from emotide.model.trace import groups
from emotide.timeline import Timeline


@dataclass(frozen=True)
class Moods:
    """Affect vectors of those whom a step touched, once the step and its reports are known; sorted by user and step."""

    user: Int[np.ndarray, " rows"]  # row of the timeline's table of users
    step: Int[np.ndarray, " rows"]
    Y: Float[np.ndarray, "rows affect"]
    own: Float[np.ndarray, "rows 3"]  # pleasure, arousal, dominance as they would be read with no neighbour in sight
    told: Bool[np.ndarray, " rows"]  # the user wrote or reported something in the step

    def before(self, user: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"]) -> Int[np.ndarray, " asked"]:
        """The row of each user's latest mood before a step, -1 where there is none."""
        row = self._place(user, step) - 1
        return np.where((row >= 0) & (self.user[row] == user), row, -1) if len(self.user) else np.full(len(user), -1)

    def at(self, user: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"]) -> Int[np.ndarray, " asked"]:
        """The row of each user's mood in a step that touched the user."""
        return self._place(user, step)

    def _place(self, user: np.ndarray, step: np.ndarray) -> np.ndarray:
        span = int(max(self.step.max(initial=0), step.max(initial=0))) + 2
        key = self.user.astype(np.int64) * span + self.step
        place: np.ndarray = np.searchsorted(key, user.astype(np.int64) * span + step)
        return place


@torch.no_grad()
def moods(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "posts width"], shown: Shown | None = None
) -> Moods:
    """The moods along a timeline; pleasure, arousal and dominance are as reported where they were reported.

    Args:
        model, timeline, vectors: of one log.
        shown: which labels are fed back as reports; a mood has seen those of its own step.
    """
    columns: dict[str, list[np.ndarray]] = {name: [] for name in Moods.__annotations__}
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown):
            step, active = followed.step, followed.step.seen.user
            alone = _alone(step.seen)
            moved = model.network.advance(followed.before, alone, vectors)
            lonely = model.network.written(followed.before, alone, moved)
            if shown is not None:
                lonely = model.fed(lonely, step, shown)
            Y = _known(model, followed.before, followed.H, followed.X, followed.state, active)
            own = _known(model, followed.before, moved.H, moved.X, lonely, active)
            if shown is not None:
                _write_reported(model, step, shown, Y, own)
            told = np.zeros(len(active), bool)
            told[step.place.cpu().numpy()] = True
            columns["user"].append(group.users[active.cpu().numpy()])
            columns["step"].append(np.full(len(active), step.number))
            columns["Y"].append(Y.cpu().numpy())
            columns["own"].append(own[:, : len(AXES)].cpu().numpy())
            columns["told"].append(told)
    if not columns["user"]:
        nobody, affect = np.zeros(0, np.int64), model.network.config.affect
        return Moods(nobody, nobody, np.zeros((0, affect)), np.zeros((0, len(AXES))), np.zeros(0, bool))
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((whole["step"], whole["user"]))
    return Moods(**{name: column[order] for name, column in whole.items()})


def _known(model: AffectiveModel, before: State, H: Tensor, X: Tensor, after: State, active: Tensor) -> Tensor:
    """The recognition of the active users, or where they reported in the step what is read right after it."""
    now = after.H.index_select(0, active)
    recognised = model.network.read(H, before.M.index_select(0, active), X)
    told = model.network.read(now, after.M.index_select(0, active))
    return torch.where((now != H).any(1, keepdim=True), told, recognised)


def _alone(view: View) -> View:
    """The same step with no neighbour in sight of anybody."""
    nobody = {"pair", "near", "source", "target", "pair_elapsed", "kinds", "spoke", "back", "chance"}
    return view._replace(**{name: getattr(view, name)[:0] for name in nobody})


def _write_reported(model: AffectiveModel, step: Step, shown: Shown, *moods: Tensor) -> None:
    """Pleasure, arousal and dominance that were reported in the step, written into the moods of its active users."""
    for name, reports in step.reports.items():
        space = model.readings.spaces[name]
        if name not in model.readings.trained or not space.dimensional:
            continue
        mask = shown(name, reports)
        row, target = step.place[reports.asked[mask]], reports.target[mask]
        for axis in set(space.names) & set(AXES):
            end, value = space.dimensions[axis], target[:, space.names.index(axis)]
            given = ~value.isnan()
            for Y in moods:
                Y[row[given], AXES.index(axis)] = 2 * (value[given] - end.low) / (end.high - end.low) - 1
