"""Train, dev and test: by the log's own column, or by time, never at random (DESIGN 4)."""

import polars as pl

SPLITS = ("train", "dev", "test")
SHARES = (0.70, 0.85)


def split_of(rows: pl.DataFrame, instant: str) -> pl.Series:
    """int8 per row: 0 train, 1 dev, 2 test.

    Args:
        rows: labels, with a column `split` (a name of SPLITS, or null where the log gives none).
        instant: the column by which time is cut: the distinct instants are divided 70/15/15 in their order.
    """
    named = rows["split"].cast(pl.Enum(SPLITS), strict=False).to_physical().cast(pl.Int8)
    if rows.height == 0 or named.null_count() == 0:
        return named
    instants = rows[instant].unique().sort()
    rank = instants.search_sorted(rows[instant])
    dev, test = (int(share * len(instants)) for share in SHARES)
    by_time = (rank >= dev).cast(pl.Int8) + (rank >= test).cast(pl.Int8)
    return named.fill_null(by_time)
