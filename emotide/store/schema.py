"""One schema for SQLite and PostgreSQL, made from the contract of the log; times are microseconds since 1970, UTC.

A key holds no null: where a row has no network, post, kind or category it holds "", where a tie has no beginning
SINCE_EVER. Readers of the store see null again (or "" for network and post_id, as the contract says).
"""

from sqlalchemy import BigInteger, Column, Double, Index, MetaData, PrimaryKeyConstraint, String, Table, Text

from emotide.log import TABLES, Kind
from emotide.log import Column as LogColumn
from emotide.log import Table as LogTable

SINCE_EVER = -(2**63)
KEPT_EMPTY = ("network", "post_id")  # key columns whose absence is "" for readers too

metadata = MetaData()


def _column(column: LogColumn, table: LogTable) -> Column[object]:
    kind: dict[Kind, type] = {Kind.TIME: BigInteger, Kind.NUMBER: Double}
    needed = column.required or column.name in table.key
    return Column(column.name, kind.get(column.kind, Text)(), nullable=not needed)


LOG_TABLES = {
    name: Table(
        name,
        metadata,
        *(_column(column, table) for column in table.columns),
        PrimaryKeyConstraint(*table.key, name=f"{name}_key"),
        sqlite_with_rowid=False,
    )
    for name, table in TABLES.items()
}

Index(
    "posts_answered",
    LOG_TABLES["posts"].c.network,
    LOG_TABLES["posts"].c.reply_to,
    sqlite_where=LOG_TABLES["posts"].c.reply_to.is_not(None),
    postgresql_where=LOG_TABLES["posts"].c.reply_to.is_not(None),
)

users = Table(
    "users",
    metadata,
    Column("network", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    PrimaryKeyConstraint("network", "user_id", name="users_key"),
    sqlite_with_rowid=False,
)
"""Everybody whom the log names."""

mentions = Table(
    "mentions",
    metadata,
    Column("network", Text, nullable=False),
    Column("post_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    PrimaryKeyConstraint("network", "name", "post_id", name="mentions_key"),
    sqlite_with_rowid=False,
)
"""Names after an @ that nobody bears yet; they become interactions when somebody does."""

files = Table(
    "files",
    metadata,
    Column("digest", String(64), nullable=False),
    Column("table_name", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("digest", "table_name", name="files_key"),
)
"""What was ingested, and when first."""

tokens = Table(
    "tokens",
    metadata,
    Column("token_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("revoked", BigInteger, nullable=True),
    PrimaryKeyConstraint("token_id", name="tokens_key"),
    sqlite_with_rowid=False,
)
"""Who may ask the service for what; of a token the hash alone, see tokens.py."""

spaces = Table(
    "spaces",
    metadata,
    Column("name", Text, nullable=False),
    Column("definition", Text, nullable=False),
    PrimaryKeyConstraint("name", name="spaces_key"),
    sqlite_with_rowid=False,
)
"""Emotion spaces that came with a log, each the text of its TOML file."""

erased = Table(
    "erased",
    metadata,
    Column("digest", String(64), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("digest", name="erased_key"),
    sqlite_with_rowid=False,
)
"""Who was erased, as a digest, and when; one salt for all."""

journal = Table(
    "journal",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("table_name", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("post_id", Text, nullable=False),
    PrimaryKeyConstraint("seq", name="journal_key"),
)
"""Events that came to a running service, in their order, by the key of their row."""

Index("journal_event", journal.c.event_id, unique=True)
Index("journal_source", journal.c.network, journal.c.source_id)
Index("journal_target", journal.c.network, journal.c.target_id)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, nullable=False, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("chain", String(64), nullable=False),
    PrimaryKeyConstraint("number", name="audit_key"),
    sqlite_with_rowid=False,
)
"""What was done to the store about people, in order; each row holds a digest of itself and of all before it."""

state = Table("state", metadata, Column("digest", String(64), nullable=False))
"""One row: the digest of all that was written so far. A writer updates it first, so writers wait for each other."""
