"""A request's body is read whole before anybody looks at it: so many bytes, in so much time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotide.serve.problems import Refused
from emotide.serve.service import Service


class Intake:
    """An ASGI application that is given bodies no larger than the limit, and no slower."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._settings = app, service.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then go on."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                body = await self._body(Headers(scope=scope), receive)
        except TimeoutError:
            slow = Refused(408, "the body came too slowly", headers={"Connection": "close"})
            return await slow.response(scope, receive, send)
        except Refused as error:
            return await error.response(scope, receive, send)
        if body is None:  # the client has gone
            return None
        await self._app(scope, _replay(body, receive), send)

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        most = self._settings.max_body
        told = headers.get("content-length", "0")
        large = Refused(
            413, f"the body is larger than {most} bytes: send less at once", headers={"Connection": "close"}
        )
        if not told.isascii() or not told.isdigit() or int(told[:20]) > most:
            raise large
        if headers.get("content-encoding", "identity") != "identity":
            raise Refused(415, "a compressed body is not read: send it as it is")
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > most:  # in pieces, without a length told before
                raise large
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body in one piece, then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
