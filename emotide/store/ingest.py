"""A file of a log goes into the store: in batches, in one transaction, each row once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl

from emotide.log import (
    ROW,
    TIME,
    Header,
    Kind,
    RejectFile,
    Scan,
    Table,
    TableFile,
    are_kept,
    check,
    count_rows,
    dimensions_in,
    open_source,
    read_batches,
    read_header,
    read_mapping,
    reject_rows,
    scan,
    unknown_columns,
)
from emotide.store.connection import Connection
from emotide.store.derive import derive, know_users
from emotide.store.erase import REASON, Tombstones
from emotide.store.loose import loose_rows
from emotide.store.schema import KEPT_EMPTY, SINCE_EVER

Progress = Callable[[int, int, str], None]
"""(rows done, rows in all, what is read now); the number in all is an estimate for text files."""

STAGE = "stage"
NUMBER = "file_row"  # `row` is a word of SQL


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Attributes:
        rows: read; = new + there + rejected.
        there: rows that the store (or an earlier line of the file) held already.
        derived: interactions that its rows brought about: replies and mentions.
        reject_file: where the rejected rows are kept; None when there are none.
        warnings: one line each, such as a column that was ignored.
    """

    file: str
    table: str
    rows: int
    new: int
    there: int
    rejected: int
    derived: int
    reject_file: Path | None
    warnings: list[str]


@dataclass(frozen=True)
class IngestReport:
    """What became of a log, file by file.

    Attributes:
        loose: a line for each kind of rows in the store that point at nothing.
    """

    files: list[FileReport] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    @property
    def new(self) -> int:
        """Rows that the store did not hold before."""
        return sum(file.new for file in self.files)

    @property
    def rejected(self) -> int:
        """Rows that were turned away."""
        return sum(file.rejected for file in self.files)

    @property
    def warnings(self) -> list[str]:
        """Every warning, in the order of the files, then what the store as a whole holds that points at nothing."""
        return [line for file in self.files for line in file.warnings] + self.loose


def ingest(
    connect: Callable[[], Connection],
    source: Path,
    mapping: Path | None,
    rejects: Path | None,
    progress: Progress | None,
) -> IngestReport:
    """Read a log into the store; see `Store.ingest`."""
    folder = rejects or source.resolve().parent / f"{source.resolve().name}.rejects"
    with open_source(source, read_mapping(mapping) if mapping else None) as files:
        # every header and every line length is looked at before the first row is written
        scans = [scan(file.path, file.name, file.format != ".parquet") for file in files]
        plans = [(file, read_header(file), found) for file, found in zip(files, scans, strict=True)]
        total = sum(count_rows(file, found) for file, _, found in plans)
        kept = {file.table.name: RejectFile(folder, file.table.name) for file in files}
        reports: list[FileReport] = []
        for file, header, found in plans:
            done = sum(report.rows for report in reports)
            tell = _teller(progress, done, total, file.name)
            with connect() as connection:
                reports.append(_FileIngest(connection, file, header, found, kept[file.table.name]).run(tell))
        with connect() as connection:
            return IngestReport(reports, loose_rows(connection))


def _teller(progress: Progress | None, done: int, total: int, name: str) -> Callable[[int], None]:
    def tell(rows: int) -> None:
        if progress:
            progress(done + rows, max(total, done + rows), name)

    return tell


