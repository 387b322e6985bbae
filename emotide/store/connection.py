"""One way to SQLite and PostgreSQL: an ADBC connection, Arrow in and out, one transaction at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import adbc_driver_manager
import polars as pl
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from emotide.errors import StoreError
from emotide.log import Types

WAIT = 600  # seconds that a writer waits for another one
APPLICATION = 0x656D6F74  # "emot": marks our SQLite files, and names our lock in PostgreSQL


def store_url(url: str | Path) -> URL:
    """The URL of a store; a bare path means a SQLite file.

    Raises:
        StoreError: neither sqlite:///FILE nor postgresql://….
    """
    text = str(url)
    if "://" not in text:
        return URL.create("sqlite", database=text)
    try:
        parsed = make_url(text)
        backend = {"postgres": "postgresql"}.get(parsed.drivername, parsed.get_backend_name())
    except ArgumentError:
        raise StoreError(f"{text!r} is no store URL: wanted a file, sqlite:///FILE or postgresql://…") from None
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and parsed.database in (None, "", ":memory:")):
        shown = parsed.render_as_string(hide_password=True)
        raise StoreError(f"{shown!r} is no store URL: wanted a file, sqlite:///FILE or postgresql://…")
    return parsed.set(drivername=backend)


class Connection:
    """A connection in a transaction, which ends with `commit`; closing without it undoes everything since.

    SQLite is spoken to by ADBC's library alone: two SQLite libraries in one process would drop each other's locks.

    Raises:
        StoreError: the file or the server cannot be opened.
    """

    def __init__(self, url: URL) -> None:
        self.sqlite = url.drivername == "sqlite"
        self.name = url.database if self.sqlite else url.render_as_string(hide_password=True)
        with self._errors("cannot be opened"):
            self._adbc = _connect(url)
            self._cursor = self._adbc.cursor()
        try:
            for pragma in _PRAGMAS if self.sqlite else ():
                self.execute(f"PRAGMA {pragma}")
        except StoreError:
            self.close()
            raise

    def __enter__(self) -> "Connection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Undo what was not committed, and go."""
        with self._errors("cannot be closed"):
            self._cursor.close()
            self._adbc.close()

    def commit(self) -> None:
        """Make everything since the last commit last."""
        with self._errors("cannot be written"):
            self._adbc.commit()

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """One statement, with `?` (SQLite) or `$1` (PostgreSQL) for parameters, see `mark`."""
        with self._errors("cannot be read or written"):
            self._cursor.execute(sql, tuple(parameters) or None)
            self._cursor.fetchall()

    def change(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """One statement that changes rows; returns how many."""
        if self.sqlite:
            self.execute(sql, parameters)
            return self.number("SELECT changes()")
        counted = f"WITH changed AS ({sql} RETURNING 1) SELECT count(*) FROM changed"
        return int(self.rows(counted, parameters)[0][0])

    def insert(self, sql: str) -> int:
        """An INSERT … SELECT …; rows whose key is there already are left out. Returns how many were new."""
        condition = "" if " WHERE " in sql else " WHERE true"  # SQLite wants one before ON CONFLICT
        return self.change(f"{sql}{condition} ON CONFLICT DO NOTHING")

    def by_index(self, name: str) -> str:
        """Behind a table in FROM: SQLite, which knows nothing of a new table's sizes, must read it by this index."""
        return f"INDEXED BY {name}" if self.sqlite else ""

    def mark(self, number: int) -> str:
        """The placeholder of the parameter of that number, from 1."""
        return "?" if self.sqlite else f"${number}"

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The few rows of a query."""
        with self._errors("cannot be read"):
            self._cursor.execute(sql, tuple(parameters) or None)
            return [tuple(row) for row in self._cursor.fetchall()]

    def lock(self) -> None:
        """Become the only writer until the transaction ends, waiting for others; it must not have read before."""
        sqlite, postgresql = f"PRAGMA application_id = {APPLICATION}", f"SELECT pg_advisory_xact_lock({APPLICATION})"
        self.execute(sqlite if self.sqlite else postgresql)

    def number(self, sql: str) -> int:
        """The one number of a query."""
        return int(self.rows(sql)[0][0])

    def frame(self, columns: Types, source: str, parameters: Sequence[object] = ()) -> pl.DataFrame:
        """Many rows by Arrow.

        Args:
            columns: the columns wanted with the types they have in the database (String, Int64, Float64).
            source: what follows FROM.
            parameters: of its placeholders, see `mark`.
        """
        # SQLite's columns have no fixed type and the driver guesses from the first rows: give it one that tells
        examples = ", ".join(f"{_EXAMPLES[str(dtype)]} AS {name}" for name, dtype in columns.items())
        sql = f"SELECT {', '.join(columns)} FROM {source}"
        with self._errors("cannot be read"):
            self._cursor.execute(
                f"SELECT {examples} UNION ALL {sql}" if self.sqlite else sql, tuple(parameters) or None
            )
            frame = pl.DataFrame(self._cursor.fetch_arrow_table())
        return (frame[1:] if self.sqlite else frame).cast(pl.Schema(columns))

    def stage(self, name: str, frame: pl.DataFrame) -> None:
        """A temporary table with the rows of a frame; one of that name is replaced."""
        self.execute(f"DROP TABLE IF EXISTS {name}")
        with self._errors("cannot be written"):
            arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            self._cursor.adbc_ingest(name, arrow, mode="create", temporary=True)
        if not self.sqlite:
            self.execute(f"ANALYZE {name}")

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except adbc_driver_manager.Error as error:
            raise StoreError(f"the store {self.name} {what}: {_line(error)}") from error


def write_ahead(url: URL) -> None:
    """Let readers of a SQLite file work while somebody writes (WAL); the file remembers it."""
    alone(url, ["PRAGMA journal_mode=WAL"])


def alone(url: URL, statements: Sequence[str]) -> None:
    """Statements that want no transaction around them.

    Raises:
        StoreError: one of them failed.
    """
    sqlite = url.drivername == "sqlite"
    try:
        with _connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in (*(f"PRAGMA {pragma}" for pragma in _PRAGMAS if sqlite), *statements):
                cursor.execute(statement)
                cursor.fetchall()
    except adbc_driver_manager.Error as error:
        shown = url.database if sqlite else url.render_as_string(hide_password=True)
        raise StoreError(f"the store {shown} cannot be written: {_line(error)}") from error


_PRAGMAS = (f"busy_timeout={WAIT * 1000}", "cache_size=-1000000", "temp_store=MEMORY")
_EXAMPLES = {"String": "''", "Int64": "0", "Float64": "0.0"}


def _connect(url: URL, autocommit: bool = False) -> Any:
    """The driver's connection, in a transaction or in none."""
    if url.drivername == "sqlite":
        import adbc_driver_sqlite.dbapi as sqlite

        return sqlite.connect(url.database, autocommit=autocommit)
    try:
        import adbc_driver_postgresql.dbapi as postgresql
    except ImportError:
        raise StoreError("a store in PostgreSQL wants the extra: pip install 'emotide[postgres]'") from None
    return postgresql.connect(url.render_as_string(hide_password=False), autocommit=autocommit)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
