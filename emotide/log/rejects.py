"""Rows that were turned away: file, row, column, value and reason of each, kept beside the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from emotide.errors import BadInput

SCHEMA = {"file": pl.String, "row": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}
WITHOUT = "; the row is kept without it"  # how the reason ends where a row lost a value, and is no reject
LONGEST_VALUE = 200  # characters of the value that are quoted


def reject_rows(
    file: str, rows: pl.Series, column: str | None, values: pl.Series | None, reasons: pl.Series
) -> pl.DataFrame:
    """One line of the reject file for every row.

    Args:
        file: the name of the table's file.
        rows: their numbers, from 1 without the header.
        column: the column that is wrong; None where the row as a whole is.
        values: what came, as text.
        reasons: what was wanted.
    """
    quoted = pl.Series([None] * len(rows), dtype=pl.String) if values is None else values.cast(pl.String, strict=False)
    return pl.DataFrame(
        {"row": rows.cast(pl.Int64), "value": quoted.str.slice(0, LONGEST_VALUE), "reason": reasons}
    ).select(pl.lit(file).alias("file"), "row", pl.lit(column, pl.String).alias("column"), "value", "reason")


def are_kept(rejects: pl.DataFrame) -> pl.Series:
    """Which lines are of rows that are kept, without the value that is quoted."""
    return rejects["reason"].str.ends_with(WITHOUT)


def no_rejects() -> pl.DataFrame:
    """A reject file's frame with nothing in it."""
    return pl.DataFrame(schema=SCHEMA)


class RejectFile:
    """`<table>.rejects.csv` in a folder; made when the first row is rejected, an old one of that name is removed."""

    def __init__(self, folder: Path, table: str) -> None:
        self.path = folder / f"{table}.rejects.csv"
        self.rows = 0
        self._written = False
        with self._told():
            if self.path.exists():
                self.path.unlink()

    def write(self, rejects: pl.DataFrame) -> None:
        """Append rejected rows, sorted by row.

        Raises:
            BadInput: the folder cannot be written to.
        """
        if rejects.is_empty():
            return
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as sink:
                rejects.sort("row", maintain_order=True).write_csv(sink, include_header=not self._written)
        self._written = True
        self.rows += rejects.filter(~are_kept(rejects))["row"].n_unique()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"rejected rows cannot be kept here ({error.strerror}); name another folder"
            raise BadInput(reason, self.path) from error
