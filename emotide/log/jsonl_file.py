"""JSONL: one object a line; a line that holds none is a reject and the rest goes on."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import polars as pl

from emotide.log.batch import BATCH_ROWS, ROW, Batch, as_shown, unread
from emotide.log.scan import LONGEST_LINE, Scan
from emotide.log.sources import TableFile


def jsonl_header(file: TableFile) -> list[str]:
    """The names in the first thousand objects: a line may leave out what it does not have."""
    names: dict[str, None] = {}
    with file.path.open("rb") as lines:
        for line in islice(lines, 1000):
            value, _ = _object(line)
            names.update(dict.fromkeys(value))
    return list(names)


def read_jsonl(file: TableFile, scan: Scan, columns: list[str]) -> Iterator[Batch]:
    """The rows, BATCH_ROWS lines at a time; a line that leaves a column out has null there."""
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
                    bad.append((number, as_shown(line[:LONGEST_LINE]), fault))
                else:
                    numbers.append(number)
                    cells.append([cell(value.get(column)) for column in columns])
            frame = pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String), orient="row")
            yield Batch(frame.insert_column(0, pl.Series(ROW, numbers, dtype=pl.Int64)), unread(file.name, bad))


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


def cell(value: Any) -> str | None:
    """A value as text: a list of names with commas between, anything else that is no text as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) and "," not in part for part in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)
