"""Ids become pseudonyms by a keyed hash before anything is stored: with the key it can be done again, and not undone.

    p(user) = "p" + the first 160 bits of HMAC-SHA256(key, "user" 0 user), in base 32

The same id has the same pseudonym wherever it occurs, so that the log keeps its shape; another key gives others.
"""

import base64
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from emotide.errors import BadInput
from emotide.log.tables import Table

PEOPLE = ("user_id", "source_id", "target_id")
POSTS = ("post_id", "reply_to")  # many networks write the author into them, and they lead back to the post
TEXTS = ("text", "title", "tags")
KEY_BYTES = 32

_NAMED = re.compile(
    r"(?P<link>https?://[^\s/?#]+)[^\s,]*"
    r"|(?P<handle>(?:[\w.+\-]+@|@)\w[\w.\-]*(?:@\w[\w.\-]*)?)"
    r"|(?P<user>(?<![\w/])/?u/[A-Za-z0-9_\-]{3,20})"
    r"|(?P<did>\bdid:[a-z]+:[\w.:%\-]+)"
)


class Pseudonyms:
    """The pseudonyms of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._of = lru_cache(1 << 16)(self._hash)

    @classmethod
    def open(cls, file: Path) -> "Pseudonyms":
        """Those of a key file (64 hexadecimal digits); one that nobody else may read is made where there is none.

        Raises:
            BadInput: it cannot be read or made, holds no key, or others may read it.
        """
        try:
            if not file.exists():
                place = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(place, "w", encoding="ascii") as made:
                    made.write(secrets.token_hex(KEY_BYTES) + "\n")
            if os.name == "posix" and file.stat().st_mode & 0o077:
                raise BadInput("others may read this key; say chmod 600, and think whether it is a secret still", file)
            key = bytes.fromhex(file.read_text("ascii").strip())
        except (OSError, ValueError) as error:
            raise BadInput(f"holds no key that can be read ({error})", file) from error
        if len(key) != KEY_BYTES:
            raise BadInput(f"holds a key of {len(key)} bytes, wanted {KEY_BYTES}", file)
        return cls(key)

    def of(self, user: str) -> str:
        """The pseudonym of a person."""
        return self._of("user", user)

    def said(self, text: str) -> str:
        """A text with pseudonyms for @name, name@host, u/name and did:…; of a link the host stays.

        A name without a mark stays: free text is never anonymous.
        """
        return _NAMED.sub(self._renamed, text)

    def rows(self, rows: pl.DataFrame, table: Table) -> pl.DataFrame:
        """Rows of a table with pseudonyms for people and posts, in columns and in texts; "" and null stay."""
        changed: list[pl.Expr | pl.Series] = []
        for name in (name for name in table.names if name in rows.columns):
            kind = "user" if name in PEOPLE else "post" if name in POSTS else None
            if kind:
                found = rows[name].unique().drop_nulls().to_list()
                names = {value: self._of(kind, value) for value in found if value}
                changed.append(pl.col(name).replace(names))
            elif name in TEXTS:
                texts = [self.said(text) if text else text for text in rows[name]]
                changed.append(pl.Series(name, texts, pl.String))
        return rows.with_columns(changed)

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An event of a stream (a row of a table, with whatever else it has), likewise."""
        changed = dict(event)
        for name, value in event.items():
            if name in PEOPLE or name in POSTS:
                changed[name] = self._id("user" if name in PEOPLE else "post", value)
            elif name in TEXTS and isinstance(value, str):
                changed[name] = self.said(value)
            elif name in TEXTS and isinstance(value, list):
                changed[name] = [self.said(part) if isinstance(part, str) else part for part in value]
        if isinstance(event.get("event_id"), str):  # it may name a person or a post
            changed["event_id"] = self._of("event", event["event_id"])
        return changed

    def _id(self, kind: str, value: Any) -> str | None:
        """The pseudonym of an id as JSON may hold it: a text or a whole number; what is neither is none."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        text = str(value).strip() if whole or isinstance(value, str) else ""
        return self._of(kind, text) if text else None

    def _hash(self, kind: str, value: str) -> str:
        digest = hmac.digest(self._key, f"{kind}\0{value}".encode(), "sha256")[:20]
        return {"user": "p", "post": "t", "event": "e"}[kind] + base64.b32encode(digest).decode().lower()

    def _renamed(self, found: re.Match[str]) -> str:
        kind, text = str(found.lastgroup), found[0]
        if kind == "link":
            return found["link"]
        name = text.rstrip(".-")
        rest, mark = text[len(name) :], ""
        if kind == "handle" and name.startswith("@"):
            mark, name = "@", name[1:]
        elif kind == "user":
            mark, name = name[: name.index("u/") + 2], name[name.index("u/") + 2 :]
        return f"{mark}{self.of(name)}{rest}" if name else text
