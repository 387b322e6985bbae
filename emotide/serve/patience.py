"""Uvicorn's protocol for clients that take their time: limits on sending headers and on taking answers.

The protocol in plain Python (h11) bounds the bytes of the headers; the one in C takes as many as are sent.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from emotide.serve.problems import MEDIA_TYPE, Problem


class Patience(H11Protocol):
    """HTTP for clients that send their headers, and take their answers, in time."""

    header_seconds = send_seconds = 10.0
    _timer: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The headers of the first request are awaited."""
        super().connection_made(transport)
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Something came; a request's first byte after an answered one starts the clock anew."""
        before = self.cycle
        if self._timer is None and (before is None or before.response_complete):
            self._await_headers()
        super().data_received(data)
        if self.cycle is not before:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop()
        self._taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More waits for the client than is good."""
        super().pause_writing()
        self._taking = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        self._taken()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        problem = Problem(title="Bad Request", status=400, detail=msg).model_dump_json().encode()
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(problem))), ("connection", "close")]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=problem), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_headers(self) -> None:
        self._timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _taken(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


def patient(header_seconds: float, send_seconds: float) -> type[Any]:
    """The protocol that waits so long."""
    return type("Patient", (Patience,), {"header_seconds": header_seconds, "send_seconds": send_seconds})
