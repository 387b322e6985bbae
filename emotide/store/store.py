"""The store: a social log behind one URL, a SQLite file or a PostgreSQL server."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy.engine import URL

from emotide.errors import StoreError, UnknownName
from emotide.log import TABLES, TIME, Pseudonyms, Types
from emotide.store.audit import note, trail
from emotide.store.connection import Connection, alone, store_url, write_ahead
from emotide.store.erase import Erased, Tombstones, compacted, erase
from emotide.store.ingest import IngestReport, Progress, ingest
from emotide.store.migrate import migrate
from emotide.store.retain import Retained, retain
from emotide.store.tokens import TokenTable
from emotide.store.writing import from_database

Piece = tuple[tuple[str, str] | None, tuple[str, str] | None]  # from this key to before that one


class Store:
    """A social log, kept. Open one with `Store.open`.

    It holds no connection between calls, so it may be shared by threads and sent to other processes.
    """

    def __init__(self, url: URL) -> None:
        self._url = url

    @classmethod
    def open(cls, url: str | Path, create: bool = True) -> "Store":
        """The store at a URL, created when absent, brought up to date when older.

        Args:
            url: a path (a SQLite file), sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/DATABASE.
            create: whether a new one may be made.

        Raises:
            StoreError: no such URL, file or server; not a store; or one of a newer version.
        """
        parsed = store_url(url)
        if parsed.drivername == "sqlite":
            file = Path(str(parsed.database))
            if not file.exists() and not create:
                raise StoreError(f"there is no store at {file}: ingest a log first")
            if not file.parent.is_dir() or file.is_dir():
                raise StoreError(f"{file} cannot be a store: its folder is missing, or it is a folder itself")
        with Connection(parsed) as connection:
            migrate(connection, create)
        if parsed.drivername == "sqlite":
            write_ahead(parsed)
        return cls(parsed)

    @property
    def url(self) -> str:
        """Where it is; a password is not shown."""
        return self._url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite store."""
        return Path(str(self._url.database)) if self._url.drivername == "sqlite" else None

    @property
    def tokens(self) -> TokenTable:
        """Who may ask the service for what."""
        return TokenTable(self._url)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def __getstate__(self) -> dict[str, URL]:
        """Another process may stand in another folder."""
        return {"_url": self._url if self.file is None else self._url.set(database=str(self.file.resolve()))}

    def ingest(
        self,
        source: str | Path,
        mapping: str | Path | None = None,
        rejects: str | Path | None = None,
        progress: Progress | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> IngestReport:
        """Read a log into the store: each file wholly or not at all, each row once, however often it comes.

        Args:
            source: a folder, a zip of one, or one table's file.
            mapping: a TOML file that names the files and columns of a foreign log.
            rejects: the folder for rejected rows; `<source>.rejects` beside the source when None.
            progress: called with rows done, rows in all (an estimate), and the file.
            pseudonyms: what stands in the place of everybody's ids; rejected rows then quote no value.

        What the table `people` says about consent holds at once: those who say no are erased, and stay out.

        Raises:
            BadInput: a file as a whole cannot be read; files before it have been ingested.
            StoreError: the store cannot be written.
        """
        report = ingest(
            self.connect,
            Path(source),
            None if mapping is None else Path(mapping),
            None if rejects is None else Path(rejects),
            progress,
            pseudonyms,
        )
        if report.erased:
            self._compact()
        return report

    def table(self, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """A whole table, in any order of rows.

        Args:
            name: one of the contract's tables.
            columns: those wanted; all when None.

        Returns:
            Text, Float64 and Datetime("us", "UTC"); absent is null, in network and post_id "".

        Raises:
            UnknownName: no such table or column.
        """
        kept = _kept(name, columns)
        with self.connect() as connection:
            return from_database(connection.frame(kept, name), TABLES[name])

    def pieces(self, name: str, rows: int) -> list[Piece]:
        """A table cut into ranges of its key's first two columns, of about so many rows each (more under one key).

        Together they hold every key there may be, so that what is written meanwhile lies in one of them too.
        """
        keys = ", ".join(TABLES[name].key[:2])
        before = f"CAST(sum(count(*)) OVER (ORDER BY {keys}) AS bigint) - count(*)"
        number = f"number / {rows}"
        found = f"""SELECT {keys} FROM (
            SELECT {keys}, {number} AS here, lag({number}) OVER (ORDER BY {keys}) AS last
            FROM (SELECT {keys}, {before} AS number FROM {name} GROUP BY {keys}) AS held
        ) AS numbered WHERE here > last ORDER BY {keys}"""
        with self.connect() as connection:
            begins = [(str(first), str(second)) for first, second in connection.rows(found)]
        return list(zip([None, *begins], [*begins, None], strict=True))

    def piece(self, name: str, columns: Sequence[str], piece: Piece) -> pl.DataFrame:
        """Some columns of a piece of a table, in any order of rows; see `pieces` and `table`."""
        with self.connect() as connection:
            keys, marks = ", ".join(TABLES[name].key[:2]), [connection.mark(number) for number in range(1, 5)]
            ends = [(sign, end) for sign, end in zip((">=", "<"), piece, strict=True) if end is not None]
            within = [f"({keys}) {sign} ({marks[2 * k]}, {marks[2 * k + 1]})" for k, (sign, _) in enumerate(ends)]
            where = f"{name} WHERE {' AND '.join(within)}" if within else name
            values = [value for _, end in ends for value in end]
            return from_database(connection.frame(_kept(name, columns), where, values), TABLES[name])

    def counts(self) -> dict[str, int]:
        """The number of rows of every table of what people did."""
        with self.connect() as connection:
            return {name: connection.number(f"SELECT count(*) FROM {name}") for name in TABLES if name != "people"}

    def label_counts(self) -> list[tuple[str, str, int]]:
        """Space, category ("" where there are coordinates alone) and number of labels, sorted."""
        with self.connect() as connection:
            found = connection.rows("SELECT space, category, count(*) FROM labels GROUP BY space, category")
        return sorted((str(space), str(category), int(n)) for space, category, n in found)

    def networks(self) -> list[str]:
        """The names of all networks, sorted."""
        with self.connect() as connection:
            return sorted(str(row[0]) for row in connection.rows("SELECT DISTINCT network FROM users"))

    def spaces(self) -> dict[str, str]:
        """The emotion spaces that came with the log: name to the text of its TOML file."""
        with self.connect() as connection:
            return {str(name): str(text) for name, text in connection.rows("SELECT name, definition FROM spaces")}

    def keep_space(self, name: str, definition: str) -> None:
        """Keep an emotion space beside the log; one of the same name is replaced."""
        with self.connect() as connection:
            connection.lock()
            connection.execute(f"DELETE FROM spaces WHERE name = {connection.mark(1)}", [name])
            connection.execute(
                f"INSERT INTO spaces VALUES ({connection.mark(1)}, {connection.mark(2)})", [name, definition]
            )
            connection.commit()

    def digest(self) -> str:
        """A digest of all that was ingested, in its order: equal as long as nothing changes; "" when empty."""
        with self.connect() as connection:
            return str(connection.rows("SELECT digest FROM state")[0][0])

    def forget(self, user: str) -> Erased:
        """Erase a person: their rows, their name in the texts and answers of others, and the pages all this stood on.

        A tombstone, a salted digest, keeps rows that name them from coming in again. What lies outside the store is
        not touched: source files, reject files, media, backups, a server's own logs.

        Raises:
            UnknownName: nobody of this id is or was here.
            StoreError: the store cannot be written.
        """
        with self.connect() as connection:
            connection.lock()
            mark = connection.mark(1)
            known = connection.rows(f"SELECT 1 FROM users WHERE user_id = {mark}", [user])
            graves = Tombstones(connection)
            if not known and graves.digest(user) not in graves.digests:
                ids = connection.rows("SELECT DISTINCT user_id FROM users")
                raise UnknownName("user", user, [str(row[0]) for row in ids])
            done = erase(connection, user)
            note(connection, "forget", {"person": Tombstones(connection).digest(user), "rows": done.rows})
            connection.commit()
        self._compact()
        return done

    def retain(self, before: datetime, really: bool = False) -> Retained:
        """What is older than an instant: counted, and erased if `really`; see `emotide.store.retain`.

        Raises:
            StoreError: the store cannot be written.
        """
        with self.connect() as connection:
            connection.lock()
            done = retain(connection, before)
            if not really:
                return done
            note(connection, "retain", {"before": before.isoformat(), "rows": done.rows})
            connection.commit()
        self._compact()
        return done

    def note(self, what: str, about: Mapping[str, Any] | None = None, who: str | None = None) -> str:
        """A line of the audit trail: what was done, and about what; returns the trail's new head.

        Args:
            what: forget, retain, consent, token, swap, export …
            about: plain values; no id of a person.
            who: whose doing; the user of this process by default.
        """
        with self.connect() as connection:
            connection.lock()
            head = note(connection, what, about or {}, who)
            connection.commit()
        return head

    def audit(self) -> pl.DataFrame:
        """The audit trail: number, time, who, what, about (JSON), chain; in order."""
        with self.connect() as connection:
            return trail(connection)

    def _compact(self) -> None:
        alone(self._url, compacted([*TABLES, "users", "mentions", "journal"], self._url.drivername == "sqlite"))

    def connect(self) -> Connection:
        """A connection in a transaction of its own.

        Raises:
            StoreError: the file or the server cannot be opened.
        """
        return Connection(self._url)


def _kept(name: str, columns: Sequence[str] | None) -> Types:
    """The columns wanted of a table (all when None), with the types that the database holds.

    Raises:
        UnknownName: no such table or column.
    """
    if name not in TABLES:
        raise UnknownName("table", name, TABLES)
    table = TABLES[name]
    for column in columns or []:
        if column not in table.names:
            raise UnknownName(f"column of {name}", column, table.names)
    wanted = table.names if columns is None else columns
    return {column: pl.Int64() if table.schema[column] == TIME else table.schema[column] for column in wanted}
