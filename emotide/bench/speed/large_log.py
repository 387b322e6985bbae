"""A large simulated log: seeded, with a power law of activity, written to Parquet in blocks whatever its size."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from jaxtyping import Int

DAYS, BEGIN = 60, 1_600_000_000  # seconds since 1970
INTERACTIONS, POSTS = 10, 3  # of a user, on average
LABELLED = 0.03  # of the posts
BLOCK = 500_000  # rows
ACTIVITY = 0.8  # a user's activity falls with this power of the rank
CIRCLE = 200  # users among whom most contacts stay
FAME = 0.2  # share of the contacts that go to anybody, the more active the likelier
KINDS = np.array(["like", "message", "reply"])
FEELINGS = np.array(["anger", "disgust", "fear", "joy", "sadness", "surprise"])
WORDS = 2000


def write_large_log(folder: Path, users: int, seed: int) -> int:
    """Posts, interactions and labels of so many users over 60 days as a social log; returns how many events.

    All of it is the training part, so that one pass of training goes over every event. Two words in three of a post are
    of its feeling; of a few posts the feeling is the label.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    made = [
        _written(folder / f"{name}.parquet", _blocks(count * users, table, users, rng))
        for name, count, table in (("interactions", INTERACTIONS, _interactions), ("posts", POSTS, _posts))
    ]
    posts = pl.scan_parquet(folder / "posts.parquet").filter(pl.col("feeling") >= 0)
    feeling = pl.col("feeling").replace_strict(dict(enumerate(FEELINGS)), return_dtype=pl.String)
    labels = posts.select("post_id", "user_id", "time", space=pl.lit("ekman"), category=feeling)
    labels.sink_parquet(folder / "labels.parquet")
    return sum(made)


Table = Callable[[Int[np.ndarray, " rows"], int, np.random.Generator], pl.DataFrame]


def _blocks(rows: int, table: Table, users: int, rng: np.random.Generator) -> Iterator[pl.DataFrame]:
    for start in range(0, rows, BLOCK):
        yield table(np.arange(start, min(start + BLOCK, rows)), users, rng)


def _written(file: Path, blocks: Iterator[pl.DataFrame]) -> int:
    """The rows of all blocks in one file; returns how many."""
    first = next(blocks).to_arrow(compat_level=pl.CompatLevel.oldest())
    rows = len(first)
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for block in blocks:
            writer.write_table(block.to_arrow(compat_level=pl.CompatLevel.oldest()))
            rows += len(block)
    return rows


def _someone(rows: int, users: int, rng: np.random.Generator) -> Int[np.ndarray, " rows"]:
    """Users drawn by their activity: the inverse of the power law's distribution, with no table of all users."""
    return (users * rng.random(rows) ** (1 / (1 - ACTIVITY))).astype(np.int64)


def _time(rows: int, rng: np.random.Generator) -> Int[np.ndarray, " rows"]:
    return BEGIN + rng.integers(0, DAYS * 86_400, rows)


def _interactions(row: Int[np.ndarray, " rows"], users: int, rng: np.random.Generator) -> pl.DataFrame:
    source = _someone(len(row), users, rng)
    near = (source + rng.integers(1, min(CIRCLE, users), len(row))) % users
    target = np.where(rng.random(len(row)) < FAME, _someone(len(row), users, rng), near)
    rows = {"source": source, "target": target, "time": _time(len(row), rng), "kind": rng.choice(KINDS, len(row))}
    return pl.DataFrame(rows).select(
        pl.format("u{}", "source").alias("source_id"), pl.format("u{}", "target").alias("target_id"), "time", "kind"
    )


def _posts(row: Int[np.ndarray, " rows"], users: int, rng: np.random.Generator) -> pl.DataFrame:
    feeling = rng.integers(0, len(FEELINGS), len(row))
    said = (WORDS * rng.random((len(row), 6)) ** 3).astype(np.int64)
    telling = rng.random(said.shape) < 2 / 3
    word = np.where(telling, WORDS + feeling[:, None] * 20 + said % 20, said)
    columns = pl.DataFrame(word, schema=[f"w{k}" for k in range(said.shape[1])])
    text = pl.concat_str([pl.format("w{}", name) for name in columns.columns], separator=" ")
    labelled = rng.random(len(row)) < LABELLED
    return columns.select(text=text).with_columns(
        pl.Series("post_id", row).cast(pl.String).str.pad_start(9, "0"),
        user_id=pl.format("u{}", pl.Series(_someone(len(row), users, rng))),
        time=pl.Series(_time(len(row), rng)),
        split=pl.lit("train"),
        feeling=pl.Series(np.where(labelled, feeling, -1)),
    )
