"""A person leaves the store: every row that is theirs or names them goes, and a tombstone keeps them out (DESIGN 4, 6).

The tombstone is a salted digest. It says to whoever has the id that it was erased, and to nobody else who it was.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from emotide.log import Table, renamed
from emotide.store.connection import Connection

STAGE = "stage_erased"
PEOPLE = ("user_id", "source_id", "target_id")
NOBODY = "erased"  # what stands behind the @ in the texts of others
REASON = "a person whom it names was erased from this store"


@dataclass(frozen=True)
class Erased:
    """What was erased.

    Attributes:
        rows: by table; of `posts` also those of others in whose text an @mention, or in whose `reply_to` a post, was
            taken out (`mentions taken out`, `replies taken out`).
        texts: title and text of each post of the person, as they are encoded.
        media: locations of the person's files, which lie outside the store and are still there.
    """

    rows: dict[str, int]
    texts: list[str]
    media: list[str]


class Tombstones:
    """Who was erased from a store."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.rows("SELECT digest, salt FROM erased")
        self.digests = {str(digest) for digest, _ in rows}
        self.salt = str(rows[0][1]) if rows else secrets.token_hex(16)

    def digest(self, user: str) -> str:
        """The digest of an id."""
        return hashlib.blake2b(user.encode(), key=bytes.fromhex(self.salt), digest_size=32).hexdigest()

    def among(self, users: pl.Series) -> list[str]:
        """Those of these ids that were erased."""
        return [user for user in users.unique() if self.digest(user) in self.digests] if self.digests else []

    def turned_away(self, rows: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows that may come in, the names of erased people taken out of their texts; and rows that name one."""
        if not self.digests:
            return rows, rows.clear()
        people = [name for name in PEOPLE if name in table.names]
        gone = self.among(pl.concat([rows[name] for name in people])) if people else []
        away = pl.any_horizontal(pl.col(people).is_in(gone)) if gone else pl.lit(False)
        kept = rows.filter(~away)
        if table.name == "posts":
            kept = kept.with_columns(renamed(kept["text"], lambda name: self.digest(name) in self.digests, NOBODY))
        return kept, rows.filter(away)


def erase(connection: Connection, user: str, network: str | None = None) -> Erased:
    """Erase a person in the connection's transaction; the caller commits, then compacts the store.

    With a network, only what is in it, and no tombstone: that is for those whose consent, which stays, says no.

    Rows of others that hang on a post of theirs (an interaction or a label about it) go too; answers stay, as posts of
    their own, and an @mention becomes @erased.
    """
    mark = connection.mark
    place = [] if network is None else [network]
    posts = connection.rows(
        f"SELECT network, post_id, title, text, image, audio, video FROM posts WHERE user_id = {mark(1)}"
        + (f" AND network = {mark(2)}" if place else ""),
        [user, *place],
    )
    named = {"network": [row[0] for row in posts], "post_id": [row[1] for row in posts]}
    connection.stage(STAGE, pl.DataFrame(named, {"network": pl.String, "post_id": pl.String}))
    rows = {"mentions taken out": _unnamed(connection, user, network)}
    about = "EXISTS (SELECT 1 FROM {stage} AS s WHERE s.network = {table}.network AND s.post_id = {table}.{column})"
    rows["replies taken out"] = connection.change(
        "UPDATE posts SET reply_to = NULL WHERE reply_to IS NOT NULL AND "
        + about.format(stage=STAGE, table="posts", column="reply_to")
    )
    for table, columns, of_posts in (
        ("interactions", ("source_id", "target_id"), True),
        ("ties", ("source_id", "target_id"), False),
        ("labels", ("user_id",), True),
        ("feedback", ("user_id",), False),
        ("mentions", ("name",), True),
        ("journal", ("source_id", "target_id"), True),
        ("posts", ("user_id",), False),
        ("users", ("user_id",), False),
        *([] if place else [("people", ("user_id",), False)]),
    ):
        theirs = [f"{column} = {mark(k + 1)}" for k, column in enumerate(columns)]
        hanging = [about.format(stage=STAGE, table=table, column="post_id")] if of_posts else []
        where = f"({' OR '.join([*theirs, *hanging])})" + (f" AND network = {mark(len(columns) + 1)}" if place else "")
        rows[table] = connection.change(f"DELETE FROM {table} WHERE {where}", [*[user] * len(columns), *place])
    connection.execute(f"DROP TABLE {STAGE}")
    if network is None:
        _bury(connection, user)
    connection.execute(f"UPDATE state SET digest = {mark(1)}", [secrets.token_hex(32)])
    said = ["\n".join(part for part in row[2:4] if part is not None) for row in posts]
    return Erased(rows, said, [place for row in posts for place in row[4:] if place is not None])


def _unnamed(connection: Connection, user: str, network: str | None) -> int:
    """Take @mentions of a person out of the texts of others."""
    found = connection.rows(
        f"""SELECT p.network, p.post_id, p.text FROM posts AS p JOIN
            (SELECT network, post_id FROM interactions WHERE kind = 'mention' AND target_id = {connection.mark(1)}
             UNION SELECT network, post_id FROM mentions WHERE name = {connection.mark(2)}) AS m
            ON m.network = p.network AND m.post_id = p.post_id""",
        [user, user],
    )
    found = [row for row in found if network is None or row[0] == network]
    if not found:
        return 0
    frame = pl.DataFrame(found, ["network", "post_id", "text"], orient="row")
    frame = frame.with_columns(renamed(frame["text"], user.__eq__, NOBODY))
    connection.stage("stage_texts", frame)
    same = "t.network = s.network AND t.post_id = s.post_id"
    return connection.change(f"UPDATE posts AS t SET text = s.text FROM stage_texts AS s WHERE {same}")


def _bury(connection: Connection, user: str) -> None:
    graves, mark = Tombstones(connection), connection.mark
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    connection.execute(
        f"INSERT INTO erased (digest, salt, time) VALUES ({mark(1)}, {mark(2)}, {mark(3)}) ON CONFLICT DO NOTHING",
        [graves.digest(user), graves.salt, now],
    )


def compacted(tables: Sequence[str], sqlite: bool) -> list[str]:
    """The statements, each outside a transaction, after which no page holds what was deleted."""
    return ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] if sqlite else [f"VACUUM FULL {table}" for table in tables]
