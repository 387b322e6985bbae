"""States as they change, by server-sent events."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from emotide.serve.contract import Subscription
from emotide.serve.problems import AGAIN, Refused
from emotide.serve.service import Here, Service, Who, allows
from emotide.serve.tokens import Principal, Scope

router = APIRouter(prefix="/v1", tags=["people"])
HELD = 1000  # changes that wait for a slow client; the oldest goes first, and the client is told how many went
FORM = {200: {"description": "`event: reading` with a JSON object, `event: lost` with a number", "content": {
    "text/event-stream": {"schema": {"type": "string"}, "example": 'event: reading\ndata: {"user_id": "ana"}\n\n'}
}}}  # fmt: skip


@router.get("/stream", dependencies=[allows(Scope.read)], response_class=StreamingResponse, responses=FORM)  # type: ignore[arg-type]
async def stream(
    here: Here,
    who: Who,
    user: Annotated[str | None, Query(min_length=1, max_length=400, description="one person only")] = None,
    network: Annotated[str | None, Query(max_length=400, description="one network only")] = None,
    seconds: Annotated[float, Query(gt=0, le=86_400, description="after which it ends")] = 3600.0,
) -> StreamingResponse:
    """Readings as they change."""
    if here.streams >= here.settings.streams:
        raise Refused(429, "too many streams are open", AGAIN)
    wanted = {key: value for key, value in (("user_id", user), ("network", network)) if value is not None}
    lines = _lines(here, who, wanted, min(seconds, here.settings.stream_seconds))
    return StreamingResponse(lines, media_type="text/event-stream")


async def _lines(here: Service, who: Principal, wanted: dict[str, str], seconds: float) -> AsyncIterator[str]:
    """Changes, and a comment where it was silent for long; it ends with the time, the token or the service."""
    here.streams += 1
    here.metrics.streaming(1)
    subscription = here.engine.subscribe()
    loop, end = asyncio.get_running_loop(), asyncio.get_running_loop().time() + seconds
    basket = _Basket(loop)
    threading.Thread(target=basket.fill, args=(subscription, wanted), name="emotide-stream", daemon=True).start()
    try:
        yield ": begins\n\n"
        while (left := end - loop.time()) > 0 and not here.stopping.is_set():
            if here.keyring is not None and not here.keyring.still(who):
                break
            rows, lost, over = await basket.taken(min(left, here.settings.heartbeat_seconds, 1.0))
            if lost:
                yield f"event: lost\ndata: {lost}\n\n"
            for row in filter(subscription.still, rows):
                yield f"event: reading\ndata: {json.dumps(row, default=str)}\n\n"
            if over:
                break
            if not rows and loop.time() - basket.spoken > here.settings.heartbeat_seconds:
                basket.spoken = loop.time()
                yield ": still here\n\n"
    finally:
        subscription.close()
        here.streams -= 1
        here.metrics.streaming(-1)


class _Basket:
    """What a thread has heard from a subscription and the client has not been told yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._held, self._lost, self._over = loop, [], 0, False  # type: ignore[var-annotated]
        self._there = asyncio.Event()
        self.spoken = loop.time()

    def fill(self, subscription: Subscription, wanted: dict[str, str]) -> None:
        """Hear until the end; in a thread of its own."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            try:
                for row in subscription:
                    if all(row.get(key) == value for key, value in wanted.items()):
                        self._loop.call_soon_threadsafe(self._put, row)
            finally:
                self._loop.call_soon_threadsafe(self._end)

    async def taken(self, seconds: float) -> tuple[list[dict[str, Any]], int, bool]:
        """What is there within some seconds, how many were lost before, and whether that is all."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._there.wait()
        self._there.clear()
        rows, lost, self._held, self._lost = self._held, self._lost, [], 0
        if rows:
            self.spoken = self._loop.time()
        return rows, lost, self._over

    def _put(self, row: dict[str, Any]) -> None:
        if len(self._held) >= HELD:
            del self._held[0]
            self._lost += 1
        self._held.append(row)
        self._there.set()

    def _end(self) -> None:
        self._over = True
        self._there.set()
