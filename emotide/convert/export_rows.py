"""Rows of an export are taken apart field by field; a row that does not fit is a reject and the rest goes on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import polars as pl

from emotide.convert.tables import Tables
from emotide.log.checks import MAX_ID_BYTES
from emotide.log.rejects import LONGEST_VALUE
from emotide.log.rejects import SCHEMA as REJECTS
from emotide.log.tables import TABLES

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


class WrongField(Exception):
    """A field of a row is not what was wanted."""

    def __init__(self, column: str, value: Any, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason
        super().__init__(f"{column}: {reason}")


def field(row: Any, *path: str) -> Any:
    """What stands at a path of nested objects; None where there is none."""
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def listed(row: Any, *path: str) -> list[Any]:
    """The list at a path; empty where there is none."""
    found = field(row, *path)
    return found if isinstance(found, list) else []


def text(row: Any, *path: str) -> str | None:
    """The text at a path; None where there is none, or it is blank."""
    found = field(row, *path)
    if found is None or (isinstance(found, str) and not found.strip()):
        return None
    if not isinstance(found, str):
        raise WrongField(".".join(path), found, "is no text")
    try:
        found.encode("utf-8")
    except UnicodeEncodeError:
        raise WrongField(".".join(path), found, "holds half a surrogate pair") from None
    return found.replace("\0", "")


def some_id(row: Any, *path: str) -> str | None:
    """The id at a path, text or a whole number; None where there is none."""
    found = field(row, *path)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found) if abs(found) < 10**30 else "9" * (MAX_ID_BYTES + 1)
    found = text({"id": found}, "id") if found is None or isinstance(found, str) else found
    if found is None:
        return None
    if not isinstance(found, str):
        raise WrongField(".".join(path), found, "is no id")
    if len(found.strip().encode()) > MAX_ID_BYTES:
        raise WrongField(".".join(path), found, f"is longer than {MAX_ID_BYTES} bytes")
    return found.strip()


def an_id(row: Any, *path: str) -> str:
    """As `some_id`, and it must be there."""
    found = some_id(row, *path)
    if found is None:
        raise WrongField(".".join(path), None, "is required")
    return found


def instant(row: Any, *path: str, form: str | None = None, unit: float = 1.0) -> datetime:
    """The time at a path: ISO 8601 or, with `form`, as strptime knows it; or a number, of `unit` seconds each.

    UTC where no zone is given. It must be there.
    """
    found = field(row, *path)
    try:
        if isinstance(found, str) and form is not None:
            time = datetime.strptime(found.strip(), form)
        elif isinstance(found, str) and not found.strip().replace(".", "", 1).isdigit():
            time = datetime.fromisoformat(found.strip())
        elif found is None or isinstance(found, bool):
            raise ValueError
        else:
            time = datetime.fromtimestamp(float(found) * unit, UTC)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, OSError):
        reason = "is required" if found is None else "is no time"
        raise WrongField(".".join(path), found, reason) from None
    if not FIRST <= time <= LAST:
        raise WrongField(".".join(path), found, "lies before 1970 or after 9999")
    return time


class Rows:
    """The rows of a network's export as they are found, and those that were turned away."""

    def __init__(self, network: str) -> None:
        self.network = network
        self._rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self._rejects: list[dict[str, Any]] = []
        self._gone: set[str] = set()
        self._about: set[tuple[str, str]] = set()  # who did something to a post of somebody else

    @contextmanager
    def row(self, file: str, number: int) -> Iterator[None]:
        """Around the reading of one row: a wrong field makes it a reject, and nothing of it stays."""
        before = {name: len(rows) for name, rows in self._rows.items()}
        try:
            yield
        except WrongField as wrong:
            for name, length in before.items():
                del self._rows[name][length:]
            self.reject(file, number, wrong.reason, wrong.column, wrong.value)

    def reject(self, file: str, number: int, reason: str, column: str | None = None, value: Any = None) -> None:
        """A row that is turned away."""
        shown = None if value is None else _shown(value)
        self._rejects.append({"file": file, "row": number, "column": column, "value": shown, "reason": reason})

    def post(self, post_id: str, user_id: str, time: datetime, said: str | None, **more: Any) -> None:
        """A post; `more` are further columns of the contract."""
        if more.get("tags"):
            more["tags"] = more["tags"].lstrip("[ ,") or None  # a [ is a list that was not taken apart
        row = {"post_id": post_id, "user_id": user_id, "time": time, "text": said, "network": self.network}
        self._rows["posts"].append(row | more)

    def contact(
        self, source: str, target: str | None, time: datetime, kind: str, post_id: str | None = None,
        about: str | None = None,
    ) -> None:  # fmt: skip
        """An interaction; with nobody, or with oneself, it is none.

        Args:
            post_id: the post of the source in which it happens; what is not there takes the interaction along.
            about: the post of the target that is liked or passed on, whether it is there or not.
        """
        if target is not None and target != source:
            row = {"source_id": source, "target_id": target, "time": time, "kind": kind, "network": self.network}
            self._rows["interactions"].append(row | {"post_id": post_id or about})
            if post_id is None and about is not None:
                self._about.add((source, about))

    def tie(self, source: str, target: str, time: datetime | None = None, until: datetime | None = None) -> None:
        """Source follows target."""
        if source != target:
            row = {"source_id": source, "target_id": target, "time": time, "until": until, "network": self.network}
            self._rows["ties"].append(row | {"kind": "follows"})

    def item(self, item_id: str, said: str | None) -> None:
        """Something that may be liked."""
        self._rows["items"].append({"item_id": item_id, "text": said})

    def liked(self, user_id: str, item_id: str, time: datetime) -> None:
        """A reward of 1 for an item."""
        row = {"user_id": user_id, "item_id": item_id, "time": time, "reward": 1.0, "network": self.network}
        self._rows["feedback"].append(row)

    def gone(self, post_id: str) -> None:
        """A post that was deleted later: it, and what happened in it, is left out."""
        self._gone.add(post_id)

    def tables(self) -> Tables:
        """The tables of the contract: each row once, answers only to earlier posts that are there; and `rejects`."""
        made = {name: pl.DataFrame(rows, TABLES[name].schema) for name, rows in self._rows.items()}
        about = pl.DataFrame([*self._about], {"source_id": pl.String, "post_id": pl.String}, orient="row")
        for name in ("posts", "interactions"):
            made[name] = made[name].filter(~pl.col("post_id").is_in(list(self._gone)).fill_null(False))
        for name, table in TABLES.items():
            made[name] = made[name].unique(table.key, keep="first", maintain_order=True)
        made["posts"] = _answers(made["posts"].sort("time", maintain_order=True))
        here = made["posts"].select("post_id", "time", source_id="user_id")
        contacts = pl.concat([made["interactions"], _replies(made["posts"])], how="diagonal")
        contacts = contacts.unique(TABLES["interactions"].key, keep="first", maintain_order=True)
        known = contacts.join(here, on=["post_id", "time", "source_id"], how="semi")
        others = contacts.join(about, on=["source_id", "post_id"], how="semi")
        kept = pl.concat([contacts.filter(pl.col("post_id").is_null()), known, others])
        kept = kept.unique(TABLES["interactions"].key, keep="first", maintain_order=True)
        made["interactions"] = kept.sort("time", maintain_order=True)
        posts, optional = made["posts"], ("title", "tags", "image", "audio", "video", "split")
        made["posts"] = posts.drop([name for name in optional if posts[name].null_count() == len(posts)])
        return {**made, "rejects": pl.DataFrame(self._rejects, REJECTS)}


def _answers(posts: pl.DataFrame) -> pl.DataFrame:
    parents = posts.select(reply_to="post_id", before="time")
    joined = posts.join(parents, on="reply_to", how="left", maintain_order="left")
    kept = pl.when(pl.col("before") < pl.col("time")).then(pl.col("reply_to"))
    return joined.with_columns(reply_to=kept).drop("before")


def _replies(posts: pl.DataFrame) -> pl.DataFrame:
    """An interaction from the author of each answer to whom it answers."""
    parents = posts.select(reply_to="post_id", target_id="user_id")
    found = posts.join(parents, on="reply_to").filter(pl.col("user_id") != pl.col("target_id"))
    return found.select("target_id", "time", "network", "post_id", source_id="user_id", kind=pl.lit("reply"))


def _shown(value: Any) -> str:
    told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, default=str)
    return told.encode("utf-8", "backslashreplace").decode("utf-8")[:LONGEST_VALUE]
