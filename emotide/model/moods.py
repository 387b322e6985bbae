"""What everybody felt, as far as it is known by the end of each step, and what anybody felt before one (DESIGN 3.3)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch, Step
from emotide.model.spaces import AXES
from emotide.model.trace import groups
from emotide.timeline import Timeline


@dataclass(frozen=True)
class Moods:
    """Affect vectors of those whom a step touched, once the step and its reports are known; sorted by user and step."""

    user: Int[np.ndarray, " rows"]  # row of the timeline's table of users
    step: Int[np.ndarray, " rows"]
    Y: Float[np.ndarray, "rows affect"]
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
    users, steps, said, told = [], [], [], []
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown):
            active, after = followed.step.seen.user, followed.state
            Y = model.network.read(after.H.index_select(0, active), after.M.index_select(0, active))
            if shown is not None:
                _write_reported(model, followed.step, shown, Y)
            heard = np.zeros(len(active), bool)
            heard[followed.step.place.cpu().numpy()] = True
            users.append(group.users[active.cpu().numpy()])
            steps.append(np.full(len(active), followed.step.number))
            said.append(Y.cpu().numpy())
            told.append(heard)
    if not users:
        nobody, nothing = np.zeros(0, np.int64), np.zeros((0, model.network.config.affect), np.float32)
        return Moods(nobody, nobody, nothing, np.zeros(0, bool))
    user, step = np.concatenate(users), np.concatenate(steps)
    order = np.lexsort((step, user))
    return Moods(user[order], step[order], np.concatenate(said)[order], np.concatenate(told)[order])


def _write_reported(model: AffectiveModel, step: Step, shown: Shown, Y: Tensor) -> None:
    """Pleasure, arousal and dominance that were reported in the step, written into the Y of its active users."""
    for name, reports in step.reports.items():
        space = model.readings.spaces[name]
        if name not in model.readings.trained or not space.dimensional:
            continue
        mask = shown(name, reports)
        row, target = step.place[reports.asked[mask]], reports.target[mask]
        for axis in set(space.names) & set(AXES):
            end, value = space.dimensions[axis], target[:, space.names.index(axis)]
            given = ~value.isnan()
            Y[row[given], AXES.index(axis)] = 2 * (value[given] - end.low) / (end.high - end.low) - 1
