"""The audit trail: who did what to the store about people, and when; a chain of digests in which a change shows.

    chain[k] = SHA-256(chain[k-1], number, time, who, what, about),   chain[0] = ""

Nothing here changes or deletes a row. Whoever may write the database could forge the whole chain anew: keep its head
somewhere else (`emotide audit --verify` prints it) and have it looked for later (`--head`).
"""

import getpass
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from emotide.log import TIME
from emotide.store.connection import Connection

COLUMNS = {
    "number": pl.Int64(), "time": pl.Int64(), "who": pl.String(), "what": pl.String(), "about": pl.String(),
    "chain": pl.String(),
}  # fmt: skip


def note(connection: Connection, what: str, about: Mapping[str, Any], who: str | None = None) -> str:
    """A row more, in the connection's transaction (a writer's: see `Connection.lock`); returns the new head.

    Args:
        what: was done.
        about: plain values; never a person's id.
        who: did it; the user of this process by default.
    """
    last = connection.rows("SELECT number, chain FROM audit ORDER BY number DESC LIMIT 1")
    number, before = (int(last[0][0]) + 1, str(last[0][1])) if last else (1, "")
    time = int(datetime.now(UTC).timestamp() * 1_000_000)
    row = (number, time, who or _user(), what, json.dumps(about, sort_keys=True, ensure_ascii=False))
    head = _link(before, row)
    marks = ", ".join(connection.mark(k) for k in range(1, 7))
    connection.execute(f"INSERT INTO audit (number, time, who, what, about, chain) VALUES ({marks})", (*row, head))
    return head


def trail(connection: Connection) -> pl.DataFrame:
    """All rows, in order; `time` as an instant."""
    return connection.frame(COLUMNS, "audit").sort("number").with_columns(pl.col("time").cast(TIME))


def erasures(connection: Connection) -> int:
    """The number of the last row about people who left: forgotten, aged, or without consent; 0 where there is none."""
    return connection.number("SELECT COALESCE(MAX(number), 0) FROM audit WHERE what IN ('forget', 'retain', 'consent')")


def broken_at(rows: pl.DataFrame) -> int | None:
    """The number of the first row that was changed, or before which one is missing; None where the chain holds."""
    before = ""
    for expected, row in enumerate(rows.with_columns(pl.col("time").to_physical()).select(*COLUMNS).iter_rows(), 1):
        if row[0] != expected or _link(before, row[:5]) != row[5]:
            return expected
        before = row[5]
    return None


def _link(before: str, row: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps([before, *row], ensure_ascii=False).encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this number, in a container
        return "unknown"
