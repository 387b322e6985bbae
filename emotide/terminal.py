"""What a person or a machine sees of a command: results on stdout, progress on stderr."""

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from emotide.errors import BadInput

WRITERS = {".csv": "write_csv", ".jsonl": "write_ndjson", ".parquet": "write_parquet"}


class Bar:
    """A progress bar on stderr, and lines above it; plain lines where nobody watches."""

    def __enter__(self) -> "Bar":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._console = Console(stderr=True, highlight=False)
        self._bar = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._bar.start()
        self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def progress(self, done: int, total: int, what: str) -> None:
        """So far `done` of `total`."""
        self._bar.update(self._task, completed=done, total=total, description=what)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, markup=False, soft_wrap=True)


def show(result: pl.DataFrame | dict[str, Any], as_json: bool) -> None:
    """Print a table or an object; a table as JSON is a list of rows."""
    if as_json:
        print(result.write_json() if isinstance(result, pl.DataFrame) else json.dumps(result, ensure_ascii=False))
    elif isinstance(result, pl.DataFrame):
        _print_table(result)
    else:
        print(json.dumps(result, indent=2, ensure_ascii=False))


def show_evaluation(found: dict[str, Any], as_json: bool) -> None:
    """Print what `evaluate` found: one row a method and task, or the whole object as JSON."""
    if as_json:
        return show(found, True)
    methods = {"emotide": {"recognition": found["recognition"], "forecast": found["forecast"]}, **found["baselines"]}
    rows = [
        {"task": task, "method": name, **{key: value for key, value in scores[task].items()}}
        for task in ("recognition", "forecast")
        for name, scores in methods.items()
    ]
    print(f"split {found['split']}, space {found['space']}, reports {found['reports']}")
    _print_table(pl.DataFrame(rows))


def write_table(frame: pl.DataFrame, file: Path) -> None:
    """Write a table in the format that the file's ending names.

    Raises:
        BadInput: another ending, or the file cannot be written.
    """
    if file.suffix not in WRITERS:
        raise BadInput(f"the ending {file.suffix!r} names no format: wanted one of {', '.join(WRITERS)}", file)
    try:
        getattr(frame, WRITERS[file.suffix])(file)
    except OSError as error:
        raise BadInput(f"cannot be written: {error.strerror or error}", file) from error
    print(f"{file}: {len(frame)} rows", file=sys.stderr)


def _print_table(frame: pl.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*map(_cell, row))
    console = Console(highlight=False)
    width = None if console.is_terminal else 10_000
    Console(highlight=False, width=width, markup=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    text = f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else str(value)
    # what people wrote may hold signs that steer a terminal
    return "".join(sign if sign.isprintable() else " " for sign in text)
