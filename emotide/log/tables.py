"""The contract: which tables a social log may hold, and what their columns mean (DESIGN 4).

Everything else reads this: readers, checks, mapping files, the schema of the store.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

TIME = pl.Datetime("us", "UTC")
Types = dict[str, Any]  # a Polars schema (beartype cannot check the class pl.DataType)
DIMENSIONS = ("pleasure", "valence", "arousal", "dominance")  # columns of labels that are coordinates by their name


class Kind(StrEnum):
    """What a column holds."""

    ID = "id"  # a name: trimmed, at most MAX_ID_BYTES long
    TEXT = "text"  # free text, kept as it is
    TIME = "time"  # an instant, UTC
    NUMBER = "number"  # a finite float
    PATH = "path"  # a media file inside the log
    TAGS = "tags"  # a list of names, kept as text with commas between


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        required: a row without it is rejected, a file without it cannot be read.
        default: what stands for "absent" in a column that belongs to a key (a key holds no null); else None.
        choices: the closed list of values, when there is one.
        low, high: the range of a number, ends included.
        future: whether a time may lie ahead.
    """

    name: str
    kind: Kind
    required: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    future: bool = False


@dataclass(frozen=True)
class Table:
    """A table: its columns, and the columns by which a row is known again (the key)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The names of its columns, in order."""
        return [column.name for column in self.columns]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def schema(self) -> Types:
        """The Polars schema of its frames: text but for times and numbers."""
        types = {Kind.TIME: TIME, Kind.NUMBER: pl.Float64()}
        return {column.name: types.get(column.kind, pl.String()) for column in self.columns}

    @property
    def required(self) -> list[str]:
        """The columns that a file must have."""
        return [column.name for column in self.columns if column.required]

    def empty(self) -> pl.DataFrame:
        """A frame of this table with no rows."""
        return pl.DataFrame(schema=self.schema)


def _id(name: str, required: bool = True, default: str | None = None) -> Column:
    return Column(name, Kind.ID, required=required, default=default)


def _text(name: str) -> Column:
    return Column(name, Kind.TEXT)


def _time(name: str = "time", required: bool = True, future: bool = False) -> Column:
    return Column(name, Kind.TIME, required=required, future=future)


NETWORK = _id("network", required=False, default="")
POST = _id("post_id", required=False, default="")

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(  # first, so that it is known who wants to stay out before anybody's posts are read
            "people",
            (
                _id("user_id"),
                Column("consent", Kind.ID, required=True, choices=("yes", "no")),
                _time("since", required=False),
                NETWORK,
            ),
            key=("network", "user_id", "since", "consent"),
        ),
        Table(
            "posts",
            (
                _id("post_id"),
                _id("user_id"),
                _time(),
                NETWORK,
                _text("text"),
                _text("title"),
                Column("tags", Kind.TAGS),
                Column("image", Kind.PATH),
                Column("audio", Kind.PATH),
                Column("video", Kind.PATH),
                _id("reply_to", required=False),
                Column("split", Kind.ID, choices=("train", "dev", "test")),
            ),
            key=("network", "post_id"),
        ),
        Table(
            "interactions",
            (_id("source_id"), _id("target_id"), _time(), _id("kind"), NETWORK, POST),
            key=("network", "source_id", "target_id", "time", "kind", "post_id"),
        ),
        Table(
            "ties",
            (
                _id("source_id"),
                _id("target_id"),
                _time(required=False),
                _time("until", required=False, future=True),
                _id("kind", required=False, default=""),
                NETWORK,
            ),
            key=("network", "source_id", "target_id", "kind", "time"),
        ),
        Table(
            "labels",
            (
                _id("user_id"),
                _time(),
                _id("space"),
                NETWORK,
                POST,
                _id("category", required=False, default=""),
                _text("dimensions"),  # made from the columns of numbers: {"pleasure": 0.4, …}
                Column("weight", Kind.NUMBER, low=0.0),
            ),
            key=("network", "user_id", "time", "space", "post_id", "category"),
        ),
        Table(
            "items",
            (
                _id("item_id"),
                _text("text"),
                _text("title"),
                Column("tags", Kind.TAGS),
                Column("image", Kind.PATH),
                _time(required=False, future=True),
            ),
            key=("item_id",),
        ),
        Table(
            "feedback",
            (
                _id("user_id"),
                _id("item_id"),
                _time(),
                Column("reward", Kind.NUMBER, required=True),
                NETWORK,
                Column("propensity", Kind.NUMBER, low=0.0, high=1.0),
                Column("slate", Kind.TAGS),
            ),
            key=("network", "user_id", "item_id", "time"),
        ),
    )
}
