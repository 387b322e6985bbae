"""Reddit: submissions and comments in the form of the Pushshift dumps (Baumgartner et al. 2020)."""

import re
from html import unescape
from pathlib import Path
from typing import Any

from emotide.convert.converter import Converter
from emotide.convert.export_files import open_export
from emotide.convert.export_rows import Rows, WrongField, an_id, field, instant, some_id, text
from emotide.convert.tables import Tables
from emotide.errors import UnknownName

GONE = ("[deleted]", "[removed]", "[deleted by user]")
NAMED = re.compile(r"(?<![\w/])/?u/([A-Za-z0-9_-]{3,20})(?![\w-])")
NETWORKS = ("reddit", "subreddit")


def reddit(source: Path, network: str = "reddit") -> Tables:
    """Posts are submissions (`t3_…`) and comments (`t1_…`), tagged with their subreddit; u/name is a mention.

    What was deleted or removed, or has no author any more, is turned away. A whole dump is held in memory as rows.
    """
    if network not in NETWORKS:
        raise UnknownName("network", network, NETWORKS)
    rows = Rows("reddit")
    with open_export(source) as export:
        for name in export.one("*.jsonl", "rs_*", "rc_*", "*_submissions*", "*_comments*", "*.ndjson"):
            for number, row, fault in export.lines(name):
                if fault:
                    rows.reject(name, number, fault, value=row)
                    continue
                with rows.row(name, number):
                    _post(rows, row)
    tables = rows.tables()
    return _apart(tables) if network == "subreddit" else tables


def _post(rows: Rows, row: Any) -> None:
    comment = field(row, "body") is not None
    if not comment and field(row, "title") is None:
        raise WrongField("title", None, "is neither a submission (title) nor a comment (body)")
    user, said = an_id(row, "author"), text(row, "body" if comment else "selftext")
    for column, value in (("author", user), ("body" if comment else "selftext", said)):
        if value in GONE:
            raise WrongField(column, value, "was deleted")
    time, subreddit = instant(row, "created_utc"), text(row, "subreddit")
    post_id = f"t{1 if comment else 3}_{an_id(row, 'id').split('_')[-1]}"
    said = unescape(said) if said else None
    title = None if comment else text(row, "title")
    rows.post(
        post_id, user, time, said, title=unescape(title) if title else None, tags=subreddit,
        reply_to=some_id(row, "parent_id") if comment else None,
    )  # fmt: skip
    for name in dict.fromkeys(NAMED.findall(said or "")):
        rows.contact(user, name, time, "mention", post_id)


def _apart(tables: Tables) -> Tables:
    """Each subreddit as a network of its own."""
    posts = tables["posts"]
    where = posts.select("post_id", place=posts["tags"].fill_null(""))
    moved = posts.with_columns(network=where["place"])
    contacts = tables["interactions"].join(where, on="post_id", how="left").with_columns(network="place").drop("place")
    return {**tables, "posts": moved, "interactions": contacts}


REDDIT = Converter(
    reddit,
    "submissions and comments of Reddit in Pushshift's form: JSON lines, plain, .gz or .zst",
    "Reddit's terms and its users' rights hold (Baumgartner et al. 2020); research use",
    options={"network": "reddit (default): one network; subreddit: one each"},
)
