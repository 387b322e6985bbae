"""Parquet in batches; times and numbers keep their type."""

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from emotide.errors import BadInput
from emotide.log.batch import BATCH_ROWS, ROW, Batch, numbered
from emotide.log.rejects import no_rejects
from emotide.log.scan import Scan
from emotide.log.sources import TableFile

MAX_ROWS = 1_000_000_000  # a few bytes may claim any number


def parquet_header(file: TableFile) -> list[str]:
    """The names in the schema."""
    return list(_parquet(file).schema_arrow.names)


def parquet_rows(file: TableFile) -> int:
    """The number of rows."""
    return int(_parquet(file).metadata.num_rows)


def _parquet(file: TableFile) -> Any:
    try:
        parquet = pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"is no Parquet that can be read ({error})", file.name) from error
    if parquet.metadata.num_rows > MAX_ROWS:
        raise BadInput(f"claims {parquet.metadata.num_rows} rows, more than {MAX_ROWS}", file.name)
    return parquet


def read_parquet(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    """The rows, BATCH_ROWS at a time."""
    done = 0
    try:
        for block in _parquet(file).iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            rows = numbered(pl.DataFrame(pa.Table.from_batches([block])), done, [])
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
