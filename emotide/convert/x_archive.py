"""X (Twitter): the archive that everybody may ask of their own account."""

from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from emotide.convert.converter import Converter
from emotide.convert.export_files import Export, open_export, parsed
from emotide.convert.export_rows import Rows, WrongField, an_id, instant, listed, some_id, text
from emotide.convert.tables import Tables
from emotide.errors import BadInput

WRITTEN = "%a %b %d %H:%M:%S %z %Y"  # Wed May 04 02:18:49 +0000 2016
SNOWFLAKE = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)  # ids since then tell their time


def x_archive(source: Path) -> Tables:
    """One person's posts, whom they answered, named, reposted and follow; people are account numbers.

    like.js says neither when nor whose: what was liked becomes an item, and the like a reward of 1 at the earliest
    moment that it can have, when the post was written, as its number tells.
    """
    rows = Rows("x")
    with open_export(source) as export:
        name = export.one("account.js")[0]
        owner = next((an_id(row, "accountId") for _, row in _parts(export, name, "account")), None)
        if owner is None:
            raise BadInput("names no account", name)
        for name in export.names("tweets.js", "tweets-part*.js", "tweet.js", "tweet-part*.js"):
            for number, row in _parts(export, name, "tweet"):
                with rows.row(name, number):
                    _tweet(rows, owner, row)
        for name in export.names("like.js", "like-part*.js"):
            for number, row in _parts(export, name, "like"):
                with rows.row(name, number):
                    item, said = an_id(row, "tweetId"), text(row, "fullText")
                    time = _written(item)
                    rows.item(item, unescape(said) if said else None)
                    rows.liked(owner, item, time)
        for key in ("following", "follower"):
            for name in export.names(f"{key}.js", f"{key}-part*.js"):
                for number, row in _parts(export, name, key):
                    with rows.row(name, number):
                        other = an_id(row, "accountId")
                        rows.tie(*((owner, other) if key == "following" else (other, owner)))
    return rows.tables()


def _parts(export: Export, name: str, key: str) -> list[tuple[int, Any]]:
    """The objects under `key` of `window.YTD.NAME.part0 = [{key: {…}}, …]`; of old archives the objects themselves."""
    code = export.text(name)
    start = code.find("[")
    if start < 0 or (not code.lstrip().startswith("window.YTD.") and code[:start].strip()):
        raise BadInput("is no `window.YTD.… = […]`", name)
    found = parsed(code[start:].rstrip().rstrip(";"), name)
    return [(k, row.get(key, row) if isinstance(row, dict) else row) for k, row in enumerate(found, 1)]


def _tweet(rows: Rows, owner: str, row: Any) -> None:
    post_id, time = some_id(row, "id_str") or an_id(row, "id"), instant(row, "created_at", form=WRITTEN)
    said = text(row, "full_text") or text(row, "text") or ""
    named = [some_id(person, "id_str") for person in listed(row, "entities", "user_mentions")]
    if said.startswith("RT @"):  # somebody else's words
        return rows.contact(owner, named[0] if named else None, time, "repost")
    tags = [text(tag, "text") for tag in listed(row, "entities", "hashtags")]
    more = {"reply_to": some_id(row, "in_reply_to_status_id_str"), "tags": ",".join(filter(None, tags)) or None}
    rows.post(post_id, owner, time, unescape(said) or None, **more)
    answered = some_id(row, "in_reply_to_user_id_str")
    rows.contact(owner, answered, time, "reply", post_id)
    for person in named:
        if person != answered and person != "-1":  # -1: an account that is gone
            rows.contact(owner, person, time, "mention", post_id)


def _written(number: str) -> datetime:
    """When the post of this number was written."""
    if not number.isdigit() or not 2**32 < int(number) < 2**63:
        raise WrongField("tweetId", number, "tells no time")
    return SNOWFLAKE + timedelta(milliseconds=int(number) >> 22)


X_ARCHIVE = Converter(
    x_archive,
    "an archive of X (Twitter): tweets.js, like.js, following.js, follower.js and account.js",
    "your own posts are yours; what others wrote is theirs, and X's terms hold",
)
