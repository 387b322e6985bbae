"""A batch as it was written becomes typed rows of the contract, and the rows that do not fit become rejects."""

import json
from dataclasses import dataclass

import polars as pl

from emotide.errors import BadInput
from emotide.log.batch import ROW, Batch
from emotide.log.mapping import near
from emotide.log.media import MISSING, Media, locate_media
from emotide.log.readers import columns_of
from emotide.log.rejects import WITHOUT, no_rejects, reject_rows
from emotide.log.sources import TableFile
from emotide.log.tables import DIMENSIONS, Column, Kind, Table
from emotide.log.times import WANTED, parse_times, time_faults

MAX_ID_BYTES = 400  # an index row of PostgreSQL holds 2,700 bytes, a key up to five ids


@dataclass(frozen=True)
class Header:
    """How the columns of one file are understood.

    Attributes:
        theirs: our name = the file's name, for every column of the contract that the file has.
        others: the file's columns that the contract does not have; in labels they may be dimensions.
        constants: columns with one value for all rows, by a mapping file.
    """

    theirs: dict[str, str]
    others: list[str]
    constants: dict[str, str]

    def wanted(self, table: Table) -> list[str]:
        """The columns to read."""
        return list(dict.fromkeys([*self.theirs.values(), *(self.others if table.name == "labels" else [])]))


def read_header(file: TableFile) -> Header:
    """Match a file's columns with the contract.

    Raises:
        BadInput: a required column is missing, or the mapping names one that the file does not have.
    """
    found = columns_of(file)
    named = dict(file.mapping.columns) if file.mapping else {}
    constants = {name: str(value) for name, value in file.mapping.constants.items()} if file.mapping else {}
    for ours, name in named.items():
        if found and name not in found:
            raise BadInput(
                f"the mapping takes {ours} from column {name!r}, which is not there{near(name, found)}", file.name
            )
    exact = {name.strip().lower(): name for name in reversed(found) if name not in named.values()}
    readable = [name for name in file.table.names if name != "dimensions"]
    # an object of JSONL may leave out what it does not have, so the first ones do not tell all names
    theirs = {name: named.get(name, exact.get(name, name if file.format == ".jsonl" else "")) for name in readable}
    theirs = {ours: name for ours, name in theirs.items() if name and ours not in constants}
    mapped = {ours: name for ours, name in named.items() if ours not in readable}
    missing = [name for name in file.table.required if theirs.get(name) not in found and name not in constants]
    if found and missing:
        close = near(missing[0], [name for name in found if name not in theirs.values()])
        told = f"required column {missing[0]!r} is missing{close}; found: {', '.join(found)}"
        other = file.format == ".csv" and any(mark in name for mark in ";\t" for name in found)
        raise BadInput(f"{told}; columns are separated by commas" if other else told, file.name)
    others = [name for name in found if name not in theirs.values() and name not in mapped.values()]
    if named:  # what a mapping leaves out is left out on purpose
        others = [name for name in others if name.lower() in DIMENSIONS]
    return Header({**theirs, **mapped}, others, constants)


def unknown_columns(file: TableFile, header: Header, dimensions: list[str]) -> list[str]:
    """One warning for every column that is ignored, with the name that was perhaps meant."""
    known = [name for name in file.table.names if name not in header.theirs]
    return [
        f"{file.name}: column {name!r} is not known and is ignored{near(name, known)}"
        for name in header.others
        if name not in dimensions
    ]


def dimensions_in(table: Table, header: Header, rows: pl.DataFrame) -> list[str]:
    """Which further columns of labels are dimensions: those of a known name, or that hold mostly numbers."""
    if table.name != "labels":
        return []
    mapped = [name for name in header.theirs if name not in table.names]
    return mapped + [name for name in header.others if name.lower() in DIMENSIONS or _mostly_numbers(rows[name])]


