"""Who moved whom: readings with and without each neighbour, against strangers in that place (DESIGN 1, 5)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Followed, Shown
from emotide.model.batch import Batch, View
from emotide.model.contagion import Contagion, Deviations
from emotide.model.moods import Moods
from emotide.model.trace import groups
from emotide.timeline import Timeline

TRIES = 24  # draws of a stranger for a place in a step
ROWS = 1 << 18  # rows of pairs whose readings are compared at once


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

    The null model keeps everything but who the neighbours are: each place is dealt a pair of the same step and network
    whose source is neither the target nor a neighbour of the target (where all are neighbours, another neighbour), so
    that a strength which anybody would have had in that place is not sold as influence. Where there is nobody else the
    null is infinite: nothing stands out.

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
        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            view = followed.step.seen
            if not len(view.pair):
                continue
            effect, strength = _effect(model, followed, view, vectors, space)
            null = []
            for _ in range(shuffles):
                dealt, other = _dealt_anew(view, network, generator)
                null.append(_effect(model, followed, dealt, vectors, space)[1].where(other, torch.inf))
            rows["source"].append(group.users[view.near[view.source].cpu().numpy()])
            rows["target"].append(group.users[view.user[view.target].cpu().numpy()])
            rows["step"].append(np.full(len(view.pair), followed.step.number))
            rows["effect"].append(effect.cpu().numpy())
            rows["strength"].append(strength.cpu().numpy())
            rows["null"].append(torch.stack(null, 1).cpu().numpy() if null else np.zeros((len(view.pair), 0)))
    nobody, nothing = np.zeros(0, np.int32), np.zeros(0, np.float32)
    none = Influence(nobody, nobody, nobody, nothing, nothing, np.zeros((0, shuffles), np.float32))
    return Influence(**{name: np.concatenate(parts) for name, parts in rows.items()}) if rows["step"] else none


@torch.no_grad()
def moved(model: AffectiveModel, timeline: Timeline, moods: Moods, found: Contagion, space: str) -> Influence:
    """What each neighbour did to each active user in each step by the weight that their whole history gives the pair.

    The effect is weight times the deviation of the neighbour's latest mood; the strength is how far the target's
    reading would be another without it.

    Args:
        model, timeline: of one log.
        moods: along the timeline.
        found: the weights of its pairs.
        space: in which the change of a reading is measured.
    """
    e = timeline.events
    source, target, step = np.asarray(e.pair_source), np.asarray(e.pair_target), np.asarray(e.step["pair"])
    weight = np.where(found.sight, found.weight[found.of_row], 0.0)
    felt, moves = Deviations(moods, width=None), np.flatnonzero(weight)  # the others move nobody
    effect, strength = np.zeros(len(step), np.float32), np.zeros(len(step), np.float32)
    for first in range(0, len(moves), ROWS):
        rows = moves[first : first + ROWS]
        change = weight[rows, None] * felt.before(source[rows], step[rows])
        Y = torch.from_numpy(moods.Y[moods.at(target[rows], step[rows])])
        with_, without = (each.to(model.network.H_0) for each in (Y, Y - torch.from_numpy(change)))
        effect[rows], strength[rows] = change[:, 0], _change(model, space, with_, without).cpu().numpy()
    return Influence(source, target, step, effect, strength, np.zeros((len(step), 0), np.float32))


def _effect(
    model: AffectiveModel, followed: Followed, view: View, vectors: Tensor, space: str
) -> tuple[Float[Tensor, " pairs"], Float[Tensor, " pairs"]]:
    M = followed.before.M.index_select(0, view.user).index_select(0, view.target)
    real, without = model.network.with_and_without(followed.before, view, vectors)
    X = followed.X.index_select(0, view.target)
    with_Y, without_Y = model.network.read(real, M, X), model.network.read(without, M, X)
    strength = _change(model, space, with_Y, without_Y)
    return with_Y[:, 0].clamp(-1, 1) - without_Y[:, 0].clamp(-1, 1), strength


def _change(model: AffectiveModel, space: str, Y: Tensor, other: Tensor) -> Float[Tensor, " rows"]:
    """How far two readings lie apart: total variation of categories, half the mean difference of coordinates."""
    change = (model.readings.read(space, Y) - model.readings.read(space, other)).abs()
    return change.mean(1) / 2 if model.readings.spaces[space].dimensional else change.sum(1) / 2


def _dealt_anew(view: View, network: Tensor, generator: torch.Generator) -> tuple[View, Bool[Tensor, " pairs"]]:
    """The same view with each pair dealt another's of its network, and whether there was another.

    The dealt pair's source is no neighbour of the target where that can be had, and at least another neighbour.
    """
    target, source = view.user[view.target].cpu(), view.near[view.source].cpu()
    true = target * len(network) + source
    of_pair = network[target]
    place = torch.argsort(of_pair, stable=True)
    size = torch.bincount(of_pair)
    first = (size.cumsum(0) - size)[of_pair]
    dealt, fit = torch.arange(len(true)), torch.zeros(len(true), dtype=torch.long)
    for _ in range(TRIES):
        drawn = place[first + (torch.rand(len(true), generator=generator, dtype=torch.float64) * size[of_pair]).long()]
        other = (source[drawn] != target) & (source[drawn] != source)
        fitness = other.long() * (2 - torch.isin(target * len(network) + source[drawn], true).long())
        dealt, fit = torch.where(fitness > fit, drawn, dealt), torch.maximum(fit, fitness)
    order = dealt.to(view.pair.device)
    of_source = ("pair", "source", "pair_elapsed", "kinds", "spoke", "back", "chance")
    return view._replace(**{name: getattr(view, name)[order] for name in of_source}), (fit > 0).to(view.pair.device)
