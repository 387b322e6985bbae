"""Labels become targets: one row per user and step, whoever reported how often."""

import json

import numpy as np
import polars as pl

from emotide.timeline.splits import split_of
from emotide.timeline.timeline import Labels


def compile_labels(rows: pl.DataFrame, instant: str) -> tuple[list[str], bool, Labels]:
    """The names of one space's categories or dimensions, whether they are dimensions, and its labels.

    Several labels of one user in one step are merged: shares of the categories, or means of the coordinates, by weight.

    Args:
        rows: labels of one space with network_row, user, step, time, split, category, dimensions (JSON) and weight.
        instant: the column by which time is cut where the log names no split: step, or time where steps are turns.
    """
    dimensional = rows["category"].null_count() == len(rows)
    rows = rows.with_columns(pl.col("weight").fill_null(1.0).cast(pl.Float32)).with_columns(split_code=split_of(rows, instant))
    names, target = _coordinates(rows) if dimensional else _shares(rows)
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


def _shares(rows: pl.DataFrame) -> tuple[list[str], np.ndarray]:
    names = rows["category"].drop_nulls().unique().sort().to_list()
    target = np.zeros((len(rows), len(names)), np.float32)
    column = rows["category"].replace_strict({name: k for k, name in enumerate(names)}, return_dtype=pl.Int32)
    given = column.is_not_null().to_numpy()
    target[np.flatnonzero(given), column.drop_nulls().to_numpy()] = 1
    return names, target


def _coordinates(rows: pl.DataFrame) -> tuple[list[str], np.ndarray]:
    given = [json.loads(text) if text else {} for text in rows["dimensions"]]
    names = sorted({name for row in given for name in row})
    target = [[row.get(name, np.nan) for name in names] for row in given]
    return names, np.asarray(target, np.float32).reshape(len(given), len(names))


def _latest(merged: pl.DataFrame, names: list[str], shares: np.ndarray) -> np.ndarray:
    """The most frequent category; among equals, the one reported last."""
    last = merged["category"].replace_strict({name: k for k, name in enumerate(names)}, return_dtype=pl.Int32).to_numpy()
    top = shares.max(1)
    row = np.arange(len(shares))
    return np.where(shares[row, last] == top, last, shares.argmax(1)).astype(np.int32)
