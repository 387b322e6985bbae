"""Ids in paths: an id may hold any letter, also `/`, and is looked up only, never opened."""

from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Path
from starlette.types import ASGIApp, Receive, Scope, Send

from emotide.serve.problems import Refused

LONGEST = 400  # bytes, as in a log
PREFIX = "/v1/users/"


class Undecoded:
    """An ASGI application that sees the paths of people as they were sent, so that %2F stays within an id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the path as it was sent."""
        if scope["type"] == "http" and scope.get("raw_path", b"").startswith(PREFIX.encode()):
            scope["path"] = scope["raw_path"].decode("ascii", "replace")
        await self._app(scope, receive, send)


def user_of(
    user: Annotated[str, Path(description="a person's id, percent-encoded", examples=["ana"], min_length=1)],
) -> str:
    """The id in a path.

    Raises:
        Refused: it is no text, or too long to be one.
    """
    coded = unquote_to_bytes(user)
    try:
        decoded = coded.decode()
    except UnicodeDecodeError:
        raise Refused(404, "this user is not known: the id is no UTF-8") from None
    if len(coded) > LONGEST or "\0" in decoded:
        raise Refused(404, "this user is not known: no id is like that")
    return decoded


User = Annotated[str, Depends(user_of)]
