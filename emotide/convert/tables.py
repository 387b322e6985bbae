"""The pieces that converters share: the synthetic clock, labels and mentions (columns: DESIGN 4)."""

from datetime import UTC, datetime

import polars as pl

Tables = dict[str, pl.DataFrame]

ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)  # of the synthetic clock, for sets that tell the order and no time


def clock(minutes: pl.Expr) -> pl.Expr:
    """The synthetic clock: so many minutes (any number) after the year 2000 began, UTC."""
    since = (minutes.cast(pl.Float64) * 60e6).cast(pl.Int64).cast(pl.Duration("us"))
    return (pl.lit(ORIGIN, pl.Datetime("us", "UTC")) + since).alias("time")


def labels(posts: pl.DataFrame, **spaces: str) -> pl.DataFrame:
    """A label a post and space, at the time of the post.

    Args:
        posts: with user_id, time, network, post_id, perhaps weight, and the column of each space.
        spaces: the space -> the column with its category; posts where that is empty have no label.
    """
    place = ["user_id", "time", "network", "post_id", *(["weight"] if "weight" in posts.columns else [])]
    return pl.concat(
        posts.filter(pl.col(column).is_not_null()).select(
            *place, pl.lit(space).alias("space"), pl.col(column).alias("category")
        )
        for space, column in spaces.items()
    )


def mentioned(column: str) -> pl.Expr:
    """The list `mentioned` of handles without the @, from a text of handles with spaces between."""
    return pl.col(column).str.replace_all("@", "").str.split(" ").alias("mentioned")


def mentions(posts: pl.DataFrame) -> pl.DataFrame:
    """An interaction `mention` from the author of each post to everybody in its list column `mentioned` but himself."""
    return (
        posts.explode("mentioned")
        .filter(pl.col("mentioned").is_not_null() & (pl.col("mentioned") != pl.col("user_id")))
        .unique(["post_id", "mentioned"], maintain_order=True)
        .select(
            pl.col("user_id").alias("source_id"),
            pl.col("mentioned").alias("target_id"),
            "time",
            pl.lit("mention").alias("kind"),
            "network",
            "post_id",
        )
    )
