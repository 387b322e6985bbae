"""Files that lie beside a store, such as rejected rows, tables, audits and reports: what names a person goes from them.

.csv, .parquet   rows that hold the id as a whole word
.jsonl           lines that hold it; a decision of an audit keeps its id and its time, and nothing else
.json            the smallest objects and items of lists that hold it
.html            the page, since text and pictures in it cannot be told apart: make it anew
"""

import csv
import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from emotide.errors import BadInput

KEPT = ("decision_id", "time", "network")  # of a decision whose person is gone
DECISION = frozenset({"state", "candidates", "shown"})  # what tells that an object is one
GONE = object()
Holds = Callable[[str], bool]


def forget_in_file(file: Path, user: str) -> int:
    """Takes a person out of a file; returns how many rows, objects or pages went.

    Raises:
        BadInput: the file is not what its ending says; nothing in it was changed.
    """
    forget = _KINDS.get(file.suffix.lower())
    if forget is None:
        return 0
    word = re.compile(rf"(?<![\w-]){re.escape(user)}(?![\w-])")
    try:
        return forget(file, lambda text: word.search(text) is not None, user)
    except (ValueError, RecursionError, csv.Error, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"is no {file.suffix} that can be read ({reason}); erase it by hand", file) from error


def pruned(value: Any, holds: Holds) -> Any:
    """A JSON value without its smallest objects and items that hold the id; GONE where it is one itself."""
    if isinstance(value, str):
        return GONE if holds(value) else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return GONE if holds(str(value)) else value
    if isinstance(value, list):
        return [part for item in value if (part := pruned(item, holds)) is not GONE]
    if not isinstance(value, dict):
        return value
    plain = [part for part in value.values() if not isinstance(part, dict | list)]
    if any(pruned(part, holds) is GONE for part in plain):
        return {name: value[name] for name in KEPT if name in value} | {"erased": True} if _decision(value) else GONE
    kept = {key: pruned(part, holds) for key, part in value.items() if not holds(key)}
    return {key: part for key, part in kept.items() if part is not GONE}


def _decision(value: dict[str, Any]) -> bool:
    return "decision_id" in value or value.keys() >= DECISION


def _lines(file: Path, holds: Holds, user: str) -> int:
    kept, gone = [], 0
    for line in file.read_text("utf-8").splitlines(keepends=True):
        if not holds(line) and not holds(_plain(line)):
            kept.append(line)
            continue
        gone += 1
        try:
            found = json.loads(line)
        except ValueError:
            continue
        left = pruned(found, holds) if isinstance(found, dict) and _decision(found) else GONE
        if left is not GONE:
            kept.append(json.dumps(left, ensure_ascii=False) + "\n")
    return _written(file, "".join(kept), gone)


def _plain(line: str) -> str:
    """A line of JSON with its escapes as letters."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), line) if "\\u" in line else line


def _json(file: Path, holds: Holds, user: str) -> int:
    found = json.loads(file.read_text("utf-8"))
    left = pruned(found, holds)
    left = type(found)() if left is GONE else left
    gone = max(_objects(found) - _objects(left), int(left != found))
    return _written(file, json.dumps(left, ensure_ascii=False, indent=1), gone)


def _objects(value: Any) -> int:
    """How many objects, and items of lists that are none, a JSON value has."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    inside = sum(_objects(part) for part in parts)
    plain = sum(not isinstance(part, dict | list) for part in parts) if isinstance(value, list) else 0
    return inside + plain + isinstance(value, dict)


def _csv(file: Path, holds: Holds, user: str) -> int:
    with file.open(newline="", encoding="utf-8") as source:
        rows = list(csv.reader(source))
    kept = [row for k, row in enumerate(rows) if k == 0 or not any(map(holds, row))]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(kept)
    return _written(file, text.getvalue(), len(rows) - len(kept))


def _parquet(file: Path, holds: Holds, user: str) -> int:
    table = pl.read_parquet(file)
    told = [json.dumps(row, ensure_ascii=False, default=str) for row in table.iter_rows()]
    named = pl.Series([holds(text) for text in told], dtype=pl.Boolean)
    if named.any():
        part = file.with_name(f"{file.name}.part")
        table.filter(~named).write_parquet(part)
        part.replace(file)
    return int(named.sum())


def _html(file: Path, holds: Holds, user: str) -> int:
    page = file.read_text("utf-8", errors="replace")
    forms = {user, html.escape(user), json.dumps(user)[1:-1], json.dumps(user, ensure_ascii=False)[1:-1]}
    if not any(form in page for form in forms):
        return 0
    file.unlink()
    return 1


def _written(file: Path, text: str, gone: int) -> int:
    if gone:
        part = file.with_name(f"{file.name}.part")
        part.write_text(text, "utf-8")
        part.replace(file)
    return gone


_KINDS: dict[str, Callable[[Path, Holds, str], int]] = {
    ".csv": _csv, ".jsonl": _lines, ".json": _json, ".parquet": _parquet, ".html": _html,
}  # fmt: skip