class _FileIngest:
    """One file, one transaction."""

    def __init__(
        self, connection: Connection, file: TableFile, header: Header, found: Scan, rejects: RejectFile
    ) -> None:
        self.connection, self.file, self.header, self.scan, self.rejects = connection, file, header, found, rejects
        self.rows = self.new = self.rejected = self.derived = self.moved = 0
        self.lost: dict[str, int] = {}  # column of files -> rows that are kept without theirs

    def run(self, tell: Callable[[int], None]) -> FileReport:
        """Read, check, write, commit."""
        connection, table = self.connection, self.file.table
        connection.execute("UPDATE state SET digest = digest")  # writers wait here for each other
        dimensions: list[str] | None = None
        graves = Tombstones(connection)
        tell(0)
        for batch in read_batches(self.file, self.scan, self.header.wanted(table)):
            if dimensions is None:
                dimensions = dimensions_in(table, self.header, batch.rows)
            rows, rejects = check(self.file, self.header, dimensions, batch)
            rows, away = graves.turned_away(rows, table)
            if not away.is_empty():  # not even the id is quoted
                reasons = pl.repeat(REASON, len(away), eager=True)
                rejects = pl.concat([rejects, reject_rows(self.file.name, away[ROW], None, None, reasons)])
            if not rows.is_empty():
                rejects = pl.concat([rejects, self._write(rows)])
            self.rejects.write(rejects)
            kept = are_kept(rejects)
            self.rejected += rejects.filter(~kept)[ROW].n_unique()
            for column, count in rejects.filter(kept).group_by("column").len().iter_rows():
                self.lost[column] = self.lost.get(column, 0) + count
            self.rows += len(batch.rows) + batch.rejects[ROW].n_unique()
            tell(self.rows)
        self._sign()
        connection.commit()
        return FileReport(
            file=self.file.name,
            table=table.name,
            rows=self.rows,
            new=self.new,
            there=self.rows - self.new - self.rejected,
            rejected=self.rejected,
            derived=self.derived,
            reject_file=self.rejects.path if self.rejected or self.lost else None,
            warnings=unknown_columns(self.file, self.header, dimensions or []) + self._lost(),
        )

    def _lost(self) -> list[str]:
        """A warning for each column of files of which some are not there."""
        file, where = self.file.name, self.rejects.path.name
        return [
            f"{file}: {count} rows are kept without their {column}, whose file is not there: see {where}"
            for column, count in sorted(self.lost.items())
        ]

    def _write(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Put one batch into its table; the rejects are rows of which the store already holds a different one."""
        connection, table = self.connection, self.file.table
        connection.stage(STAGE, in_database(rows, table))
        names = ", ".join(table.names)
        new = connection.insert(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {STAGE}")
        refused = self._refused() if new < len(rows) else pl.Series([], dtype=pl.Int64)
        kept = rows.filter(~pl.col(ROW).is_in(refused.implode())) if len(refused) else rows
        self.new += new
        know_users(connection, kept, table)
        self.derived += derive(connection, kept, table)
        wrong = rows.filter(pl.col(ROW).is_in(refused.implode()))
        key = wrong.select(pl.concat_str(pl.col(table.key).cast(pl.String), separator=" ")).to_series()
        reason = f"the store holds another row of the same {', '.join(table.key)}"
        return reject_rows(self.file.name, wrong[ROW], None, key, pl.repeat(reason, len(wrong), eager=True))

    def _refused(self) -> pl.Series:
        """The numbers of staged rows that differ from the stored row of their key; media that moved follow."""
        table = self.file.table
        paths = [column.name for column in table.columns if column.kind is Kind.PATH]
        values = [name for name in table.names if name not in table.key and name not in paths]
        same = " AND ".join(f"t.{name} = s.{name}" for name in table.key)
        differs = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in values) or "1 = 0"
        if paths:
            moved = " OR ".join(f"t.{name} IS DISTINCT FROM s.{name}" for name in paths)
            places = ", ".join(f"{name} = s.{name}" for name in paths)
            where = f"{same} AND NOT ({differs}) AND ({moved})"
            self.moved += self.connection.change(
                f"UPDATE {table.name} AS t SET {places} FROM {STAGE} AS s WHERE {where}"
            )
        refused = f"{STAGE} AS s JOIN {table.name} AS t ON {same} WHERE {differs}"
        return self.connection.frame({NUMBER: pl.Int64()}, refused).to_series()

    def _sign(self) -> None:
        """Note the file, and the store's new digest when anything changed."""
        connection, mark = self.connection, self.connection.mark
        now = int(datetime.now(UTC).timestamp() * 1_000_000)
        marks = ", ".join(mark(number) for number in range(1, 7))
        into = "INSERT INTO files (digest, table_name, name, rows, rejected, time)"
        connection.execute(
            f"{into} VALUES ({marks}) ON CONFLICT DO NOTHING",
            (self.scan.digest, self.file.table.name, self.file.name, self.rows, self.rejected, now),
        )
        if self.new or self.derived or self.moved:
            (before,) = connection.rows("SELECT digest FROM state")[0]
            changed = (self.file.table.name, self.file.mapping, self.new, self.derived, self.moved)
            told = f"{before} {self.scan.digest} {changed}"
            connection.execute(f"UPDATE state SET digest = {mark(1)}", (sha256(told.encode()).hexdigest(),))


def in_database(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows as the database holds them, in the order of the key (so that they are appended rather than scattered)."""
    times = [column.name for column in table.columns if column.kind is Kind.TIME]
    kept = rows.rename({ROW: NUMBER}).with_columns(pl.col(times).to_physical())
    return kept.with_columns(pl.col(name).fill_null(SINCE_EVER) for name in times if name in table.key).sort(table.key)


def from_database(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows as the contract says them: times are times, absent is null."""
    columns = [column for column in table.columns if column.name in rows.columns]
    times = [column.name for column in columns if column.kind is Kind.TIME]
    absent = [column.name for column in columns if column.default == "" and column.name not in KEPT_EMPTY]
    rows = rows.with_columns(pl.col(times).replace(SINCE_EVER, None).cast(TIME)) if times else rows
    return rows.with_columns(pl.col(absent).replace("", None)) if absent else rows
