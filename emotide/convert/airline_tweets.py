"""Twitter US Airline Sentiment: customers to airlines, February 2015."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables, labels, mentioned, mentions

COLUMNS = {
    "tweet_id": pl.String,
    "time": pl.Datetime,
    "author": pl.String,
    "sentiment": pl.String,
    "confidence": pl.Float64,
    "mentions?": pl.String,
    "text": pl.String,
}


def airline_tweets(source: Path) -> Tables:
    """One network; labels in `polarity`, their weight the agreement of the annotators; handles without the @.

    Times have the minute and are local in the set; they are kept as if they were UTC.
    """
    posts = read_table(source, "airline_tweets.csv", COLUMNS).select(
        pl.col("tweet_id").alias("post_id"),
        pl.col("author").str.strip_prefix("@").alias("user_id"),
        "time",
        pl.lit("airline").alias("network"),
        "text",
        mentioned("mentions"),
        "sentiment",
        pl.col("confidence").alias("weight"),
    )
    return {
        "posts": posts.select("post_id", "user_id", "time", "network", "text"),
        "interactions": mentions(posts),
        "labels": labels(posts, polarity="sentiment"),
    }


AIRLINE_TWEETS = Converter(
    airline_tweets,
    "tweets of customers to seven airlines, with crowd-labelled sentiment and who mentions whom",
    "CC BY-NC-SA 4.0 (CrowdFlower, Twitter US Airline Sentiment): non-commercial use, keep the notice",
)