def check(file: TableFile, header: Header, dimensions: list[str], batch: Batch) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that fit, typed and complete, and the rejects.

    Returns:
        A frame of the table's schema with the column `row` first; a frame of rejects (the batch's own among them),
        with a line for each row that is kept without a file that is not there.
    """
    faults = _Faults(file.name, batch.rows[ROW])
    typed = {ROW: batch.rows[ROW]}
    for column in file.table.columns:
        values = _given(column, header, batch.rows)
        typed[column.name] = faults.typed(column, values, file.media)
    if dimensions:
        typed["dimensions"] = _as_json(
            {name: faults.number(name, batch.rows[header.theirs.get(name, name)]) for name in dimensions}
        )
    if file.table.name == "labels":
        none = (typed["category"] == "") & typed["dimensions"].is_null()
        faults.row(none, "has neither a category nor a dimension")
    rows = pl.DataFrame(typed, schema={ROW: pl.Int64, **file.table.schema})
    rows, rejects = _distinct(file, rows.filter(~faults.bad))
    return rows, pl.concat([batch.rejects, *faults.rejects, *faults.told_lost(), rejects])


def _given(column: Column, header: Header, rows: pl.DataFrame) -> pl.Series:
    if column.name in header.constants:
        return pl.repeat(header.constants[column.name], len(rows), dtype=pl.String, eager=True)
    if column.name not in header.theirs:
        return pl.repeat(None, len(rows), dtype=pl.String, eager=True)
    return rows[header.theirs[column.name]]


class _Faults:
    """Collects what is wrong with the rows of a batch while its columns are parsed."""

    def __init__(self, file: str, rows: pl.Series) -> None:
        self.file, self.rows = file, rows
        self.bad = pl.repeat(False, len(rows), eager=True)
        self.rejects = [no_rejects()]
        self.lost = [no_rejects()]  # values alone, not their rows

    def typed(self, column: Column, values: pl.Series, media: Media) -> pl.Series:
        """One column parsed; rows in which it is wrong are noted."""
        written = values if column.kind in (Kind.TIME, Kind.NUMBER) else _as_text(values)
        given = _blank_is_null(written, trim=column.kind is not Kind.TEXT)
        if column.required:
            self.note(column.name, given.is_null(), given, "is required")
        if column.kind is Kind.TIME:
            return self._time(column, given)
        if column.kind is Kind.NUMBER:
            return self.number(column.name, given, column.low, column.high)
        text = self._text(column, given, media)
        return text if column.default is None else text.fill_null(column.default)

    def number(self, name: str, values: pl.Series, low: float | None = None, high: float | None = None) -> pl.Series:
        """A column of finite numbers."""
        given = _blank_is_null(values)
        parsed = (given.str.strip_chars() if given.dtype == pl.String else given).cast(pl.Float64, strict=False)
        self.note(name, given.is_not_null() & ~parsed.is_finite().fill_null(False), values, "is no number")
        if low is not None:
            self.note(name, parsed.is_finite() & (parsed < low), values, f"is below {low:g}")
        if high is not None:
            self.note(name, parsed.is_finite() & (parsed > high), values, f"is above {high:g}")
        return parsed

    def row(self, wrong: pl.Series, reason: str) -> None:
        """Rows that are wrong as a whole."""
        self._add(None, wrong & ~self.bad, None, pl.repeat(reason, len(wrong), eager=True))

    def note(self, column: str, wrong: pl.Series, values: pl.Series, reason: str) -> None:
        """Rows in which one column is wrong, all for the same reason."""
        if wrong.any():
            self._add(column, wrong, values, pl.repeat(reason, len(wrong), eager=True))

    def _time(self, column: Column, given: pl.Series) -> pl.Series:
        times = parse_times(given)
        self.note(column.name, given.is_not_null() & times.is_null(), given, WANTED)
        reasons = time_faults(times, column.future)
        if reasons.null_count() < len(reasons):
            self._add(column.name, reasons.is_not_null(), given, reasons)
        return times

    def _text(self, column: Column, given: pl.Series, media: Media) -> pl.Series:
        self.note(column.name, given.str.contains("\0", literal=True), given, "holds a NUL character")
        if column.kind is Kind.ID:
            self.note(column.name, given.str.len_bytes() > MAX_ID_BYTES, given, f"is longer than {MAX_ID_BYTES} bytes")
        if column.kind is Kind.TAGS:
            self.note(column.name, given.str.starts_with("["), given, "is no list of names with commas between")
            given = given.str.replace_all(r"\s*,\s*", ",").str.strip_chars(",")
        if column.choices:
            wrong = given.is_not_null() & ~given.is_in(column.choices)
            self.note(column.name, wrong, given, f"is none of {', '.join(column.choices)}")
        if column.kind is Kind.PATH and given.null_count() < len(given):
            located, reasons = locate_media(given, media)
            if reasons.null_count() < len(reasons):
                missing = reasons.str.starts_with(MISSING).fill_null(False)
                self._add(column.name, reasons.is_not_null() & ~missing, given, reasons)
                lost = reject_rows(
                    self.file, self.rows.filter(missing), column.name, given.filter(missing), reasons.filter(missing)
                )
                self.lost.append(lost)
            return located
        return given

    def told_lost(self) -> list[pl.DataFrame]:
        """A line for each value that a row lost; where the row is a reject for another reason, that of the value."""
        bad = self.rows.filter(self.bad)
        end = pl.when(pl.col("row").is_in(bad.implode())).then(pl.lit("")).otherwise(pl.lit(WITHOUT))
        return [lost.with_columns(pl.concat_str("reason", end)) for lost in self.lost]

    def _add(self, column: str | None, wrong: pl.Series, values: pl.Series | None, reasons: pl.Series) -> None:
        wrong = wrong.fill_null(False)
        shown = None if values is None else values.filter(wrong)
        self.rejects.append(reject_rows(self.file, self.rows.filter(wrong), column, shown, reasons.filter(wrong)))
        self.bad = self.bad | wrong


def _distinct(file: TableFile, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The first row of every key; a repeated row is silently one, a different row of the same key is a reject."""
    key, content = list(file.table.key), file.table.names
    first = rows.unique(key, keep="first", maintain_order=True)
    if len(first) == len(rows):
        return rows, no_rejects()
    others = rows.unique(content, keep="first", maintain_order=True).join(first, on=ROW, how="anti")
    shown = others.select(pl.concat_str(pl.col(key).cast(pl.String), separator=" ")).to_series()
    reason = pl.repeat(REPEATED.format(key=", ".join(key)), len(others), eager=True)
    return first, reject_rows(file.name, others[ROW], None, shown, reason)


