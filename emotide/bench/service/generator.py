"""Requests at a rate, whether or not the earlier ones were answered: each is timed from the moment it was due."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

CONNECTIONS = 64
Request = tuple[str, str, Any]  # method, path, body


class Answered(NamedTuple):
    """Milliseconds from when each request was due, and the status of each answer."""

    milliseconds: list[float]
    statuses: list[int]

    def quantiles(self) -> list[float]:
        """[p50, p99] of the answers with a status of 200 to 299."""
        good = [one for one, status in zip(self.milliseconds, self.statuses, strict=True) if status < 300]
        return [round(float(np.quantile(good, q)), 2) for q in (0.5, 0.99)] if good else []

    def failed(self) -> int:
        """Answers with another status."""
        return sum(status >= 300 for status in self.statuses)


class Line:
    """One connection that is kept, and opened again where the service closed it."""

    def __init__(self, url: str, token: str) -> None:
        place = urlsplit(url)
        self._place = (place.hostname or "", place.port or 80)
        self._head = f"Host: {place.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n".encode()
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        writer.write(head + content)
        told = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(told.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got = await reader.readexactly(size)
        if b"connection: close" in told:
            self.close()
        return int(told[9:12]), got

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def at_rate(url: str, token: str, make: Callable[[int], Request], rate: float, seconds: float) -> Answered:
    """So many requests a second for so long.

    Args:
        make: number -> request.
    """
    due: asyncio.Queue[tuple[float, int]] = asyncio.Queue()
    answered = Answered([], [])

    async def worker() -> None:
        line = Line(url, token)
        try:
            while True:
                when, number = await due.get()
                if number < 0:
                    return
                status, _ = await line.ask(*make(number))
                answered.milliseconds.append(1e3 * (time.perf_counter() - when))
                answered.statuses.append(status)
        finally:
            line.close()

    workers = [asyncio.create_task(worker()) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        when = begun + number / rate
        if (wait := when - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((when, number))
    for _ in workers:
        due.put_nowait((0.0, -1))
    await asyncio.gather(*workers)
    return answered


async def as_fast_as_taken(
    url: str, token: str, make: Callable[[int], list[dict[str, Any]]], lines: int, seconds: float
) -> tuple[int, int, float]:
    """Batches of events over some connections, each after the answer to the one before.

    Returns:
        events acknowledged as new, answers 429, seconds.
    """
    taken = busy = number = 0
    begun = time.perf_counter()

    async def sender() -> None:
        nonlocal taken, busy, number
        line = Line(url, token)
        try:
            while time.perf_counter() - begun < seconds:
                number += 1
                body = {"events": make(number)}
                while True:
                    status, got = await line.ask("POST", "/v1/events", body)
                    if status != 429:
                        break
                    busy += 1
                    await asyncio.sleep(0.25)
                if status == 202:
                    taken += sum(one["status"] == "new" for one in json.loads(got)["receipts"])
        finally:
            line.close()

    await asyncio.gather(*(sender() for _ in range(lines)))
    return taken, busy, time.perf_counter() - begun
