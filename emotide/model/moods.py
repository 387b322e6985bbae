"""What everybody felt, as far as it is known by the end of each step, and what anybody felt before one (DESIGN 3.3)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch, Step, View
from emotide.model.spaces import AXES
from emotide.model.trace import groups
from emotide.timeline import Timeline

FEWEST = 30  # reports of coordinates from which it is learned what recognition and categories let expect


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

    Elsewhere they are what is to be expected: the recognition and the place of a reported category, weighed as people
    who reported both these and coordinates show (least squares); as they stand where too few did.

    Args:
        model, timeline, vectors: of one log.
        shown: which labels are fed back as reports; a mood has seen those of its own step.
    """
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*Moods.__annotations__, "place", "category")}
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            step, before, active = followed.step, followed.before, followed.step.seen.user
            moved = model.network.advance(before, _alone(step.seen), vectors)
            M = before.M.index_select(0, active)
            told = np.zeros(len(active), bool)
            told[step.place.cpu().numpy()] = True
            place, category = _reported(model, step, shown, len(active))
            rows = {
                "user": group.users[active.cpu().numpy()],
                "step": np.full(len(active), step.number),
                "Y": model.network.read(followed.H, M, followed.X).cpu().numpy(),
                "own": model.network.read(moved.H, M, moved.X)[:, : len(AXES)].cpu().numpy(),
                "told": told,
                "place": place,
                "category": category,
            }
            for name, column in rows.items():
                columns[name].append(column)
    if not columns["user"]:
        nobody, affect = np.zeros(0, np.int64), model.network.config.affect
        return Moods(nobody, nobody, np.zeros((0, affect)), np.zeros((0, len(AXES))), np.zeros(0, bool))
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((whole["step"], whole["user"]))
    whole = {name: column[order] for name, column in whole.items()}
    place, category = whole.pop("place"), whole.pop("category")
    whole["own"] = _expected(whole["own"], category, place)
    whole["Y"][:, : len(AXES)] = _expected(whole["Y"][:, : len(AXES)], category, place)
    return Moods(**whole)


def _alone(view: View) -> View:
    """The same step with no neighbour in sight of anybody."""
    nobody = {"pair", "near", "source", "target", "pair_elapsed", "kinds", "spoke", "back", "chance"}
    return view._replace(**{name: getattr(view, name)[:0] for name in nobody})


def _reported(model: AffectiveModel, step: Step, shown: Shown | None, active: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates that each active user reported in the step, and the place of the category; NaN where none."""
    place, category = np.full((active, len(AXES)), np.nan, np.float32), np.full((active, len(AXES)), np.nan, np.float32)
    for name, reports in step.reports.items() if shown is not None else ():
        space = model.readings.spaces[name]
        if name not in model.readings.trained or shown is None:
            continue
        mask = shown(name, reports)
        row, target = step.place[reports.asked[mask]].cpu().numpy(), reports.target[mask].cpu().numpy()
        if not space.dimensional:
            category[row] = target @ space.pad.numpy()
        for axis in set(space.names) & set(AXES) if space.dimensional else ():
            end, value = space.dimensions[axis], target[:, space.names.index(axis)]
            place[row, AXES.index(axis)] = 2 * (value - end.low) / (end.high - end.low) - 1
    return place, category


def _expected(
    read: Float[np.ndarray, "rows 3"], category: Float[np.ndarray, "rows 3"], place: Float[np.ndarray, "rows 3"]
) -> Float[np.ndarray, "rows 3"]:
    """Coordinates where they were reported, else what recognition and category let expect."""
    out = np.where(np.isnan(category), read, category).astype(np.float32)
    named = ~np.isnan(category[:, 0])
    for axis in range(len(AXES)):
        known = ~np.isnan(place[:, axis])
        for rows in (named, ~named):
            causes = [np.ones(len(read)), read[:, axis], *([category[:, axis]] if rows is named else [])]
            X, both = np.stack(causes, 1), rows & known
            if both.sum() >= FEWEST:
                out[rows, axis] = X[rows] @ np.linalg.lstsq(X[both], place[both, axis], rcond=None)[0]
        out[known, axis] = place[known, axis]
    return out
