"""A file of a log goes into the store: in batches, in one transaction, each row once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl

from emotide.log import (
    ROW,
    Header,
    Pseudonyms,
    RejectFile,
    Scan,
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
from emotide.store.audit import note
from emotide.store.connection import Connection
from emotide.store.consent import NO_CONSENT, Refusals, erase_refused
from emotide.store.erase import REASON, Erased, Tombstones
from emotide.store.loose import loose_rows
from emotide.store.writing import held_otherwise, write

Progress = Callable[[int, int, str], None]
"""(rows done, rows in all, what is read now); the number in all is an estimate for text files."""


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
        erased: whose consent the log withdraws: their ids, and what of them was in the store.
    """

    files: list[FileReport] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    erased: list[tuple[str, Erased]] = field(default_factory=list)

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
    pseudonyms: Pseudonyms | None = None,
) -> IngestReport:
    """Read a log into the store; see `Store.ingest`."""
    folder = rejects or source.resolve().parent / f"{source.resolve().name}.rejects"
    with open_source(source, read_mapping(mapping) if mapping else None) as files:
        # every header and every line length is looked at before the first row is written
        scans = [scan(file.path, file.name, file.format != ".parquet") for file in files]
        plans = [(file, read_header(file), found) for file, found in zip(files, scans, strict=True)]
        total = sum(count_rows(file, found) for file, _, found in plans)
        kept = {file.table.name: RejectFile(folder, file.table.name) for file in files}
        reports, erased = list[FileReport](), list[tuple[str, Erased]]()
        for file, header, found in plans:
            done = sum(report.rows for report in reports)
            tell = _teller(progress, done, total, file.name)
            with connect() as connection:
                one = _FileIngest(connection, file, header, found, kept[file.table.name], pseudonyms)
                reports.append(one.run(tell))
                erased += one.erased
        with connect() as connection:
            return IngestReport(reports, loose_rows(connection), erased)


def _teller(progress: Progress | None, done: int, total: int, name: str) -> Callable[[int], None]:
    def tell(rows: int) -> None:
        if progress:
            progress(done + rows, max(total, done + rows), name)

    return tell


class _FileIngest:
    """One file, one transaction."""

    def __init__(
        self,
        connection: Connection,
        file: TableFile,
        header: Header,
        found: Scan,
        rejects: RejectFile,
        pseudonyms: Pseudonyms | None,
    ) -> None:
        self.connection, self.file, self.header, self.scan, self.rejects = connection, file, header, found, rejects
        self.pseudonyms, self.erased = pseudonyms, list[tuple[str, Erased]]()
        self.rows = self.new = self.rejected = self.derived = self.moved = 0
        self.lost: dict[str, int] = {}  # column of files -> rows that are kept without theirs

    def run(self, tell: Callable[[int], None]) -> FileReport:
        """Read, check, write, commit."""
        connection, table = self.connection, self.file.table
        connection.execute("UPDATE state SET digest = digest")  # writers wait here for each other
        dimensions: list[str] | None = None
        graves, refusals = Tombstones(connection), Refusals(connection)
        tell(0)
        for batch in read_batches(self.file, self.scan, self.header.wanted(table)):
            if dimensions is None:
                dimensions = dimensions_in(table, self.header, batch.rows)
            rows, rejects = check(self.file, self.header, dimensions, batch)
            if self.pseudonyms is not None:
                rows, rejects = self.pseudonyms.rows(rows, table), rejects.with_columns(value=pl.lit(None, pl.String))
            for out, reason in ((graves, REASON), (refusals, NO_CONSENT)):
                rows, away = out.turned_away(rows, table)
                if not away.is_empty():  # not even the id is quoted
                    reasons = pl.repeat(reason, len(away), eager=True)
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
        if table.name == "people" and self.new:
            self.erased = erase_refused(connection)
            gone = sum(sum(done.rows.values()) for _, done in self.erased)
            note(connection, "consent", {"new": self.new, "people": len(self.erased), "rows": gone})
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
        table, done = self.file.table, write(self.connection, self.file.table, rows)
        self.new, self.derived, self.moved = self.new + done.new, self.derived + done.derived, self.moved + done.moved
        wrong = rows.filter(pl.col(ROW).is_in(done.refused.implode()))
        key = wrong.select(pl.concat_str(pl.col(table.key).cast(pl.String), separator=" ")).to_series()
        reasons = pl.repeat(held_otherwise(table), len(wrong), eager=True)
        return reject_rows(self.file.name, wrong[ROW], None, key, reasons)

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
