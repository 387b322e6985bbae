"""Somebody who listens to readings as they change."""

import queue
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

MOST = 10_000  # readings that may wait for a slow listener; older ones go first


class Subscription:
    """An iterable of readings, each a dict; it ends when it is closed."""

    def __init__(self) -> None:
        self._queue: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.closed, self.lost = False, 0

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Add readings."""
        for row in rows:
            while self._queue.qsize() >= MOST:
                with suppress(queue.Empty):  # the listener was quicker
                    self._queue.get_nowait()
                    self.lost += 1
            self._queue.put(row)

    def get(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next reading; None where none came in time, or it was closed."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while not self.closed:
            row = self._queue.get()
            if row is None:
                return
            yield row

    def close(self) -> None:
        """Listen no more."""
        self.closed = True
        self._queue.put(None)
