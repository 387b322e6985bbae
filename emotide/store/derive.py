"""What follows from posts: a reply and an @mention are interactions (DESIGN 4). Set operations, safe to repeat.

The author of the answered post, or the bearer of a name, may come later than the post: both directions are joined, and
names that nobody bears yet wait in the table `mentions`.
"""

import polars as pl

from emotide.log import Table, mentions_in
from emotide.store.connection import Connection

USERS = "stage_users"
MENTIONS = "stage_mentions"
POSTS = "stage_posts"
_PEOPLE = ("user_id", "source_id", "target_id")
_INTO = "INSERT INTO interactions (source_id, target_id, time, kind, network, post_id)"


def know_users(connection: Connection, rows: pl.DataFrame, table: Table) -> None:
    """Remember everybody whom rows of a table name."""
    people = [name for name in _PEOPLE if name in table.names]
    if not people or table.name == "people":  # who only said yes or no is not in the log
        return
    named = [rows.select("network", pl.col(name).alias("user_id")) for name in people]
    connection.stage(USERS, pl.concat(named).unique().sort("network", "user_id"))
    connection.insert(f"INSERT INTO users (network, user_id) SELECT network, user_id FROM {USERS}")


def derive(connection: Connection, rows: pl.DataFrame, table: Table) -> int:
    """The interactions that new rows of a table bring about; returns how many are new.

    Args:
        rows: of the table, written already, with its users known.
    """
    made = 0
    if table.name == "posts":
        connection.stage(POSTS, rows.select("network", "post_id").sort("network", "post_id"))
        made += _replies(connection, "child") + _replies(connection, "parent")
        found = mentions_in(rows)
        if not found.is_empty():
            connection.stage(MENTIONS, found.sort("network", "name", "post_id"))
            names = "network, name, post_id"
            connection.insert(f"INSERT INTO mentions ({names}) SELECT {names} FROM {MENTIONS}")
    return made + _mentions(connection)


def _replies(connection: Connection, staged: str) -> int:
    """Replies of which the staged post is the answer (child) or the answered one (parent)."""
    child = f"posts AS child {connection.by_index('posts_answered') if staged == 'parent' else ''}"
    first, second = (child, "posts AS parent") if staged == "child" else ("posts AS parent", child)
    return connection.insert(f"""{_INTO}
        SELECT child.user_id, parent.user_id, child.time, 'reply', child.network, child.post_id
        FROM {POSTS} AS s
        JOIN {first} ON {staged}.network = s.network AND {staged}.post_id = s.post_id
        JOIN {second} ON parent.network = child.network AND parent.post_id = child.reply_to
        WHERE child.reply_to IS NOT NULL AND child.user_id <> parent.user_id""")


def _mentions(connection: Connection) -> int:
    """Waiting names that somebody bears by now."""
    made = connection.insert(f"""{_INTO}
        SELECT p.user_id, m.name, p.time, 'mention', p.network, p.post_id
        FROM mentions AS m
        JOIN users AS u ON u.network = m.network AND u.user_id = m.name
        JOIN posts AS p ON p.network = m.network AND p.post_id = m.post_id
        WHERE p.user_id <> m.name""")
    connection.execute("""DELETE FROM mentions WHERE EXISTS
        (SELECT 1 FROM users WHERE users.network = mentions.network AND users.user_id = mentions.name)""")
    return made
