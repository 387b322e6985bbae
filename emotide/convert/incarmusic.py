"""InCarMusic: music rated for the car, with the mood (or other circumstances) that was to be imagined."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, clock
from emotide.errors import BadInput

NETWORK = pl.lit("incarmusic").alias("network")
# the moods of the set, as categories of Ekman's space with neutral: two of the four have a place there
MOODS = {"happy": "joy", "sad": "sadness"}
LEAST, MOST = 0, 5


def incarmusic(source: Path) -> Tables:
    """A feedback a rating, from 0 to 1; a happy or sad mood is a label of `ekman_neutral` a second before it.

    The set tells no times: ratings of a user follow each other by the minute, in the order of the file.
    """
    rows = read_table(
        source, "ratings.csv", {"UserID": pl.String, "ItemID": pl.String, "Rating": pl.Float64, "mood?": pl.String}
    )
    wrong = rows.filter(~pl.col("Rating").is_between(LEAST, MOST))
    if wrong.height:
        raise BadInput(f"{wrong['Rating'][0]} is not a rating from {LEAST} to {MOST}", source, int(wrong["row"][0]) + 1)
    rows = rows.with_columns(clock(pl.col("row").cum_count().over("UserID")))
    feedback = rows.select(
        pl.col("UserID").alias("user_id"), pl.col("ItemID").alias("item_id"), "time",
        (pl.col("Rating") / MOST).alias("reward"), NETWORK,
    )  # fmt: skip
    moods = rows.filter(pl.col("mood").is_in(list(MOODS))).select(
        pl.col("UserID").alias("user_id"),
        (pl.col("time") - pl.duration(seconds=1)).alias("time"),
        NETWORK,
        pl.lit("ekman_neutral").alias("space"),
        pl.col("mood").replace_strict(MOODS, return_dtype=pl.String).alias("category"),
    )
    return {"items": _items(source), "feedback": feedback, "labels": moods}


def _items(source: Path) -> pl.DataFrame:
    columns = {"id": pl.String, "artist?": pl.String, "title?": pl.String, "category_id?": pl.String}
    kinds = read_table(source, "categories.csv", {"category_id": pl.String, "category": pl.String})
    tracks = read_table(source, "tracks.csv", columns).join(kinds.drop("row"), on="category_id", how="left")
    return tracks.select(
        pl.col("id").alias("item_id"), "title", pl.col("artist").alias("text"), pl.col("category").alias("tags")
    ).unique("item_id", maintain_order=True)


INCARMUSIC = Converter(
    incarmusic,
    "4,012 ratings of 139 tracks by 42 people for the car, some for a mood that was to be imagined",
    "none stated for the data (research use); cite Baltrunas et al. 2011 (InCarMusic, EC-Web)",
)
