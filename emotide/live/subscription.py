"""Somebody who listens to readings as they change."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MOST = 10_000  # readings that may wait for a slow listener; older ones go first


class Subscription:
    """An iterable of readings, each a dict; it ends when it is closed.

    Args:
        there: network, user_id -> whether the person is there, and was not erased since.
    """

    def __init__(self, there: Callable[[str, str], bool]) -> None:
        self._there, self._rows, self._changed = there, deque[dict[str, Any]](), threading.Condition()
        self.closed, self.lost = False, 0

    def still(self, row: Mapping[str, Any]) -> bool:
        """Whether a reading may be told: whose it is was not erased."""
        return self._there(row["network"], row["user_id"])

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Add readings."""
        with self._changed:
            self._rows.extend(rows)
            while len(self._rows) > MOST:
                self._rows.popleft()
                self.lost += 1
            self._changed.notify_all()

    def purge(self) -> None:
        """Drop the readings that wait of people who were erased."""
        with self._changed:
            self._rows = deque(filter(self.still, self._rows))

    def get(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next reading; None where none came in time, or it was closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self.closed, timeout)
            return self._rows.popleft() if self._rows else None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (row := self.get()) is not None:
            if self.still(row):  # whoever is erased just now is purged a moment later
                yield row

    def close(self) -> None:
        """Listen no more."""
        with self._changed:
            self.closed = True
            self._rows.clear()
            self._changed.notify_all()
