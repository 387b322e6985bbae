"""What a person or a machine sees of a command: results on stdout, progress on stderr."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from emotide.errors import BadInput

if TYPE_CHECKING:  # tables are loaded where one is shown, so that `--help` answers at once
    import polars as pl

Rows = Sequence[Mapping[str, Any]]
QUIET = 15  # seconds without a line where nobody watches the bar
PICTURES = (".png", ".svg", ".pdf")
WRITERS = {".csv": "write_csv", ".jsonl": "write_ndjson", ".parquet": "write_parquet"}


class Bar:
    """A progress bar on stderr, and lines above it; plain lines where nobody watches."""

    def __enter__(self) -> "Bar":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        what = TextColumn("{task.description}", markup=False)
        columns = (what, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._bar.start()
        self._said = time.monotonic()
        self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def progress(self, done: int, total: int, what: str) -> None:
        """So far `done` of `total`."""
        self._bar.update(self._task, completed=done, total=total, description=plain(what))
        if not self._console.is_terminal and time.monotonic() - self._said > QUIET:
            self.say(f"{done} of {total}: {what}")

    def say(self, line: str) -> None:
        """A line that stays."""
        self._said = time.monotonic()
        self._console.print(plain(line), soft_wrap=True)


def show(result: "pl.DataFrame | dict[str, Any]", as_json: bool) -> None:
    """Print a table or an object; a table as JSON is a list of rows."""
    if isinstance(result, dict):
        print(json.dumps(result, indent=None if as_json else 2, ensure_ascii=False))
    elif as_json:
        print(result.write_json())
    else:
        _print_table(result)


def show_tables(tables: "dict[str, pl.DataFrame]", file: Path | None, as_json: bool) -> None:
    """Print several tables, as JSON one object of them, or write each: FILE.csv becomes FILE.NAME.csv."""
    if file is not None:
        for name, frame in tables.items():
            write_table(frame, file.with_suffix(f".{name}{file.suffix}"))
    elif as_json:
        print(f"{{{', '.join(f'{json.dumps(name)}: {frame.write_json()}' for name, frame in tables.items())}}}")
    else:
        for frame in tables.values():
            _print_table(frame)


def show_figures(found: dict[str, Any], as_json: bool) -> None:
    """Print nested figures: plain ones of a level as one table, levels below that hold the same plain ones as one.

    As JSON the whole object. How figures were come by (`how`) is in the JSON only.
    """
    if as_json:
        return show(found, True)
    for number, (path, rows) in enumerate(_figure_tables(found, ())):
        if number:
            print()
        if path:
            print(".".join(path))
        _print_rows(rows, {column: _numeric(row[column] for row in rows) for column in rows[0]})


def show_evaluation(found: dict[str, Any], as_json: bool) -> None:
    """Print what `evaluate` found: one row a method and task, or the whole object as JSON."""
    if as_json:
        return show(found, True)
    import polars as pl

    methods = {"emotide": {"recognition": found["recognition"], "forecast": found["forecast"]}, **found["baselines"]}
    rows = [
        {"task": task, "method": name, **scores[task]}
        for task in ("recognition", "forecast")
        for name, scores in methods.items()
    ]
    print(f"split {found['split']}, space {found['space']}, reports {found['reports']}")
    _print_table(pl.DataFrame(rows))
    if "opened" in found:
        print("{posts} of {of} posts were opened".format_map(found["opened"]))
    for task in ("recognition", "forecast") if found["sets"] else ():
        level, told = found["sets"]["level"], found["sets"][task]
        print(f"{task}: sets for {level:.0%} held {told['coverage']:.1%} of the truth, mean size {told['size']:.2f}")


def table_file(file: Path | None) -> Path | None:
    """The file that a table is to be written to; looked at before anything is computed.

    Raises:
        BadInput: its ending names no format, or its folder is not there.
    """
    if file is not None and file.suffix not in WRITERS:
        raise BadInput(f"the ending {file.suffix!r} names no format: wanted one of {', '.join(WRITERS)}", file)
    if file is not None and not file.parent.is_dir():
        raise BadInput("cannot be written: there is no such folder", file)
    return file


def plot_file(file: Path | None) -> Path | None:
    """The file that a picture is to be drawn to; looked at before anything is computed.

    Raises:
        BadInput: its ending names no picture, or its folder is not there.
    """
    if file is not None and file.suffix not in PICTURES:
        raise BadInput(f"the ending {file.suffix!r} names no picture: wanted one of {', '.join(PICTURES)}", file)
    if file is not None and not file.parent.is_dir():
        raise BadInput("cannot be drawn: there is no such folder", file)
    return file


def write_table(frame: "pl.DataFrame", file: Path) -> None:
    """Write a table in the format that the file's ending names.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        getattr(frame, WRITERS[file.suffix])(file)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror or error}", file) from error
    print(f"{file}: {len(frame)} rows", file=sys.stderr)


def read_csv(file: Path) -> "pl.DataFrame":
    """A CSV as a table.

    Raises:
        BadInput: it cannot be read.
    """
    import polars as pl

    try:
        return pl.read_csv(file, infer_schema_length=None)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise BadInput(f"not a readable CSV: {str(error).splitlines()[0]}", file) from error


def plain(text: str) -> str:
    """The text on one line, without the signs that steer a terminal: people may have written them."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _figure_tables(found: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """The tables of nested figures, each with where it stands."""
    told = {name: value for name, value in found.items() if name != "how"}
    below = {name: value for name, value in told.items() if isinstance(value, dict)}
    flat = {name: row for name, row in below.items() if not any(isinstance(value, dict) for value in row.values())}
    if len(told) > len(below):
        yield path, [{"": name, "value": value} for name, value in told.items() if name not in below]
    for columns, group in groupby(flat.items(), lambda item: tuple(item[1])):
        rows = list(group)
        if len(rows) == 1:  # reads better from top to bottom
            yield (*path, rows[0][0]), [{"": name, "value": value} for name, value in rows[0][1].items()]
        else:
            yield path, [dict(zip(("", *columns), (name, *row.values()), strict=True)) for name, row in rows]
    for name, value in below.items():
        if name not in flat:
            yield from _figure_tables(value, (*path, name))


def _numeric(values: Iterable[Any]) -> bool:
    return all(value is None or isinstance(value, int | float) for value in values)


def _print_table(frame: "pl.DataFrame") -> None:
    _print_rows(frame.rows(named=True), {name: dtype.is_numeric() for name, dtype in frame.schema.items()})


def _print_rows(rows: Rows, columns: Mapping[str, bool]) -> None:
    """Rows under their columns, those of numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, numeric in columns.items():
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    width = None if sys.stdout.isatty() else 10_000
    Console(highlight=False, width=width, markup=False, emoji=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return plain(f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value))
