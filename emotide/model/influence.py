"""Who moved whom: readings with and without each neighbour, against shuffled ties (DESIGN 1, 5)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Followed, Shown
from emotide.model.batch import Batch, View
from emotide.model.trace import groups
from emotide.timeline import Timeline


@dataclass(frozen=True)
class Influence:
    """What each neighbour did to each active user in each step; one row a pair and step."""

    source: Int[np.ndarray, " rows"]  # row of the timeline's table of users
    target: Int[np.ndarray, " rows"]
    step: Int[np.ndarray, " rows"]
    effect: Float[np.ndarray, " rows"]  # pleasure with that neighbour minus pleasure without, -2 to 2
    strength: Float[np.ndarray, " rows"]  # total variation between the readings with and without, 0 to 1
    null: Float[np.ndarray, "rows shuffles"]  # the strength that somebody else in that neighbour's place would have had


@torch.no_grad()
def influences(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    space: str,
    shown: Shown | None = None,
    shuffles: int = 39,
    seed: int = 0,
) -> Influence:
    """The counterfactual effect of every neighbour: the same step with and without that one pair.

    The null model keeps everything but who the neighbours are: the pairs of a step are dealt out anew among the targets
    of their network, so that a strength which anybody would have had in that place is not sold as influence.

    Args:
        model, timeline, vectors: of one log.
        space: in which the change of a reading is measured.
        shown: which labels are fed back as reports.
        shuffles: how often the ties are shuffled.
        seed: of the shuffles.
    """
    generator = torch.Generator().manual_seed(seed)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in Influence.__annotations__}
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        network = torch.from_numpy(group.network)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown):
            view = followed.step.seen
            if not len(view.pair):
                continue
            effect, strength = _effect(model, followed, view, vectors, space)
            dealt = [_dealt_anew(view, network, generator) for _ in range(shuffles)]
            null = [_effect(model, followed, other, vectors, space)[1] for other in dealt]
            rows["source"].append(group.users[view.near[view.source].cpu().numpy()])
            rows["target"].append(group.users[view.user[view.target].cpu().numpy()])
            rows["step"].append(np.full(len(view.pair), followed.step.number))
            rows["effect"].append(effect.cpu().numpy())
            rows["strength"].append(strength.cpu().numpy())
            rows["null"].append(torch.stack(null, 1).cpu().numpy() if null else np.zeros((len(view.pair), 0)))
    nobody, nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
    none = Influence(nobody, nobody, nobody, nothing, nothing, np.zeros((0, shuffles), np.float32))
    return Influence(**{name: np.concatenate(parts) for name, parts in rows.items()}) if rows["step"] else none


def _effect(
    model: AffectiveModel, followed: Followed, view: View, vectors: Tensor, space: str
) -> tuple[Float[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    M = followed.before.M.index_select(0, view.user).index_select(0, view.target)
    real, without = model.network.with_and_without(followed.before, view, vectors)
    X = followed.X.index_select(0, view.target)
    with_Y, without_Y = model.network.read(real, M, X), model.network.read(without, M, X)
    known = model.readings.spaces[space]
    change = (model.readings.read(space, with_Y) - model.readings.read(space, without_Y)).abs()
    strength = change.mean(1) / 2 if known.dimensional else change.sum(1) / 2
    return with_Y[:, 0].clamp(-1, 1) - without_Y[:, 0].clamp(-1, 1), strength


def _dealt_anew(view: View, network: Tensor, generator: torch.Generator) -> View:
    """The same view with the pairs of each network dealt out anew among its targets."""
    of_pair = network[view.user[view.target].cpu()]
    place = torch.argsort(of_pair, stable=True)
    drawn = torch.argsort(of_pair + torch.rand(len(of_pair), generator=generator, dtype=torch.float64))
    order = torch.empty_like(place)
    order[place] = drawn
    order = order.to(view.pair.device)
    of_source = ("pair", "source", "pair_elapsed", "kinds", "spoke", "back", "chance")
    return view._replace(**{name: getattr(view, name)[order] for name in of_source})
