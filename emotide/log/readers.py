"""CSV, JSONL and Parquet become batches of Polars frames: numbered rows, columns still as they were written.

A file is read in pieces, so memory does not grow with it; a row that cannot be read is a reject and the rest goes on.
"""

from collections.abc import Callable, Iterator

from emotide.errors import BadInput
from emotide.log.batch import Batch
from emotide.log.csv_file import csv_header, read_csv
from emotide.log.jsonl_file import jsonl_header, read_jsonl
from emotide.log.parquet_file import parquet_header, parquet_rows, read_parquet
from emotide.log.scan import Scan
from emotide.log.sources import TableFile


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
    return parquet_rows(file) if file.format == ".parquet" else scan.lines


_HEADERS: dict[str, Callable[[TableFile], list[str]]] = {
    ".csv": csv_header,
    ".jsonl": jsonl_header,
    ".parquet": parquet_header,
}
_READERS: dict[str, Callable[[TableFile, Scan, list[str]], Iterator[Batch]]] = {
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
}