REPEATED = "another row of the same {key} says something else; the first is kept"


def _blank_is_null(values: pl.Series, trim: bool = False) -> pl.Series:
    if values.dtype != pl.String:
        return values
    values = values.str.strip_chars() if trim else values
    return values.set(values.str.strip_chars() == "", None)


def _as_text(values: pl.Series) -> pl.Series:
    """Numbers as ids: 12.0, as a table with gaps writes whole numbers, is 12."""
    if values.dtype.is_float() and (values.drop_nulls() == values.drop_nulls().floor()).all():
        values = values.cast(pl.Int64, strict=False)
    return values.cast(pl.String)


def _mostly_numbers(values: pl.Series) -> bool:
    given = _blank_is_null(values).drop_nulls()
    if given.dtype != pl.String:
        return given.dtype.is_numeric()
    return given.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().sum() * 2 > len(given)


def _as_json(dimensions: dict[str, pl.Series]) -> pl.Series:
    """The coordinates of every row as a JSON object; null where a row has none."""
    parts = [pl.lit(json.dumps(name) + ": ") + pl.col(name).cast(pl.String) for name in sorted(dimensions)]
    inside = pl.concat_str(parts, separator=", ", ignore_nulls=True)
    some = pl.any_horizontal(pl.col(name).is_not_null() for name in dimensions)
    text = pl.when(some).then(pl.concat_str(pl.lit("{"), inside, pl.lit("}")))
    return pl.DataFrame(dimensions).select(text.alias("dimensions"))["dimensions"]
