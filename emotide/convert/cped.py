"""CPED: Chinese TV dialogues with 13 emotions."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.dialogues import dialogue_tables
from emotide.convert.sources import holds, read_table
from emotide.convert.tables import Tables
from emotide.errors import UnknownName

FILES = {"train": "train_split.csv", "dev": "valid_split.csv", "test": "test_split.csv"}
COLUMNS = {
    "TV_ID": pl.String,
    "Dialogue_ID": pl.String,
    "Utterance_ID": pl.String,
    "Speaker": pl.String,
    "Sentiment": pl.String,
    "Emotion": pl.String,
    "Utterance": pl.String,
}
TRAINED = 0.85  # share of the valid dialogues to train on where they are all that there is


def cped(source: Path, train_on_valid: str = "auto") -> Tables:
    """A network a dialogue (`32_000`), labels in `cped` and `polarity`."""
    if train_on_valid not in ("auto", "yes", "no"):
        raise UnknownName("train_on_valid", train_on_valid, ["auto", "yes", "no"])
    there = holds(source, FILES["train"])
    rows = pl.concat(
        read_table(source, file, COLUMNS).sort("row").with_columns(split=pl.lit(split))
        for split, file in FILES.items()
        if there or split != "train"
    )
    if train_on_valid == "yes" or (train_on_valid == "auto" and not there):
        rows = rows.with_columns(_shared_out())
    utterances = rows.select(
        "split", pl.col("Dialogue_ID").alias("network"), pl.col("Speaker").alias("user_id"),
        pl.col("Utterance").alias("text"), "Emotion", "Sentiment",
    )  # fmt: skip
    return dialogue_tables(utterances, cped="Emotion", polarity="Sentiment")


def _shared_out() -> pl.Expr:
    """The split where dev is shared out: of each series the first 85 % of its dialogues train, the others dev."""
    number = pl.col("Dialogue_ID").rank("dense").over("split", "TV_ID")
    first = number <= TRAINED * pl.col("Dialogue_ID").n_unique().over("split", "TV_ID")
    return pl.when((pl.col("split") == "dev") & first).then(pl.lit("train")).otherwise("split").alias("split")


CPED = Converter(
    cped,
    "Chinese multi-party TV dialogues with 13 emotions and sentiment",
    "Apache-2.0; transcripts of TV series: research use (Chen et al. 2022)",
    options={
        "train_on_valid": "share the valid dialogues out to train and dev, 85 to 15: yes, no, or auto (default): "
        "where there is no train_split.csv"
    },
    spaces=("cped",),
)
