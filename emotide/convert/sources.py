"""Published tables are read as they lie: plain or gzipped, every column checked before anything is made of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from emotide.errors import BadInput

Columns = Mapping[str, DataTypeClass]


def read_table(source: Path, name: str, columns: Columns, **csv: Any) -> pl.DataFrame:
    """One table of a published set, with exactly the columns asked for and a row number for messages and order.

    Args:
        source: the folder of the set, or for a set of one file also that file.
        name: of the file in the folder; `name.gz` is read as well.
        columns: name -> type of what is wanted. A name that ends in `?` may be absent, or empty in some rows.
        csv: what `polars.read_csv` should know of the form (separator, header …).

    Raises:
        BadInput: the file or a column is missing, a value is empty or is not of its type; it says where.
    """
    file = find(source, name)
    try:
        rows = pl.read_csv(file, infer_schema=False, **csv)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read as a table: {str(error).splitlines()[0]}", file) from error
    wanted = {column.removesuffix("?"): kind for column, kind in columns.items()}
    for column in wanted:
        if column not in rows.columns:
            if f"{column}?" not in columns:
                raise BadInput(f"is missing; the file has {', '.join(rows.columns)}", file, column=column)
            rows = rows.with_columns(pl.lit(None, pl.String).alias(column))
    rows = rows.select(pl.when(pl.col(column) != "").then(pl.col(column)).alias(column) for column in wanted)
    typed = rows.select(_typed(column, kind) for column, kind in wanted.items())
    for column in wanted:
        wrong = typed[column].is_null() if column in columns else typed[column].is_null() & rows[column].is_not_null()
        if wrong.any():
            row = int(wrong.arg_true()[0])
            came = rows[column][row]
            reason = "is empty" if came is None else f"{came!r} is not {_WANTED[wanted[column]]}"
            raise BadInput(reason, file, row + 1, column)
    return typed.with_row_index("row")


def find(source: Path, *names: str) -> Path:
    """The first of these files, plain or gzipped, in the folder `source`; or `source` itself where it is a file."""
    if source.is_file():
        return source
    for file in (source / f"{name}{ending}" for name in names for ending in ("", ".gz")):
        if file.is_file():
            return file
    raise BadInput("no such file (nor with .gz)", source / names[0])


def holds(source: Path, name: str) -> bool:
    """Whether the folder has this file, plain or gzipped."""
    return any((source / file).is_file() for file in (name, f"{name}.gz"))


_WANTED: dict[DataTypeClass, str] = {
    pl.Int64: "a whole number",
    pl.Float64: "a number",
    pl.Datetime: "a date and time",
    pl.Date: "a date",
}


def _typed(column: str, kind: DataTypeClass) -> pl.Expr:
    value = pl.col(column)
    if kind is pl.Datetime:
        # With or without seconds, with T or a space, and in UTC where no zone is written (DESIGN 4).
        text = value.str.replace(" ", "T").str.strip_suffix("Z")
        forms = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
        return pl.coalesce(text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in forms)
    if kind is pl.Date:
        return value.str.to_date("%Y-%m-%d", strict=False)
    return value.cast(kind, strict=False)
