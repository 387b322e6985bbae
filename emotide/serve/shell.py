"""Around everything: headers that make browsers careful, a time limit, one line of log, and no error that gets out.

The log names method, route and token id. Paths, queries, bodies, users and secrets are never written to it.
"""

import asyncio
import logging
import time
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotide.serve.problems import AGAIN, Refused, refused
from emotide.serve.service import Service

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
log = logging.getLogger("emotide.serve")


class Shell:
    """An ASGI application made presentable."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, within the time."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun, limits, status = time.perf_counter(), self._service.settings, 0

        async def careful(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "text/event-stream" in headers.get("content-type", ""):
                    whole.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(limits.request_seconds) as whole:
                await self._app(scope, receive, careful)
        except TimeoutError:
            if not status:
                await Refused(503, "this took too long; ask for less, or later", AGAIN).response(
                    scope, receive, careful
                )
        except Exception as error:
            told = refused(error)
            if not status:
                await told.response(scope, receive, careful)
        finally:
            self._told(scope, status, time.perf_counter() - begun)

    def _told(self, scope: Scope, status: int, seconds: float) -> None:
        route, who = _route(scope), getattr(scope.get("emotide.principal"), "name", "-")
        self._service.metrics.answered(scope["method"] if route != "none" else "-", route, status, seconds)
        log.info("%s %s %d %.1f ms %s", scope["method"] if route != "none" else "-", route, status, 1e3 * seconds, who)


def _route(scope: Scope) -> str:
    """The pattern that the path fits; never the path."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "none"))
