"""The first schema: the tables of the log, who is named in it, and what was ingested.

Frozen: a later change is a later revision.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _text(name: str, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _time(name: str, nullable: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _number(name: str, nullable: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _table(name: str, key: list[str], *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key, name=f"{name}_key"), sqlite_with_rowid=False)


def upgrade() -> None:
    """Create everything."""
    _table(
        "posts",
        ["network", "post_id"],
        _text("post_id", False),
        _text("user_id", False),
        _time("time", False),
        _text("network", False),
        *(_text(name) for name in ("text", "title", "tags", "image", "audio", "video", "reply_to", "split")),
    )
    _table(
        "interactions",
        ["network", "source_id", "target_id", "time", "kind", "post_id"],
        _text("source_id", False),
        _text("target_id", False),
        _time("time", False),
        _text("kind", False),
        _text("network", False),
        _text("post_id", False),
    )
    _table(
        "ties",
        ["network", "source_id", "target_id", "kind", "time"],
        _text("source_id", False),
        _text("target_id", False),
        _time("time", False),
        _time("until"),
        _text("kind", False),
        _text("network", False),
    )
    _table(
        "labels",
        ["network", "user_id", "time", "space", "post_id", "category"],
        _text("user_id", False),
        _time("time", False),
        _text("space", False),
        _text("network", False),
        _text("post_id", False),
        _text("category", False),
        _text("dimensions"),
        _number("weight"),
    )
    _table(
        "items",
        ["item_id"],
        _text("item_id", False),
        *(_text(name) for name in ("text", "title", "tags", "image")),
        _time("time"),
    )
    _table(
        "feedback",
        ["network", "user_id", "item_id", "time"],
        _text("user_id", False),
        _text("item_id", False),
        _time("time", False),
        _number("reward", False),
        _text("network", False),
        _number("propensity"),
        _text("slate"),
    )
    answered = sa.text("reply_to IS NOT NULL")
    op.create_index(
        "posts_answered", "posts", ["network", "reply_to"], sqlite_where=answered, postgresql_where=answered
    )
    _table("users", ["network", "user_id"], _text("network", False), _text("user_id", False))
    _table(
        "mentions",
        ["network", "name", "post_id"],
        _text("network", False),
        _text("post_id", False),
        _text("name", False),
    )
    op.create_table(
        "files",
        sa.Column("digest", sa.String(64), nullable=False),
        _text("table_name", False),
        _text("name", False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        _time("time", False),
        sa.PrimaryKeyConstraint("digest", "table_name", name="files_key"),
    )
    _table("spaces", ["name"], _text("name", False), _text("definition", False))
    op.create_table("state", sa.Column("digest", sa.String(64), nullable=False))
    op.execute("INSERT INTO state (digest) VALUES ('')")
