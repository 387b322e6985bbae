"""Bluesky: JSON lines of the Jetstream, which carries all public posts, likes, reposts and follows as they happen."""

from datetime import datetime
from pathlib import Path
from typing import Any

from emotide.convert.converter import Converter
from emotide.convert.export_files import open_export
from emotide.convert.export_rows import Rows, WrongField, an_id, field, instant, listed, some_id, text
from emotide.convert.tables import Tables

POST, LIKE, REPOST, FOLLOW = "app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.feed.repost", "app.bsky.graph.follow"
MICROSECOND = 1e-6


def bluesky(source: Path) -> Tables:
    """People are DIDs, posts their at:// addresses; a time is that of the stream, since a record's own may be anything.

    A post that is deleted later in the file is left out, and so is all of an account that is deleted; an unfollow ends
    the tie.
    """
    rows = Rows("bluesky")
    follows: dict[tuple[str, str], tuple[str, datetime]] = {}
    deleted: set[str] = set()
    with open_export(source) as export:
        for name in export.one("*.jsonl", "*.ndjson", "*.json"):
            for number, event, fault in export.lines(name):
                if fault:
                    rows.reject(name, number, fault, value=event)
                    continue
                with rows.row(name, number):
                    _event(rows, event, follows, deleted)
    for (source_id, _), (target, time) in follows.items():
        rows.tie(source_id, target, time)
    return _without(rows.tables(), deleted)


def _event(rows: Rows, event: Any, follows: dict[tuple[str, str], tuple[str, datetime]], deleted: set[str]) -> None:
    if not isinstance(event, dict):
        raise WrongField("kind", event, "is no event")
    user, time, kind = an_id(event, "did"), instant(event, "time_us", unit=MICROSECOND), field(event, "kind")
    if kind == "account" and field(event, "account", "status") == "deleted":
        deleted.add(user)
    if kind != "commit":
        return
    collection, record = field(event, "commit", "collection"), field(event, "commit", "record")
    if collection not in (POST, LIKE, REPOST, FOLLOW):
        return
    place = (user, an_id(event, "commit", "rkey"))
    address = f"at://{user}/{POST}/{place[1]}"
    if field(event, "commit", "operation") == "delete":
        if collection == POST:
            rows.gone(address)
        elif collection == FOLLOW and place in follows:
            target, since = follows.pop(place)
            rows.tie(user, target, since, time)
    elif field(event, "commit", "operation") != "create":
        return
    elif collection == POST:
        _post(rows, address, user, time, record)
    elif collection == FOLLOW:
        follows[place] = (an_id(record, "subject"), time)
    else:
        kind = "like" if collection == LIKE else "repost"
        subject = an_id(record, "subject", "uri")
        rows.contact(user, _author(subject), time, kind, about=subject)


def _post(rows: Rows, address: str, user: str, time: datetime, record: Any) -> None:
    parent = some_id(record, "reply", "parent", "uri")
    parts = [part for facet in listed(record, "facets") for part in listed(facet, "features")]
    tags = [text(part, "tag") for part in parts] + [tag for tag in listed(record, "tags") if isinstance(tag, str)]
    said = ",".join(dict.fromkeys(tag.replace(",", " ") for tag in tags if tag)) or None
    rows.post(address, user, time, text(record, "text"), reply_to=parent, tags=said)
    rows.contact(user, _author(parent), time, "reply", address)
    for part in parts:
        if field(part, "$type") == "app.bsky.richtext.facet#mention":
            rows.contact(user, some_id(part, "did"), time, "mention", address)
    quoted = some_id(record, "embed", "record", "uri") or some_id(record, "embed", "record", "record", "uri")
    rows.contact(user, _author(quoted), time, "quote", address)


def _author(address: str | None) -> str | None:
    """The DID in at://DID/COLLECTION/KEY."""
    parts = (address or "").split("/")
    return parts[2] if len(parts) == 5 and parts[0] == "at:" and parts[2].startswith("did:") else None


def _without(tables: Tables, people: set[str]) -> Tables:
    """The tables without what is of these people or names them."""
    for name, rows in tables.items():
        for column in ("user_id", "source_id", "target_id"):
            if column in rows.columns:
                rows = rows.filter(~rows[column].is_in(sorted(people)))
        tables[name] = rows
    return tables


BLUESKY = Converter(
    bluesky,
    "events of the Bluesky Jetstream as JSON lines: posts, likes, reposts, follows, and what was deleted",
    "of those who wrote them; deletions must be honoured",
)
