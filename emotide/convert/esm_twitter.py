"""Experience sampling of Twitter users: twelve felt emotions, several times a day."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables

EMOTIONS = (
    "positive", "negative", "sad", "afraid", "joyful", "angry", "bored", "lonely", "disgusted", "anxious", "excited",
    "tired",
)  # fmt: skip
DONE = ("w_tweeted", "w_liked", "w_rt", "w_commented", "w_messaged", "w_visited", "w_trending", "w_scrolled")
MOST = 4  # 0 not at all … 4 extremely


def esm_twitter(source: Path) -> Tables:
    """A label in `esm12` a survey, each emotion from 0 to 1; a post without text where Twitter was used before it.

    The tags of the post say what was done there (`tweeted,scrolled`; `used` where nothing was named). Times are UTC.
    """
    columns = {"random_id": pl.String, "StartDate": pl.Datetime, "obs": pl.String, "used_tt": pl.Int64}
    columns |= dict.fromkeys(EMOTIONS, pl.Float64) | {f"{name}?": pl.String for name in DONE}
    done = [
        pl.when(pl.col(name).str.to_lowercase().is_in(["true", "1"])).then(pl.lit(name.removeprefix("w_")))
        for name in DONE
    ]
    surveys = read_table(source, "esm_twitter.csv", columns).with_columns(
        pl.when(pl.col("used_tt") == 1).then(pl.format("{}-{}", "random_id", "obs")).alias("post_id"),
        pl.concat_str(done, separator=",", ignore_nulls=True).replace("", "used").alias("tags"),
        pl.lit("twitter").alias("network"),
        user_id="random_id",
        time="StartDate",
    )
    return {
        "posts": surveys.filter(pl.col("post_id").is_not_null()).select(
            "post_id", "user_id", "time", "network", "tags"
        ),
        "labels": surveys.select(
            "user_id", "time", pl.lit("esm12").alias("space"), "network", "post_id", pl.col(EMOTIONS) / MOST
        ),
    }


ESM_TWITTER = Converter(
    esm_twitter,
    "experience sampling of 252 Twitter users: twelve felt emotions and what they did on Twitter",
    "MIT (Oldemburgo de Mello, Cheung, Inzlicht)",
    spaces=("esm12",),
)
