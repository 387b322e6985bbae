"""College messages: who wrote to whom in an online community of students (UC Irvine, 2004)."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables


def college_msg(source: Path) -> Tables:
    """An interaction `message` each; the set has no text and no labels. Times are Unix seconds."""
    columns = {"sender": pl.String, "receiver": pl.String, "time": pl.Int64}
    rows = read_table(source, "CollegeMsg.txt", columns, separator=" ", has_header=False, new_columns=list(columns))
    messages = rows.filter(pl.col("sender") != pl.col("receiver")).select(
        source_id="sender",
        target_id="receiver",
        time=pl.from_epoch("time").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        kind=pl.lit("message"),
        network=pl.lit("college"),
    )
    return {"interactions": messages.unique(maintain_order=True)}


COLLEGE_MSG = Converter(
    college_msg,
    "59,835 private messages of an online community of 1,899 students, no text",
    "none stated; cite Panzarasa, Opsahl & Carley 2009 (SNAP CollegeMsg)",
)
