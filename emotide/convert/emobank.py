"""EmoBank: sentences with valence, arousal and dominance."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, clock

COORDINATES = {"pleasure": "V", "arousal": "A", "dominance": "D"}
COLUMNS = {"id": pl.String, "split": pl.String, "text": pl.String} | dict.fromkeys(COORDINATES.values(), pl.Float64)


def emobank(source: Path) -> Tables:
    """Single posts, a user each (`s-<sentence id>`); labels in `pad`, from 1 … 5 to -1 … 1.

    There is no clock: sentences stand a minute apart in the order of the file.
    """
    rows = read_table(source, "emobank.csv", COLUMNS).with_columns(
        clock(pl.col("row")), pl.lit("emobank").alias("network"), user_id=pl.format("s-{}", "id"), post_id="id"
    )
    coordinates = [((pl.col(column) - 3) / 2).alias(name) for name, column in COORDINATES.items()]
    return {
        "posts": rows.select("post_id", "user_id", "time", "network", "text", "split"),
        "labels": rows.select("user_id", "time", pl.lit("pad").alias("space"), "network", "post_id", *coordinates),
    }


EMOBANK = Converter(
    emobank,
    "10,062 sentences of many genres with valence, arousal and dominance",
    "CC BY-SA 4.0 (Buechel and Hahn 2017)",
)
