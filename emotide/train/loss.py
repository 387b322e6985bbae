"""What the network is trained for: readings before and after the posts, and the next observation (DESIGN 3.3)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from emotide.model import AffectiveModel, Unrolled
from emotide.timeline import Timeline
from emotide.train.config import TrainConfig

SHARP = 1.0  # logits a standard deviation of likeness between a post and a name


def class_weights(timeline: Timeline, space: str, power: float) -> Float[Tensor, " names"]:
    """(frequency of the class in the training part)^-power, scaled so that the mean weight of a label is 1."""
    labels = timeline.labels[space]
    share = torch.from_numpy(labels.target[labels.split == 0].mean(0)).clamp(min=1e-6)
    weight = share**-power
    return weight / (share * weight).sum()


def reading_loss(
    model: AffectiveModel,
    space: str,
    Y: Float[Tensor, "rows affect"],
    target: Float[Tensor, "rows names"],
    weight: Float[Tensor, " rows"],
    classes: Float[Tensor, " names"],
    anchor: float,
) -> Tensor:
    """Σ over rows of the loss of reading `target` from Y: cross-entropy of categories, squared error of coordinates.

    Where several categories may hold at once, each is a question of its own (binary cross-entropy). For categories the
    first coordinates of Y are also drawn to the mean of the published coordinates, so that they remain pleasure,
    arousal and dominance whatever the space is.
    """
    known = model.readings.spaces[space]
    scores = model.readings.scores(space, Y)
    if known.dimensional:
        ends = [known.dimensions[name] for name in known.names]
        half = scores.new_tensor([(end.high - end.low) / 2 for end in ends])
        given = ~target.isnan()
        error = (scores - target.nan_to_num(0.0)) / half
        return (weight[:, None] * given * error.square()).sum()
    weighted = target * classes
    if known.multi:
        entropy = -(weighted * functional.logsigmoid(scores) + (1 - target) * functional.logsigmoid(-scores)).sum(1)
    else:
        entropy = -(weighted * scores.log_softmax(1)).sum(1)
    placed = (Y[:, :3] - known.shares(target) @ known.pad.to(Y)).square().sum(1)
    return (weight * (entropy + anchor * placed)).sum()


class Term(NamedTuple):
    """One of the sums that a loss is made of: share · total / rows."""

    share: float
    total: Tensor
    rows: int


def window_loss(
    model: AffectiveModel,
    unrolled: Sequence[Unrolled],
    vectors: Float[Tensor, "vectors width"],
    classes: Mapping[str, Tensor],
    config: TrainConfig,
) -> Tensor | None:
    """The loss of some steps, per label; None where they hold nothing to learn from."""
    terms = [term for term in window_terms(model, unrolled, vectors, classes, config) if term.rows]
    alike = _names_alike(model, unrolled, vectors) if config.names else None
    means = [term.share * (term.total / term.rows) for term in terms]
    means += [config.names * alike] if alike is not None else []
    return torch.stack(means).sum() if means else None


def window_terms(
    model: AffectiveModel,
    unrolled: Sequence[Unrolled],
    vectors: Float[Tensor, "vectors width"],
    classes: Mapping[str, Tensor],
    config: TrainConfig,
) -> list[Term]:
    """Two sums that may be added up over parts of a network: of the labels, and of the posts that were expected."""
    total, count = vectors.new_zeros(()), 0
    for space in classes:
        held = [(said, said.step.reports[space]) for said in unrolled if space in said.step.reports]
        rows = [(said, reports, reports.train) for said, reports in held if bool(reports.train.any())]
        if not rows:
            continue
        target = torch.cat([reports.target[train] for _, reports, train in rows])
        weight = torch.cat([reports.weight[train] for _, reports, train in rows])
        for name, share in (("recognition", 1.0), ("forecast", config.forecast)):
            Y = torch.cat([getattr(said, name)[reports.asked[train]] for said, reports, train in rows])
            total = total + share * reading_loss(model, space, Y, target, weight, classes[space], config.anchor)
        count += len(target)
    expected, posts = _next_observation(unrolled, vectors) if config.next_observation else (total, 0)
    return [Term(1.0, total, count), Term(config.next_observation, expected, posts)]


def _next_observation(unrolled: Sequence[Unrolled], vectors: Tensor) -> tuple[Tensor, int]:
    """Σ of 1 − cosine of the vector that the silent state expects and that of each post of the step; how many."""
    said = [u for u in unrolled if len(u.step.seen.post)]
    if not said:
        return vectors.new_zeros(()), 0
    real = torch.cat([vectors[u.step.seen.post] for u in said])
    expected = torch.cat([u.expected[torch.searchsorted(u.step.place, u.step.seen.owner)] for u in said])
    return (1 - functional.cosine_similarity(expected, real, dim=1)).sum(), len(real)


def _names_alike(model: AffectiveModel, unrolled: Sequence[Unrolled], vectors: Tensor) -> Tensor | None:
    """Cross-entropy of reading all known emotions at once, against how alike the posts and the names of these are.

    Text and names have one encoder, so that a post that sounds like the name of an emotion says something of it, even
    of one that was never labelled. Each name's likeness is counted in its own spread over the posts.
    """
    said = [u for u in unrolled if len(u.step.seen.post)]
    if not said:
        return None
    posts = torch.cat([vectors[u.step.seen.post] for u in said])
    Y = torch.cat([u.recognition[torch.searchsorted(u.step.place, u.step.seen.owner)] for u in said])
    pad, names = model.readings.vocabulary()
    if posts.shape[1] > names.shape[1]:  # of several modalities; that of texts comes first
        posts = posts[:, : names.shape[1]]
        written = posts.any(1)
        posts, Y = posts[written], Y[written]
        if not len(posts):
            return None
    alike = functional.normalize(posts, dim=1) @ model.readings.encoder.seen(names).T
    alike = (alike - alike.mean(0)) / (alike.std(0) + 1e-6) if len(alike) > 1 else torch.zeros_like(alike)
    logits = model.readings.encoder.logits(Y, model.readings.encoder.points(pad, names))
    return -((SHARP * alike).softmax(1) * logits.log_softmax(1)).sum(1).mean()
