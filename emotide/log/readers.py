"""CSV, JSONL and Parquet become batches of Polars frames: numbered rows, columns still as they were written.

A file is read in pieces, so memory does not grow with it; a row that cannot be read is a reject and the rest goes on.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from emotide.errors import BadInput
from emotide.log.rejects import no_rejects, reject_rows
from emotide.log.scan import LONGEST_LINE, Scan
from emotide.log.sources import TableFile

ROW = "row"  # the column that numbers the rows of a batch, from 1 without the header
CSV_BLOCK = 32 << 20  # bytes parsed at once; some 500,000 rows of interactions
BATCH_ROWS = 250_000
MAX_ROWS = 1_000_000_000  # of a Parquet file, whose few bytes may claim any number


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        rows: the column `row` (Int64) and the file's columns: text, or as Parquet typed them; "" is null.
        rejects: the rows that could not even be read.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def columns_of(file: TableFile) -> list[str]:
    """The names in the header (CSV), in the first objects (JSONL) or in the schema (Parquet).

    Raises:
        BadInput: there is none, a name comes twice, or the file is damaged.
    """
    names = _HEADERS[file.format](file)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(f"column {twice[0]!r} comes twice", file.name)
    return names


def read_batches(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    """The rows of a file, piece by piece.

    Args:
        columns: those wanted, as the file names them.

    Raises:
        BadInput: the file as a whole is damaged.
    """
    return _READERS[file.format](file, scan, columns)


def count_rows(file: TableFile, scan: Scan) -> int:
    """How many rows the file holds, or for text somewhat more: for progress only."""
    return int(pq.ParquetFile(file.path).metadata.num_rows) if file.format == ".parquet" else scan.lines


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv_header(file: TableFile) -> list[str]:
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


def _read_csv(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    ragged: list[tuple[int, str, str]] = []

    def on_bad_row(row: Any) -> str:
        reason = f"{row.actual_columns} fields, wanted {row.expected_columns}"
        if "\n" in row.text and not scan.quotes_pair:
            reason += "; a quotation mark opens and never closes"
        ragged.append((row.number - 1, row.text, reason))  # the reader counts the header
        return "skip"

    done = told = 0
    if not scan.lines:
        return
    try:
        with _open_csv(file, columns, on_bad_row) as reader:
            for block in reader:
                rows = _numbered(pl.DataFrame(pa.Table.from_batches([block])), done, [row[0] for row in ragged])
                rows, unreadable = _decoded(file.name, rows)
                yield Batch(rows, pl.concat([_unread(file.name, ragged[told:]), unreadable]))
                done, told = done if rows.is_empty() else int(rows[ROW][-1]), len(ragged)
    except pa.ArrowInvalid as error:
        raise BadInput(f"is broken after row {done}: {error}", file.name) from error
    if ragged[told:]:
        nothing = pl.DataFrame(schema={ROW: pl.Int64, **dict.fromkeys(columns, pl.String)})
        yield Batch(nothing, _unread(file.name, ragged[told:]))


def _numbered(rows: pl.DataFrame, done: int, skipped: list[int]) -> pl.DataFrame:
    """The rows with their numbers, which go on after `done` and leave out those that were skipped."""
    later = [number for number in skipped if number > done]
    numbers = pl.int_range(done + 1, done + len(rows) + len(later) + 1, dtype=pl.Int64, eager=True)
    kept = numbers.filter(~numbers.is_in(later)) if later else numbers
    return rows.insert_column(0, kept[: len(rows)].alias(ROW))


def _unread(name: str, rows: list[tuple[int, str, str]]) -> pl.DataFrame:
    if not rows:
        return no_rejects()
    numbers, texts, reasons = zip(*rows, strict=True)
    return reject_rows(name, pl.Series(numbers), None, pl.Series(texts), pl.Series(reasons))


def _decoded(name: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bytes as text; a row with bytes that are no UTF-8 is rejected."""
    rejects, bad = [no_rejects()], pl.repeat(False, len(rows), eager=True)
    columns = {ROW: rows[ROW]}
    for column in rows.drop(ROW):
        text = column.cast(pl.String, strict=False)
        if text.null_count() > column.null_count():
            wrong = text.is_null() & column.is_not_null()
            shown = column.filter(wrong).map_elements(_shown, return_dtype=pl.String)
            reason = pl.repeat("is not UTF-8", len(shown), eager=True)
            rejects.append(reject_rows(name, rows[ROW].filter(wrong), column.name, shown, reason))
            bad = bad | wrong
        columns[column.name] = text
    return pl.DataFrame(columns).filter(~bad), pl.concat(rejects)


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


