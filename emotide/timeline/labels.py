"""Labels become targets: one row per user and step, whoever reported how often."""

import json

import numpy as np
import polars as pl

from emotide.errors import BadInput, UnknownName
from emotide.timeline.events import Labels

PLACE = ("network_row", "step", "user")


def compile_labels(
    rows: pl.DataFrame, names: list[str] | None = None, multi: bool = False
) -> tuple[list[str], bool, Labels]:
    """The names of one space's categories or dimensions, whether they are dimensions, and its labels.

    Several labels of one user in one step are merged: shares of the categories, or means of the coordinates, by weight.
    With `multi`, what was said at one time about one post is one report: its strongest category holds whole, another as
    much as its weight is of the strongest's; several reports are merged by weight.

    Args:
        rows: labels of one space with network_row, user, step, time, post_id, split_code, category, dimensions (JSON)
            and weight; at least one.
        names: of the space's categories or dimensions in the order wanted; by default those that occur, sorted.
        multi: whether several categories may hold at once: the targets of a row need not sum to 1.

    Raises:
        BadInput: some labels of the space are categories, others coordinates.
        UnknownName: a category or dimension is not among `names`.
    """
    rows = rows.sort(*PLACE, "time", "category", "post_id", "dimensions", "weight")
    named = len(rows) - rows["category"].null_count()
    if 0 < named < len(rows):
        space = rows["space"][0]
        raise BadInput(f"labels of space {space!r}: some have a category, some only coordinates; name two spaces")
    names, target = _shares(rows, names) if named else _coordinates(rows, names)
    if named and multi:
        rows, target = _side_by_side(rows, target)
    place = rows.select(PLACE).to_numpy()
    start = np.flatnonzero(np.append(True, (place[1:] != place[:-1]).any(1)))
    merged = rows[start]
    weight = rows["weight"].fill_null(1.0).to_numpy()
    count = np.diff(np.append(start, len(rows)))
    reports = np.add.reduceat(rows["report"].to_numpy(), start) if named and multi else count
    total = np.add.reduceat(weight, start)
    mean = _mean(target, np.where(np.repeat(total, count) > 0, weight, 1.0), start)
    latest = _latest(mean, target, start, count) if named else np.full(len(start), -1, np.int32)
    labels = Labels(
        step=merged["step"].to_numpy(),
        user=merged["user"].to_numpy(),
        target=mean,
        latest=latest,
        weight=(total / reports).astype(np.float32),
        split=np.maximum.reduceat(rows["split_code"].to_numpy(), start),
    )
    return names, not named, labels


def _mean(target: np.ndarray, weight: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The weighted mean of the rows of each user and step, coordinate by coordinate; NaN where none is given."""
    given = weight[:, None] * ~np.isnan(target)
    total = np.add.reduceat(given, start)
    summed = np.add.reduceat(given * np.nan_to_num(target), start)
    return np.divide(summed, total, out=np.full_like(summed, np.nan), where=total > 0).astype(np.float32)


def _side_by_side(rows: pl.DataFrame, target: np.ndarray) -> tuple[pl.DataFrame, np.ndarray]:
    """The rows, 1 as `report` at the first of each report; and targets that, meaned by weight, hold side by side."""
    one, weight = [*PLACE, "time", "post_id"], pl.col("weight").fill_null(1.0)
    rows = rows.with_columns(report=(pl.int_range(pl.len()).over(one) == 0).cast(pl.Int64))
    share = (weight.sum().over(one) / weight.max().over(one)).fill_nan(1.0)
    return rows, target * rows.select(share.cast(pl.Float32)).to_numpy()


def _shares(rows: pl.DataFrame, names: list[str] | None) -> tuple[list[str], np.ndarray]:
    met = rows["category"].drop_nulls().unique().sort().to_list()
    names = _checked(rows["space"][0], met, names)
    target = np.zeros((len(rows), len(names)), np.float32)
    column = rows["category"].replace_strict({name: k for k, name in enumerate(names)}, return_dtype=pl.Int32)
    given = column.is_not_null().to_numpy()
    target[np.flatnonzero(given), column.drop_nulls().to_numpy()] = 1
    return names, target


def _coordinates(rows: pl.DataFrame, names: list[str] | None) -> tuple[list[str], np.ndarray]:
    given = [json.loads(text) if text else {} for text in rows["dimensions"]]
    names = _checked(rows["space"][0], sorted({name for row in given for name in row}), names)
    target = [[row.get(name, np.nan) for name in names] for row in given]
    return names, np.asarray(target, np.float32).reshape(len(given), len(names))


def _checked(space: str, met: list[str], names: list[str] | None) -> list[str]:
    """The names wanted, among which are all that occur in labels."""
    for name in met:
        if names is not None and name not in names:
            raise UnknownName(f"category or dimension of space {space!r}", name, names)
    return met if names is None else names


def _latest(shares: np.ndarray, target: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The most frequent category; among equals, the one reported last."""
    place = np.arange(len(target)) - np.repeat(start, count)  # the rows of one user and step stand in order of time
    last = np.maximum.reduceat((target > 0) * (place + 1)[:, None], start)
    last[shares < shares.max(1, keepdims=True)] = -1
    return np.asarray(np.argmax(last, 1), np.int32)
