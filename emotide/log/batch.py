"""Some rows of a file, numbered, as they were written."""

from dataclasses import dataclass

import polars as pl

from emotide.log.rejects import no_rejects, reject_rows

ROW = "row"  # the column that numbers the rows of a batch, from 1 without the header
BATCH_ROWS = 250_000


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        rows: the column `row` (Int64) and the file's columns: text, or as Parquet typed them; "" is null.
        rejects: the rows that could not even be read.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def numbered(rows: pl.DataFrame, done: int, skipped: list[int]) -> pl.DataFrame:
    """The rows with their numbers, which go on after `done` and leave out those that were skipped."""
    later = [number for number in skipped if number > done]
    numbers = pl.int_range(done + 1, done + len(rows) + len(later) + 1, dtype=pl.Int64, eager=True)
    kept = numbers.filter(~numbers.is_in(later)) if later else numbers
    return rows.insert_column(0, kept[: len(rows)].alias(ROW))


def unread(name: str, rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    """Rejects of whole rows: number, text and reason of each."""
    if not rows:
        return no_rejects()
    numbers, texts, reasons = zip(*rows, strict=True)
    return reject_rows(name, pl.Series(numbers), None, pl.Series(texts), pl.Series(reasons))


def as_shown(value: bytes) -> str:
    """Bytes that are perhaps no text, for a message."""
    return value.decode("utf-8", "backslashreplace")
