"""Retention: what is older than an instant leaves the store: posts, interactions, labels and feedback."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from emotide.store.connection import Connection

AGED = ("posts", "interactions", "labels", "feedback")
_NAMED = (
    ("posts", "user_id"), ("interactions", "source_id"), ("interactions", "target_id"), ("ties", "source_id"),
    ("ties", "target_id"), ("labels", "user_id"), ("feedback", "user_id"),
)  # fmt: skip


@dataclass(frozen=True)
class Retained:
    """What went, or would go.

    Attributes:
        rows: by table; `users` are those of whom nothing is left.
        texts: title and text of each post, as they are encoded.
        media: locations of their files, which lie outside the store and are still there.
    """

    rows: dict[str, int]
    texts: list[str]
    media: list[str]


def retain(connection: Connection, before: datetime) -> Retained:
    """Erase what is older than `before` in the connection's transaction; the caller commits, or does not.

    An answer to a post that went stays, as a post of its own. Ties stay: they last until they end.
    """
    mark = connection.mark(1)
    instant = [int(before.timestamp() * 1_000_000)]
    old = f"SELECT title, text, image, audio, video FROM posts WHERE time < {mark}"
    posts = connection.rows(old, instant)
    hanging = f"(SELECT 1 FROM posts AS p WHERE p.network = {{}}.network AND p.post_id = {{}} AND p.time < {mark})"
    answers = hanging.format("posts", "posts.reply_to")
    connection.execute(f"UPDATE posts SET reply_to = NULL WHERE reply_to IS NOT NULL AND EXISTS {answers}", instant)
    connection.execute(f"DELETE FROM mentions WHERE EXISTS {hanging.format('mentions', 'mentions.post_id')}", instant)
    rows = {table: connection.change(f"DELETE FROM {table} WHERE time < {mark}", instant) for table in AGED}
    kinds = ", ".join(f"'{table}'" for table in AGED)
    rows["journal"] = connection.change(f"DELETE FROM journal WHERE table_name IN ({kinds}) AND time < {mark}", instant)
    here = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.network = users.network AND t.{column} = users.user_id)"
        for table, column in _NAMED
    )
    rows["users"] = connection.change(f"DELETE FROM users WHERE {here}")
    if any(rows.values()):
        connection.execute(f"UPDATE state SET digest = {mark}", [secrets.token_hex(32)])
    said = ["\n".join(part for part in row[:2] if part is not None) for row in posts]
    return Retained(rows, said, [place for row in posts for place in row[2:] if place is not None])
