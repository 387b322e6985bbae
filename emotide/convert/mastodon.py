"""Mastodon: the archive that everybody may ask of their server, and statuses as its API gives them."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emotide.convert.converter import Converter
from emotide.convert.export_files import Export, open_export
from emotide.convert.export_rows import Rows, an_id, field, instant, listed, some_id, text
from emotide.convert.html_text import text_of
from emotide.convert.tables import Tables


def mastodon(source: Path) -> Tables:
    """People are `name@server` (in statuses of the API, as there: `name` on its own server); HTML becomes text.

    Of an archive: outbox.json (ActivityStreams: Create is a post, Announce a boost) and following_accounts.csv. Likes
    and bookmarks in it bear no time and are left out. Of the API: a list of statuses, or one a line.
    """
    rows = Rows("mastodon")
    with open_export(source) as export:
        for name in export.one("outbox.json", "statuses*.json", "statuses*.jsonl"):
            document = None if "jsonl" in name else export.json(name)
            if isinstance(document, dict) and "orderedItems" in document:
                _following(rows, export, _outbox(rows, name, document))
            else:
                _statuses(rows, name, export.rows(name))
    return rows.tables()


def account(url: str | None) -> str | None:
    """name@server of an actor's address, such as https://server/users/name or https://server/@name."""
    try:
        parts = urlsplit(url or "")
        path = [part for part in parts.path.split("/") if part]
    except ValueError:
        return None
    people = [path[k + 1] for k, part in enumerate(path[:-1]) if part == "users"] + [p for p in path if p[:1] == "@"]
    return f"{people[0].lstrip('@')}@{parts.netloc}" if people and parts.netloc else None


def _outbox(rows: Rows, file: str, outbox: dict[str, Any]) -> str | None:
    """The activities; returns whose they are."""
    owner = None
    for number, activity in enumerate(listed(outbox, "orderedItems"), 1):
        with rows.row(file, number):
            kind, actor = field(activity, "type"), account(text(activity, "actor"))
            if kind not in ("Create", "Announce"):
                continue
            if actor is None:
                rows.reject(file, number, "is no account", "actor", field(activity, "actor"))
                continue
            owner = owner or actor
            if kind == "Announce":
                boosted = text(activity, "object")
                rows.contact(actor, account(boosted), instant(activity, "published"), "repost", about=boosted)
            else:
                _note(rows, actor, field(activity, "object"))
    return owner


def _note(rows: Rows, actor: str, note: Any) -> None:
    post_id, time = an_id(note, "id"), instant(note, "published")
    said, parent = text_of(text(note, "content") or ""), some_id(note, "inReplyTo")
    tags = [tag for tag in listed(note, "tag") if isinstance(tag, dict)]
    names = [text(tag, "name") or "" for tag in tags if tag.get("type") == "Hashtag"]
    more = {"title": text(note, "summary"), "tags": ",".join(name.lstrip("#") for name in names) or None}
    rows.post(post_id, actor, time, said or None, reply_to=parent, **more)
    rows.contact(actor, account(parent), time, "reply", post_id)
    for tag in tags:
        if tag.get("type") == "Mention":
            rows.contact(actor, account(text(tag, "href")), time, "mention", post_id)


def _following(rows: Rows, export: Export, owner: str | None) -> None:
    for name in export.names("following_accounts.csv"):
        for number, line in enumerate(csv.reader(export.text(name).splitlines()[1:]), 1):
            with rows.row(name, number):
                if owner is not None and line:
                    rows.tie(owner, an_id({"Account address": line[0]}, "Account address"))


def _statuses(rows: Rows, file: str, lines: Iterator[tuple[int, Any, str | None]]) -> None:
    held = list(lines)
    people: dict[str, str] = {}
    for _, status, _ in held:
        for row in (status, field(status, "reblog")):
            for person in [field(row, "account"), *listed(row, "mentions")]:
                number, name = field(person, "id"), field(person, "acct")
                if isinstance(number, str) and isinstance(name, str):
                    people[number] = name
    for number, status, fault in held:
        if fault:
            rows.reject(file, number, fault, value=status)
            continue
        with rows.row(file, number):
            original, user = field(status, "reblog"), an_id(status, "account", "acct")
            if isinstance(original, dict):
                author = an_id(original, "account", "acct")
                _status(rows, original, author, people)
                rows.contact(user, author, instant(status, "created_at"), "repost", about=an_id(original, "id"))
            else:
                _status(rows, status, user, people)


def _status(rows: Rows, status: Any, user: str, people: dict[str, str]) -> None:
    post_id, time = an_id(status, "id"), instant(status, "created_at")
    names = [text(tag, "name") or "" for tag in listed(status, "tags")]
    more = {"title": text(status, "spoiler_text"), "tags": ",".join(filter(None, names)) or None}
    said = text_of(text(status, "content") or "")
    rows.post(post_id, user, time, said or None, reply_to=some_id(status, "in_reply_to_id"), **more)
    rows.contact(user, people.get(some_id(status, "in_reply_to_account_id") or ""), time, "reply", post_id)
    for person in listed(status, "mentions"):
        rows.contact(user, some_id(person, "acct"), time, "mention", post_id)


MASTODON = Converter(
    mastodon,
    "a Mastodon archive (outbox.json, following_accounts.csv), or statuses of its API as JSON",
    "of those who wrote them; ask before you use what is not your own",
)
