"""Events from outside become checked rows of the log's tables; each gets a receipt (DESIGN 4, 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from emotide.log import ROW, TABLES
from emotide.log.objects import read_objects

TYPES = {
    "post": "posts", "interaction": "interactions", "tie": "ties", "label": "labels", "item": "items",
    "feedback": "feedback",
}  # fmt: skip
MAX_EVENT_ID = 200  # characters


@dataclass(frozen=True)
class Receipt:
    """What became of an event.

    Attributes:
        event_id: as it came.
        status: 'new': kept; 'known': kept before, nothing changed; 'refused': not kept.
        reason: of a refusal.
    """

    event_id: str
    status: Literal["new", "known", "refused"]
    reason: str | None = None


@dataclass(frozen=True)
class Checked:
    """Events as rows of tables, each with `row`, its number among the events, and `event_id`; why others are none."""

    rows: dict[str, pl.DataFrame]
    refused: dict[int, str]
    known: list[int]  # a second event of the same id in one delivery


def checked(events: Sequence[Mapping[str, Any]], table: str | None = None) -> Checked:
    """Check events as the rows of a log are checked.

    Args:
        events: `event_id`, `type` and the columns of that table; with `table` there is no type.
        table: the one that all are of.
    """
    refused: dict[int, str] = {}
    known: list[int] = []
    numbers: dict[str, list[int]] = {}
    ids: set[str] = set()
    for number, event in enumerate(events):
        if not isinstance(event, Mapping):
            refused[number] = "is no object"
            continue
        name = event.get("event_id")
        kind = table or TYPES.get(str(event.get("type")))
        if not isinstance(name, str) or not 0 < len(name) <= MAX_EVENT_ID or "\0" in name:
            refused[number] = f"event_id is no text of 1 to {MAX_EVENT_ID} characters"
        elif not _is_text(name):
            refused[number] = "event_id is no text"
        elif kind is None:
            refused[number] = f"type {str(event.get('type'))[:40]!r} is none of {', '.join(TYPES)}"
        elif name in ids:
            known.append(number)
        else:
            ids.add(name)
            numbers.setdefault(kind, []).append(number)
    rows = {}
    for kind, some in numbers.items():
        good = [number for number in some if _is_text(events[number], refused, number)]
        taken, rejects = read_objects([_columns(events[number]) for number in good], TABLES[kind])
        for place, column, value, reason in rejects.select(ROW, "column", "value", "reason").iter_rows():
            where = f"{column} {value!r} " if column and value is not None else f"{column} " if column else ""
            refused.setdefault(good[place], f"{where}{reason}")
        places = pl.Series(ROW, [good[place] for place in taken[ROW]], pl.Int64)
        names = pl.Series("event_id", [events[k]["event_id"] for k in places], pl.String)
        rows[kind] = taken.with_columns(places, names)
    return Checked(rows, refused, known)


def receipts(events: Sequence[Mapping[str, Any]], refused: Mapping[int, str], known: Sequence[int]) -> list[Receipt]:
    """One receipt an event, in their order."""
    there = set(known)
    return [
        Receipt(str(event.get("event_id")) if isinstance(event, Mapping) else "", "refused", refused[k])
        if k in refused
        else Receipt(str(event["event_id"]), "known" if k in there else "new")
        for k, event in enumerate(events)
    ]


def _columns(event: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in event.items() if name not in ("event_id", "type")}


def _is_text(value: Any, refused: dict[int, str] | None = None, number: int = 0) -> bool:
    """Whether every text in a value can be written as UTF-8; half a surrogate pair cannot."""
    texts = value.items() if isinstance(value, Mapping) else [("event_id", value)]
    try:
        for name, text in texts:
            f"{name}{text}".encode()
    except UnicodeError:
        if refused is not None:
            refused[number] = f"{str(name).encode('ascii', 'replace').decode()} is not UTF-8"
        return False
    return True
