"""FanChuan: five online communities, Chinese and English, whose people answer each other."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import find, read_table
from emotide.convert.tables import Tables, clock, labels
from emotide.errors import UnknownName

COLUMNS = {
    "community": pl.String,
    "order": pl.Int64,
    "comment_id": pl.String,
    "user": pl.String,
    "parent_comment_id?": pl.String,
    "parent_user?": pl.String,
    "post_id?": pl.String,
    "sentiment": pl.String,
    "split": pl.String,
    "text": pl.String,
    "parent_text?": pl.String,
}
DEEPEST = 100  # chain of answers put before what they answer; more can only be a circle of equal texts
COMMENT = ["post_id", "user_id", "time", "network", "text", "reply_to", "split"]


def fanchuan(source: Path, community: str = "all") -> Tables:
    """A network a community; in Alibaba-Math one a post (`Alibaba-Math/3`), whose comment ids restart.

    There is no clock in the set: comments stand a minute apart in their order, and never before what they answer. A
    comment that was answered but has no row of its own becomes a post without label, half a minute before its answer.
    Users are named per community (`CS2/u00012`): one id is one person.
    """
    rows = read_table(find(source, "comments.csv"), "comments.csv", COLUMNS)
    if community != "all":
        known = rows["community"].unique()
        if community not in known:
            raise UnknownName("community", community, ["all", *known])
        rows = rows.filter(pl.col("community") == community)
    comments = _timed(_parents(_comments(rows)))
    context = _context(comments)
    posts = pl.concat([comments.select(COMMENT), context]).sort("network", "time", "post_id")
    stance = pl.col("community") == "CS2"
    return {
        "posts": posts,
        "interactions": _answers(comments),
        "labels": labels(
            comments.with_columns(
                polarity=pl.when(~stance).then("sentiment"), stance_cs2=pl.when(stance).then("sentiment")
            ),
            polarity="polarity",
            stance_cs2="stance_cs2",
        ),
    }


def _comments(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with ids that are unique in the whole log; the second comment of one id becomes `id#1`."""
    network = pl.concat_str("community", "post_id", separator="/", ignore_nulls=True)
    again = pl.int_range(pl.len()).over("network", "comment_id")
    repeat = pl.when(again > 0).then(pl.format("#{}", again)).otherwise(pl.lit(""))
    return rows.sort("community", "order").with_columns(network=network).select(
        "community", "order", "network", "comment_id", "sentiment", "text", "parent_comment_id", "parent_text",
        pl.format("{}/{}{}", "network", "comment_id", repeat).alias("post_id"),
        pl.format("{}/{}", "community", "user").alias("user_id"),
        pl.format("{}/{}", "community", "parent_user").alias("parent_user"),
        pl.col("split").replace("val", "dev"),
    )  # fmt: skip


def _parents(comments: pl.DataFrame) -> pl.DataFrame:
    """Adds `parent`, the post_id of the comment that each answers, or that it will have as a post without label.

    By its id; where the set names none, by author and text within the same post.
    """
    by_id, by_text = ["network", "comment_id"], ["network", "user_id", "text"]
    first = [
        comments.unique(key, keep="first", maintain_order=True).select(*key, pl.col("post_id").alias(found))
        for key, found in ((by_id, "by_id"), (by_text, "by_text"))
    ]
    found = comments.join(first[0], left_on=["network", "parent_comment_id"], right_on=by_id, how="left").join(
        first[1], left_on=["network", "parent_user", "parent_text"], right_on=by_text, how="left"
    )
    parent = pl.when(pl.col("parent_comment_id").is_null()).then("by_text").otherwise("by_id")
    unseen = pl.col("parent_user").is_not_null() & pl.col("parent_text").is_not_null()
    made = pl.format(
        "parent-of-{}", pl.col("post_id").first().over("network", "parent_user", "parent_comment_id", "parent_text")
    )
    return found.with_columns(
        parent=pl.when(parent != pl.col("post_id")).then(parent), made=pl.when(unseen & parent.is_null()).then(made)
    ).with_columns(reply_to=pl.coalesce("parent", "made"))


def _timed(comments: pl.DataFrame) -> pl.DataFrame:
    """Adds `time`. A comment that the order puts before what it answers stands a second after that instead."""
    minutes = comments.select("post_id", "parent", minute=pl.col("order").cast(pl.Float64))
    for _ in range(DEEPEST):
        above = minutes.select(parent="post_id", above="minute")
        moved = minutes.join(above, on="parent", how="left", maintain_order="left").with_columns(
            later=pl.max_horizontal("minute", pl.col("above") + 1 / 60)
        )
        if (moved["later"] == moved["minute"]).all():
            break
        minutes = moved.select("post_id", "parent", minute="later")
    return comments.with_columns(minutes.select(clock(pl.col("minute"))))


def _context(comments: pl.DataFrame) -> pl.DataFrame:
    """Posts without label for the comments that were answered and have no row of their own."""
    first = comments.filter(pl.col("made").is_not_null()).sort("time").unique("made", keep="first", maintain_order=True)
    return first.select(
        pl.col("made").alias("post_id"),
        pl.col("parent_user").alias("user_id"),
        pl.col("time") - pl.duration(seconds=30),
        "network",
        pl.col("parent_text").alias("text"),
        pl.lit(None, pl.String).alias("reply_to"),
        "split",
    )


def _answers(comments: pl.DataFrame) -> pl.DataFrame:
    """Replies to a known person whose comment is not known: what `reply_to` cannot say."""
    known = pl.col("reply_to").is_null() & pl.col("parent_user").is_not_null()
    return comments.filter(known & (pl.col("parent_user") != pl.col("user_id"))).select(
        pl.col("user_id").alias("source_id"),
        pl.col("parent_user").alias("target_id"),
        "time",
        pl.lit("reply").alias("kind"),
        "network",
        "post_id",
    )


FANCHUAN = Converter(
    fanchuan,
    "comments of five online communities (Chinese, English) with sentiment, and who answers whom",
    "MIT (FanChuan: parody detection benchmark, 2025)",
    options={"community": "one of the five, or all (default)"},
    spaces=("stance_cs2",),
)
