"""Emotion in Text: tweets of spring 2009 with one of 13 emotions."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, clock, labels, mentioned, mentions

COLUMNS = {
    "tweet_id": pl.Int64,
    "author": pl.String,
    "emotion": pl.String,
    "mentions?": pl.String,
    "text": pl.String,
}


def tweet_emotion_13(source: Path) -> Tables:
    """One network; labels in `tweet13`. Ids grow with time and there is no other clock: tweets stand a minute apart."""
    posts = read_table(source, "tweet_emotion_13.csv", COLUMNS).sort("tweet_id").select(
        pl.col("tweet_id").cast(pl.String).alias("post_id"),
        pl.col("author").str.strip_prefix("@").alias("user_id"),
        clock(pl.int_range(pl.len())),
        pl.lit("twitter").alias("network"),
        "text",
        mentioned("mentions"),
        "emotion",
    )  # fmt: skip
    return {
        "posts": posts.select("post_id", "user_id", "time", "network", "text"),
        "interactions": mentions(posts),
        "labels": labels(posts, tweet13="emotion"),
    }


TWEET_EMOTION_13 = Converter(
    tweet_emotion_13,
    "40,000 tweets with author, mentions and one of 13 crowd-labelled emotions",
    "published as open data (CrowdFlower, Emotion in Text); no licence is stated: treat as research use",
    spaces=("tweet13",),
)
