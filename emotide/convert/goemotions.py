"""GoEmotions: Reddit comments with 27 emotions and neutral."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import find, read_table
from emotide.convert.tables import Tables, clock, labels
from emotide.errors import BadInput

COLUMNS = {"text": pl.String, "emotions": pl.String, "id": pl.String}
SPLITS = ("train", "dev", "test")


def goemotions(source: Path) -> Tables:
    """Single posts of unknown authors (`c-<comment id>`); a comment of k emotions has k labels of weight 1/k.

    Ids (base 36) grow with time and there is no other clock: comments stand a minute apart in that order.
    """
    names = find(source, "labels.txt", "emotions.txt").read_text().split()
    posts = pl.concat(_posts(source, split, names) for split in SPLITS)
    posts = posts.sort(pl.col("post_id").str.len_bytes(), "post_id").with_columns(
        clock(pl.int_range(pl.len())), pl.lit("reddit").alias("network"), user_id=pl.format("c-{}", "post_id")
    )
    votes = posts.with_columns(weight=1 / pl.col("emotions").list.len()).explode("emotions")
    return {
        "posts": posts.select("post_id", "user_id", "time", "network", "text", "split"),
        "labels": labels(votes, goemotions="emotions"),
    }


def _posts(source: Path, split: str, names: list[str]) -> pl.DataFrame:
    """post_id, text, split and the list `emotions` (names) of one file."""
    file = f"{split}.tsv"
    form = {"separator": "\t", "has_header": False, "quote_char": None, "new_columns": list(COLUMNS)}
    rows = read_table(source, file, COLUMNS, **form).with_columns(
        pl.col("emotions").str.split(",").list.unique(maintain_order=True)
    )
    known = {str(number): name for number, name in enumerate(names)}
    unknown = rows.explode("emotions").filter(~pl.col("emotions").is_in(list(known)))
    if unknown.height:
        reason = f"{unknown['emotions'][0]!r} is not the number of a label (0 to {len(names) - 1})"
        raise BadInput(reason, find(source, file), unknown["row"][0] + 1, "emotions")
    named = pl.col("emotions").list.eval(pl.element().replace_strict(known, return_dtype=pl.String))
    return rows.select(pl.col("id").alias("post_id"), "text", named, pl.lit(split).alias("split"))


GOEMOTIONS = Converter(
    goemotions,
    "Reddit comments with 27 emotions and neutral, several possible: single posts, no timelines",
    "Apache-2.0 (Demszky et al. 2020)",
)
