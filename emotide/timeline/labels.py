"""Labels become targets: one row per user and step, whoever reported how often."""

import json

import numpy as np
import polars as pl

from emotide.errors import UnknownName
from emotide.timeline.timeline import Labels


def compile_labels(rows: pl.DataFrame, names: list[str] | None = None) -> tuple[list[str], bool, Labels]:
    """The names of one space's categories or dimensions, whether they are dimensions, and its labels.

    Several labels of one user in one step are merged: shares of the categories, or means of the coordinates, by weight.

    Args:
        rows: labels of one space with network_row, user, step, time, split_code, category, dimensions (JSON) and weight.
        names: of the space's categories or dimensions in the order wanted; by default those that occur, sorted.
    """
    dimensional = rows["category"].null_count() == len(rows)
    rows = rows.with_columns(pl.col("weight").fill_null(1.0).cast(pl.Float32))
    names, target = _coordinates(rows, names) if dimensional else _shares(rows, names)
    place = ["network_row", "step", "user"]
    rows = rows.with_columns(pl.Series("target", target, dtype=pl.Array(pl.Float32, len(names))))
    merged = (
        rows.sort(*place, "time")
        .group_by(place, maintain_order=True)
        .agg(
            pl.col("weight").mean(),
            pl.col("split_code").max(),
            *(
                (pl.col("target").arr.get(k) * pl.col("weight")).filter(pl.col("target").arr.get(k).is_not_nan()).sum().alias(f"sum{k}")
                for k in range(len(names))
            ),
            *(
                pl.col("weight").filter(pl.col("target").arr.get(k).is_not_nan()).sum().alias(f"weight{k}")
                for k in range(len(names))
            ),
            pl.col("category").last(),
        )
    )
    sums = merged.select(pl.col("^sum\\d+$")).to_numpy()
    weights = merged.select(pl.col("^weight\\d+$")).to_numpy()
    with np.errstate(invalid="ignore"):
        mean = (sums / np.where(weights > 0, weights, np.nan)).astype(np.float32)
    return names, dimensional, Labels(
        step=merged["step"].to_numpy(),
        user=merged["user"].to_numpy(),
        target=mean,
        latest=_latest(merged, names, mean) if not dimensional else np.full(len(merged), -1, np.int32),
        weight=merged["weight"].to_numpy(),
        split=merged["split_code"].to_numpy(),
    )


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


def _latest(merged: pl.DataFrame, names: list[str], shares: np.ndarray) -> np.ndarray:
    """The most frequent category; among equals, the one reported last."""
    last = merged["category"].replace_strict({name: k for k, name in enumerate(names)}, return_dtype=pl.Int32).to_numpy()
    top = shares.max(1)
    row = np.arange(len(shares))
    return np.where(shares[row, last] == top, last, shares.argmax(1)).astype(np.int32)