# --- JSONL -----------------------------------------------------------------------------------------------------------


def _jsonl_header(file: TableFile) -> list[str]:
    """The names in the first thousand objects: a line may leave out what it does not have."""
    names: dict[str, None] = {}
    with file.path.open("rb") as lines:
        for line in islice(lines, 1000):
            value, _ = _object(line)
            names.update(dict.fromkeys(value))
    return list(names)


def _read_jsonl(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    with file.path.open("rb") as source:
        lines = enumerate(source, 1)
        while some := list(islice(lines, BATCH_ROWS)):
            numbers: list[int] = []
            cells: list[list[str | None]] = []
            bad: list[tuple[int, str, str]] = []
            for number, line in some:
                if line.isspace():
                    continue
                value, fault = _object(line)
                if fault:
                    bad.append((number, _shown(line[:LONGEST_LINE]), fault))
                else:
                    numbers.append(number)
                    cells.append([_cell(value.get(column)) for column in columns])
            frame = pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")
            yield Batch(frame.insert_column(0, pl.Series(ROW, numbers, dtype=pl.Int64)), _unread(file.name, bad))


def _object(line: bytes) -> tuple[dict[str, Any], str | None]:
    """The object of a line, or the reason why it holds none."""
    try:
        value = _DECODER.decode(line.decode("utf-8").removeprefix("\ufeff"))
        if b"\\u" in line:
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no text
    except UnicodeError:
        return {}, "is not UTF-8"
    except (ValueError, RecursionError) as error:
        return {}, f"is no JSON ({error})"
    return (value, None) if isinstance(value, dict) else ({}, f"is a {type(value).__name__}, wanted an object")


# numbers stay as they were written, so that no digit of an id or of a time is lost
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) and "," not in part for part in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)


# --- Parquet ---------------------------------------------------------------------------------------------------------


def _parquet(file: TableFile) -> Any:
    try:
        parquet = pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"is no Parquet that can be read ({error})", file.name) from error
    if parquet.metadata.num_rows > MAX_ROWS:
        raise BadInput(f"claims {parquet.metadata.num_rows} rows, more than {MAX_ROWS}", file.name)
    return parquet


def _read_parquet(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    done = 0
    try:
        for block in _parquet(file).iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            rows = _numbered(pl.DataFrame(pa.Table.from_batches([block])), done, [])
            yield Batch(rows.with_columns(_as_written(column) for column in rows.drop(ROW)), no_rejects())
            done += len(rows)
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        raise BadInput(f"is broken after row {done}: {error}", file.name) from error


def _as_written(column: pl.Series) -> pl.Series:
    """Times and numbers keep their type, everything else becomes text; lists of text are joined by commas."""
    dtype = column.dtype
    if dtype.is_numeric() or dtype.is_temporal() or dtype == pl.String:
        return column
    if isinstance(dtype, pl.List) and dtype.inner == pl.String:
        return column.list.join(",")
    if dtype in (pl.Categorical, pl.Enum, pl.Boolean, pl.Null):
        return column.cast(pl.String)
    return (
        column.map_elements(repr, return_dtype=pl.String)
        if dtype == pl.Binary
        else column.cast(pl.String, strict=False)
    )


_HEADERS: dict[str, Callable[[TableFile], list[str]]] = {
    ".csv": _csv_header,
    ".jsonl": _jsonl_header,
    ".parquet": lambda file: list(_parquet(file).schema_arrow.names),
}
_READERS: dict[str, Callable[[TableFile, Scan, list[str]], Iterator[Batch]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
