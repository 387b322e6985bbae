"""A few labels sharpen a space that was never trained on; readings made elsewhere change their space (DESIGN 3.5)."""

import numpy as np
import polars as pl
import torch
from torch import Tensor

from emotide.errors import BadInput, UnknownName
from emotide.model import EmotionSpace
from emotide.model.conversion import converted
from emotide.model.sharpen import sharpened
from emotide.model.trace import trace
from emotide.timeline import SPLITS, Timeline
from emotide.train import Trained


@torch.no_grad()
def sharpen(trained: Trained, timeline: Timeline, vectors: Tensor, space: str) -> int:
    """Sharpen the readings of a space by the labels of the log's training part; returns how many there were.

    Raises:
        UnknownName: the log has no labels in this space.
        BadInput: none of them are of the training part, or the model was trained on this space.
    """
    readings = trained.model.readings
    if space not in timeline.labels:
        raise UnknownName("space with labels in this log", space, timeline.labels)
    if space in readings.trained:
        raise BadInput(f"the model was trained on space {space!r}: to learn from more labels, train it again")
    labels = timeline.labels[space]
    taught = np.flatnonzero((labels.split == SPLITS.index("train")) & (labels.weight > 0))
    if not len(taught):
        raise BadInput(f"the training part of this log has no labels in space {space!r}: nothing to sharpen by")
    found = trace(trained.model, timeline, vectors, None)
    steps = int(max(found.step.max(), labels.step.max())) + 1
    place = found.user.astype(np.int64) * steps + found.step
    order = np.argsort(place)
    wanted = labels.user[taught].astype(np.int64) * steps + labels.step[taught]
    Y = torch.from_numpy(found.Y).to(trained.device)
    readings.sharpened.pop(space, None)
    known = readings.spaces[space]
    before = readings.read(space, Y)
    target, weight = (torch.from_numpy(part[taught]).to(Y) for part in (labels.target, labels.weight))
    if not known.dimensional:
        target = known.shares(target)
    labelled = Y[torch.from_numpy(order[np.searchsorted(place[order], wanted)]).to(Y.device)]
    readings.sharpened[space] = sharpened(Y, before, labelled, target, weight, known.dimensional)
    return len(taught)


def convert_readings(readings: pl.DataFrame, source: EmotionSpace, target: EmotionSpace) -> pl.DataFrame:
    """Readings made elsewhere, in another space; nothing is learned, the places of both spaces say what becomes what.

    Args:
        readings: with one column a category (probability) or dimension (coordinate, null where not known) of `source`.
        source, target: the spaces.

    Returns:
        What other columns there were, space, reading (of categories the most probable, of dimensions the greatest), and
        a column a category or dimension of `target`.

    Raises:
        BadInput: a column is missing, or holds what is no number.
    """
    missing = [name for name in source.names if name not in readings.columns]
    if missing:
        raise BadInput(f"readings in space {source.name!r} have the columns {', '.join(source.names)}; no {missing[0]}")
    try:
        given = readings.select(pl.col(source.names).cast(pl.Float64)).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"readings in space {source.name!r} are numbers: {str(error).splitlines()[0]}") from error
    if not source.dimensional and not (np.isfinite(given).all() and (given >= 0).all()):
        raise BadInput(f"readings in space {source.name!r} are probabilities: a number of 0 or more in every row")
    found = converted(torch.from_numpy(given.reshape(-1, len(source.names))), source, target).numpy()
    kept = [name for name in readings.columns if name not in {*source.names, *target.names, "space", "reading"}]
    names = np.array(target.names)
    return readings.select(kept).with_columns(
        pl.lit(target.name).alias("space"),
        pl.Series("reading", names[found.argmax(1)], pl.String),
        *(pl.Series(name, found[:, k]) for k, name in enumerate(target.names)),
    )
