"""MELD, and EmoryNLP in the same form: dialogues of the series Friends with the emotion of every utterance."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.dialogues import dialogue_tables
from emotide.convert.sources import holds, read_table
from emotide.convert.tables import Tables

SPLITS = ("train", "dev", "test")
# Windows-1252 punctuation that was read as Latin-1 arrives as control characters; five of its codes mean nothing.
CONTROLS = {chr(code): text for code in range(0x80, 0xA0) if (text := bytes([code]).decode("cp1252", "ignore"))}


def meld(source: Path) -> Tables:
    """A network a dialogue (`train/0`: ids restart in each split), labels in `meld` (or `emorynlp`) and `polarity`."""
    emory = holds(source, "emorynlp_train_final.csv")
    file, dialogue = (
        ("emorynlp_{}_final.csv", ["Season", "Episode", "Scene_ID"]) if emory else ("{}_sent_emo.csv", ["Dialogue_ID"])
    )
    columns = {
        "Utterance": pl.String,
        "Speaker": pl.String,
        "Emotion": pl.String,
        "Utterance_ID": pl.Int64,
        "Sentiment?": pl.String,
    }
    columns |= dict.fromkeys(dialogue, pl.Int64)
    rows = [
        read_table(source, file.format(split), columns)
        .sort(*dialogue, "Utterance_ID")
        .with_columns(split=pl.lit(split))
        for split in SPLITS
    ]
    utterances = pl.concat(rows).select(
        "split",
        pl.concat_str("split", pl.concat_str(dialogue, separator="-"), separator="/").alias("network"),
        pl.col("Speaker").str.replace_all(r"[\[\]']", "").alias("user_id")
        if emory
        else pl.col("Speaker").alias("user_id"),
        pl.col("Utterance").str.replace_many(CONTROLS).alias("text"),
        pl.col("Emotion").str.to_lowercase(),
        pl.col("Sentiment").str.to_lowercase(),
    )
    return dialogue_tables(utterances, **{"emorynlp" if emory else "meld": "Emotion", "polarity": "Sentiment"})


MELD = Converter(
    meld,
    "multi-party dialogues of a TV series with emotion and sentiment of every utterance (MELD or EmoryNLP)",
    "GPL-3.0; transcripts of a commercial TV series: research use (Poria et al. 2019)",
    spaces=("emorynlp",),
)
