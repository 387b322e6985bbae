"""Weibo: posts as the usual crawlers write them, CSV or JSON (lines), under English or Chinese names."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from emotide.convert.converter import Converter
from emotide.convert.export_files import Export, open_export
from emotide.convert.export_rows import Rows, WrongField, an_id, field, instant, some_id, text
from emotide.convert.html_text import text_of
from emotide.convert.tables import Tables
from emotide.errors import BadInput

CHINA = timezone(timedelta(hours=8))
API_TIME = "%a %b %d %H:%M:%S %z %Y"
NAMES = {  # ours = what crawlers call it, the first that is there counts
    "id": ("id", "_id", "weibo_id", "mid", "微博id"),
    "user": ("user_id", "uid", "comment_user_id", "用户id", "user"),
    "nick": ("screen_name", "nick_name", "user_name", "用户昵称"),
    "said": ("text", "content", "微博正文", "正文"),
    "time": ("created_at", "完整日期", "发布时间", "日期"),
    "at": ("at_users", "艾特用户", "@用户"),
    "tags": ("topics", "话题"),
    "origin": ("retweet_id", "origin_weibo", "源微博id"),
    "origin_user": ("retweet_user_id", "源用户id"),
}


def weibo(source: Path) -> Tables:
    """People are account numbers; times without a zone are China's; names behind an @ are numbers where they are known.

    JSON may be a list, one object a line, or {"user": …, "weibo": […]}; a `retweet` inside a post is a post too.
    Rows {"fan_id", "follower_id"} are ties. A post that reposts names the one whose post it was.
    """
    rows = Rows("weibo")
    with open_export(source) as export:
        found = [
            (name, number, row, fault)
            for name in export.one("*.csv", "*.json", "*.jsonl")
            for number, row, fault in _rows(export, name)
        ]
    people = {nick: user for _, _, row, _ in found for nick, user in _named(row)}
    authors = {post: user for _, _, row, _ in found for post, user in _written(row)}
    for name, number, row, fault in found:
        if fault:
            rows.reject(name, number, fault, value=row)
            continue
        with rows.row(name, number):
            if field(row, "fan_id") is not None:
                rows.tie(an_id(row, "fan_id"), an_id(row, "follower_id"))
            else:
                _post(rows, row, people, authors)
    return rows.tables()


def _rows(export: Export, name: str) -> Iterator[tuple[int, Any, str | None]]:
    if ".csv" in name.lower():
        return _csv_rows(export, name)
    return (
        (k, row, fault)
        for number, held, fault in export.rows(name)
        for k, row in enumerate(field(held, "weibo") if isinstance(field(held, "weibo"), list) else [held], number)
    )


def _csv_rows(export: Export, name: str) -> Iterator[tuple[int, Any, str | None]]:
    reader = csv.reader(io.StringIO(export.text(name), newline=""))
    try:
        header = [column.strip() for column in next(reader, [])]
        wanted = {
            ours: [column for column in NAMES[ours] if column in header] for ours in ("id", "user", "said", "time")
        }
        for ours, there in wanted.items():
            if not there:
                raise BadInput(f"is missing; the file has {', '.join(header)}", name, column=NAMES[ours][0])
        for number, cells in enumerate(reader, 1):
            fits = len(cells) == len(header)
            yield number, dict(zip(header, cells, strict=False)), None if fits else f"has {len(cells)} cells"
    except csv.Error as error:
        raise BadInput(f"cannot be read as a table: {error}", name) from error


def _value(row: Any, ours: str) -> dict[str, Any]:
    """{ours: what the row has there}, for the readers of fields."""
    found = next((value for name in NAMES[ours] if (value := field(row, name)) not in (None, "")), None)
    if ours in ("user", "origin") and isinstance(found, dict):
        found = field(found, "id") or field(found, "_id")
    return {ours: found}


def _parts(row: Any) -> Iterator[Any]:
    """A post and the one that it reposts, where that stands in it."""
    yield row
    for name in ("retweet", "retweeted_status"):
        if isinstance(field(row, name), dict):
            yield row[name]


def _named(row: Any) -> Iterator[tuple[str, str]]:
    for part in _parts(row):
        user = _value(part, "user")["user"]
        nick = _value(part, "nick")["nick"] or field(part, "user", "screen_name") or field(part, "user", "nick_name")
        if isinstance(nick, str) and isinstance(user, str | int):
            yield nick, str(user)


def _written(row: Any) -> Iterator[tuple[str, str]]:
    for part in _parts(row):
        post, user = _value(part, "id")["id"], _value(part, "user")["user"]
        if isinstance(post, str | int) and isinstance(user, str | int):
            yield str(post), str(user)


def _time(row: Any) -> datetime:
    value = _value(row, "time")
    said = value["time"]
    if isinstance(said, str) and re.match(r"[A-Z][a-z]{2} ", said):
        return instant(value, "time", form=API_TIME)
    time = instant(value, "time")
    zoned = not isinstance(said, str) or re.search(r"(Z|[+-]\d\d:?\d\d)$", said.strip()) or said.strip().isdigit()
    return time if zoned else time.replace(tzinfo=CHINA).astimezone(UTC)


def _post(rows: Rows, row: Any, people: dict[str, str], authors: dict[str, str]) -> None:
    if not isinstance(row, dict):
        raise WrongField("id", row, "is no post")
    original = next((part for part in _parts(row) if part is not row), None)
    post_id, user, time = an_id(_value(row, "id"), "id"), an_id(_value(row, "user"), "user"), _time(row)
    said, topics = text(_value(row, "said"), "said"), _value(row, "tags")["tags"]
    tags = ",".join(topic for topic in topics if isinstance(topic, str)) if isinstance(topics, list) else topics
    rows.post(post_id, user, time, text_of(said) if said else None, tags=text({"tags": tags or None}, "tags"))
    named = _value(row, "at")["at"]
    for name in named.split(",") if isinstance(named, str) else named if isinstance(named, list) else []:
        if isinstance(name, str) and name.strip(" @"):
            rows.contact(user, people.get(name.strip(" @"), name.strip(" @")), time, "mention", post_id)
    origin = some_id(_value(row, "origin"), "origin") or ""
    author = some_id(_value(row, "origin_user"), "origin_user") or authors.get(origin)
    if original is not None:
        author = some_id(_value(original, "user"), "user")
        _post(rows, {k: v for k, v in original.items() if k not in ("retweet", "retweeted_status")}, people, authors)
    rows.contact(user, author, time, "repost", post_id)


WEIBO = Converter(
    weibo,
    "crawls of Weibo, CSV or JSON, in the forms of weibo-search, weibo-crawler and WeiboSpider",
    "of those who wrote them; Weibo's terms and China's PIPL hold",
)
