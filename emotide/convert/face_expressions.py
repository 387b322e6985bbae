"""Facial expressions: photographs of faces with the emotion that they show."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.media import media_path
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, clock, labels

COLUMNS = {"file": pl.String, "emotion": pl.String}
NAMES = {"happiness": "joy"}  # what the space calls otherwise


def face_expressions(source: Path) -> Tables:
    """A post a photograph, a user each; labels in `ekman_neutral`.

    There is neither clock nor person, and the list is sorted by emotion: the first photographs of all emotions come
    first, a minute apart, then the second of all. Of each 20 of an emotion 14 are train, 3 dev, 3 test.
    """
    rows = read_table(source, "labels.csv", COLUMNS).with_columns(
        pl.col("emotion").replace(NAMES), turn=pl.int_range(pl.len()).over("emotion")
    )
    place = pl.col("turn") % 20
    rows = rows.sort("turn", "row").with_columns(
        clock(pl.int_range(pl.len())),
        pl.lit("face_expressions").alias("network"),
        pl.when(place < 14).then(pl.lit("train")).when(place < 17).then(pl.lit("dev")).otherwise(pl.lit("test"))
        .alias("split"),
        media_path("file").alias("image"),
        post_id=pl.col("file").str.replace(r"\.\w+$", ""),
    ).with_columns(user_id=pl.format("p-{}", "post_id"))  # fmt: skip
    posts = rows.select("post_id", "user_id", "time", "network", "image", "split")
    return {"posts": posts, "labels": labels(rows, ekman_neutral="emotion")}


FACE_EXPRESSIONS = Converter(
    face_expressions,
    "715 photographs of faces with one of six emotions or none: images, no text",
    "Apache-2.0 for the collection; rights in the photographs are unclear: research use, publish no single picture",
    media=("face_expressions.zip",),
)
