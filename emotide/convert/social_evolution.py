"""Social Evolution: mood, calls, messages and ties of a student dormitory, 2008-2009."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables

NETWORK = pl.lit("dormitory").alias("network")
ASKED = pl.datetime(2009, 1, 1, time_zone="UTC")  # mood was asked from January 2009 on: an earlier clock is wrong
PAIR = ["source_id", "target_id"]


def social_evolution(source: Path) -> Tables:
    """Moods as labels of `mood_report`, calls and messages, ties between surveys, music genres as items.

    Times are local in the set and are kept as if they were UTC: the hour of the day stays what people lived.
    """
    items, feedback = _music(source)
    return {
        "labels": _moods(source),
        "interactions": pl.concat([_calls(source), _messages(source)]).sort("time", *PAIR, "kind"),
        "ties": _ties(source),
        "items": items,
        "feedback": feedback,
    }


def _moods(source: Path) -> pl.DataFrame:
    """One label a report: `distressed` when sad or stressed, else `well`. Those of wrong clocks are dropped.

    A report that is sent twice in one minute with the same verdict counts once; a day may well have several.
    """
    flags = {"sad.depressed": pl.Int64, "open.stressed": pl.Int64}
    rows = read_table(source, "FluSymptoms.csv", {"user_id": pl.String, "time": pl.Datetime, **flags})
    distressed = pl.max_horizontal(*flags) == 1
    return (
        rows.filter(pl.col("time") >= ASKED)
        .sort("time", "row")
        .select(
            _subject("user_id"),
            "time",
            NETWORK,
            pl.lit("mood_report").alias("space"),
            pl.when(distressed).then(pl.lit("distressed")).otherwise(pl.lit("well")).alias("category"),
        )
        .unique(maintain_order=True)
    )


def _calls(source: Path) -> pl.DataFrame:
    """Calls between two different known subjects; one that is listed twice, with another duration, counts once."""
    columns = {"user_id?": pl.String, "time_stamp": pl.Datetime, "dest_user_id_if_known?": pl.String}
    rows = read_table(source, "Calls.csv", columns)
    calls = rows.select(
        _subject("user_id").alias("source_id"), _subject("dest_user_id_if_known").alias("target_id"), time="time_stamp"
    )
    return _interactions(calls, "call")


def _messages(source: Path) -> pl.DataFrame:
    """Messages between two different known subjects, each once.

    A message is listed on the sender's phone, on the receiver's (`incoming`), or on both: a received copy is dropped
    when a sent one stands within a minute of it.
    """
    columns = {"user.id": pl.String, "time": pl.Datetime, "incoming": pl.Int64, "dest.user.id.if.known?": pl.String}
    rows = read_table(source, "SMS.csv", columns)
    owner, other, came = _subject("user.id"), _subject("dest.user.id.if.known"), pl.col("incoming") == 1
    copies = rows.select(
        pl.when(came).then(other).otherwise(owner).alias("source_id"),
        pl.when(came).then(owner).otherwise(other).alias("target_id"),
        "time",
        came.alias("came"),
    ).sort("time")
    sent = copies.filter(~pl.col("came")).with_columns(sent="time")
    received = copies.filter("came").join_asof(
        sent.drop("came"), on="time", by=PAIR, strategy="nearest", tolerance="1m", check_sortedness=False
    )
    alone = received.filter(pl.col("sent").is_null())
    return _interactions(pl.concat([sent.select(*PAIR, "time"), alone.select(*PAIR, "time")]), "message")


def _interactions(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """`rows` (source_id, target_id, time) without repeats, strangers and people in touch with themselves."""
    known = pl.col("source_id").is_not_null() & (pl.col("source_id") != pl.col("target_id"))
    return rows.filter(known).unique(maintain_order=True).select(*PAIR, "time", pl.lit(kind).alias("kind"), NETWORK)


def _ties(source: Path) -> pl.DataFrame:
    """A tie from the survey that first names it to the first one after that does not; still named at the last: open.

    The one who names (id.A) is the source. A relation named again later is a new tie.
    """
    columns = {"id.A": pl.String, "id.B": pl.String, "relationship": pl.String, "survey.date": pl.Date}
    rows = read_table(source, "RelationshipsFromSurveys.csv", columns)
    date = pl.col("survey.date").cast(pl.Datetime("us", "UTC"))
    named = rows.select(
        pl.col("id.A").alias("source_id"), pl.col("id.B").alias("target_id"), pl.col("relationship").alias("kind"),
        pl.col("survey.date").rank("dense").cast(pl.Int64).alias("survey"), date.alias("time"),
    ).unique()  # fmt: skip
    surveys = named.select("survey", until="time").unique()
    relation = [*PAIR, "kind"]
    run = pl.col("survey") - pl.int_range(pl.len()).over(relation)  # the same in surveys that follow each other
    return (
        named.filter(pl.col("source_id") != pl.col("target_id"))
        .sort(*relation, "survey")
        .group_by(*relation, run.alias("run"), maintain_order=True)
        .agg(pl.col("time").first(), (pl.col("survey").last() + 1).alias("survey"))
        .join(surveys, on="survey", how="left", maintain_order="left")
        .select(*PAIR, "time", "until", "kind", NETWORK)
    )


def _music(source: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Music genres as items, and the interest in them (0 to 3, as a number or as `2 Moderate Interest`) as reward.

    Where somebody answered twice on one day the later row counts.
    """
    columns = {"user.id": pl.String, "genre": pl.String, "date": pl.Date, "score?": pl.String}
    rows = read_table(source, "MusicGenrePreference.csv", columns)
    rows = rows.with_columns(
        item_id=pl.col("genre").str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "-").str.strip_chars("-"),
        interest=pl.col("score").str.extract(r"^\s*([0-3])").cast(pl.Float64),
    )
    items = (
        rows.select("item_id", pl.col("genre").alias("title"), pl.lit("music").alias("tags")).unique().sort("item_id")
    )
    feedback = rows.filter(pl.col("interest").is_not_null()).select(
        _subject("user.id").alias("user_id"),
        "item_id",
        pl.col("date").cast(pl.Datetime("us", "UTC")).alias("time"),
        pl.col("interest") / 3,
        NETWORK,
    )
    answered = ["user_id", "item_id", "time"]
    feedback = feedback.rename({"interest": "reward"}).unique(answered, keep="last", maintain_order=True)
    return items, feedback.sort("time", maintain_order=True)


def _subject(column: str) -> pl.Expr:
    return pl.col(column).str.strip_suffix(".0")  # some files write the number of a subject as 19.0


SOCIAL_EVOLUTION = Converter(
    social_evolution,
    "daily mood of a student dormitory with calls, messages, ties and music (MIT, 2008-2009)",
    "research use on the terms of the Reality Commons page, cite Madan et al. 2012, identify nobody",
)
