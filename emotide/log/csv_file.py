"""CSV in blocks; a row of the wrong length, or that is no UTF-8, is a reject and the rest goes on."""

import csv
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

from emotide.errors import BadInput
from emotide.log.batch import ROW, Batch, as_shown, numbered, unread
from emotide.log.rejects import no_rejects, reject_rows
from emotide.log.scan import Scan
from emotide.log.sources import TableFile

CSV_BLOCK = 32 << 20  # bytes parsed at once; some 500,000 rows of interactions


def csv_header(file: TableFile) -> list[str]:
    """The names in the first line that is not blank."""
    with file.path.open("rb") as lines:
        line = next((line for line in lines if line.strip()), b"")
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"the header is no line of UTF-8 text with commas between ({error})", file.name) from error


def _open_csv(file: TableFile, columns: list[str], on_bad_row: Callable[[Any], str]) -> Any:
    return pc.open_csv(
        file.path,
        read_options=pc.ReadOptions(use_threads=False, block_size=CSV_BLOCK),
        parse_options=pc.ParseOptions(newlines_in_values=True, invalid_row_handler=on_bad_row),
        convert_options=pc.ConvertOptions(
            column_types={name: pa.binary() for name in columns}, include_columns=columns, strings_can_be_null=False
        ),
    )


def read_csv(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    """The rows, block by block."""
    ragged: list[tuple[int, str, str]] = []

    def on_bad_row(row: Any) -> str:
        reason = f"{row.actual_columns} fields, wanted {row.expected_columns}"
        if "\n" in row.text and not scan.quotes_pair:
            reason += "; a quotation mark opens and never closes"
        ragged.append((row.number - 1, row.text, reason))  # the reader counts the header
        return "skip"

    done = told = 0
    if not csv_header(file):
        return
    try:
        with _open_csv(file, columns, on_bad_row) as reader:
            blocks = iter(reader)
            block = next(blocks, None)
            while block is not None:
                rows = numbered(pl.DataFrame(pa.Table.from_batches([block])), done, [row[0] for row in ragged])
                done = done if rows.is_empty() else int(rows[ROW][-1])
                following = next(blocks, None)
                rows, rejects = _decoded(file.name, rows)
                if following is None and not scan.quotes_pair:
                    rows, swallowing = _closed(file.name, rows)
                    rejects = pl.concat([rejects, swallowing])
                yield Batch(rows, pl.concat([unread(file.name, ragged[told:]), rejects]))
                told, block = len(ragged), following
    except pa.ArrowInvalid as error:
        raise BadInput(f"is broken after row {done}: {_csv_fault(error)}", file.name) from error
    if ragged[told:]:
        nothing = pl.DataFrame(schema={ROW: pl.Int64, **dict.fromkeys(columns, pl.String)})
        yield Batch(nothing, unread(file.name, ragged[told:]))


def _csv_fault(error: Exception) -> str:
    if "straddling" in str(error):
        return f"a row of more than {CSV_BLOCK >> 20} MB; a quotation mark may open and never close"
    return str(error)


def _closed(name: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Turn away the last row of a file whose quotes do not pair, when it runs over several lines."""
    last = rows.tail(1)
    shown = last.select(pl.concat_str(pl.all().exclude(ROW), separator=",", ignore_nulls=True)).to_series()
    if not shown.str.contains("\n").any():
        return rows, no_rejects()
    reason = pl.Series(["a quotation mark opens and never closes"])
    return rows[:-1], reject_rows(name, last[ROW], None, shown, reason)


def _decoded(name: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bytes as text; a row with bytes that are no UTF-8 is rejected."""
    rejects, bad = [no_rejects()], pl.repeat(False, len(rows), eager=True)
    columns = {ROW: rows[ROW]}
    for column in rows.drop(ROW):
        try:
            text = column.cast(pl.String)
        except pl.exceptions.ComputeError:  # some value is no UTF-8: look at each
            text = column.map_elements(_text_or_none, return_dtype=pl.String)
            wrong = text.is_null() & column.is_not_null()
            shown = column.filter(wrong).map_elements(as_shown, return_dtype=pl.String)
            reason = pl.repeat("is not UTF-8", len(shown), eager=True)
            rejects.append(reject_rows(name, rows[ROW].filter(wrong), column.name, shown, reason))
            bad = bad | wrong
        columns[column.name] = text
    return pl.DataFrame(columns).filter(~bad), pl.concat(rejects)


def _text_or_none(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
