"""EmoDB: sentences spoken by ten actors in seven emotions."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.media import media_path
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, clock, labels

COLUMNS = {"file": pl.String, "speaker": pl.String, "sentence": pl.String, "emotion": pl.String}
SPLITS = {"13": "dev", "14": "dev", "15": "test", "16": "test"}  # speakers; all others train


def emodb(source: Path) -> Tables:
    """A post an utterance, with its sound; a user a speaker; labels in `emodb`.

    There is no clock: utterances stand a minute apart in the order of the list. Splits are by speaker, so that nobody
    who is tested was heard in training.
    """
    rows = read_table(source, "labels.csv", COLUMNS).with_columns(
        clock(pl.col("row")),
        pl.lit("emodb").alias("network"),
        pl.col("speaker").replace_strict(SPLITS, default="train").alias("split"),
        media_path("file").alias("audio"),
        post_id=pl.col("file").str.strip_suffix(".wav"),
        user_id="speaker",
    )
    posts = rows.select("post_id", "user_id", "time", "network", "audio", "split")
    return {"posts": posts, "labels": labels(rows, emodb="emotion")}


EMODB = Converter(
    emodb,
    "535 German sentences spoken by ten actors in seven emotions: sound, no text",
    "none stated by the authors for this form; a later release is CC0 (Burkhardt et al. 2005)",
    spaces=("emodb",),
    media=("emodb_speakers_03_12.zip", "emodb_speakers_13_16.zip"),
)
