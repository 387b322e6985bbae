"""What is slow to ask: a thread computes it, whoever asks is answered from memory, or told when to come again."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from emotide.errors import NotYet

MOST = 32  # answers that are kept or computed; the one begun first goes first
AT_ONCE = 2  # that are computed
AGAIN = 5.0  # seconds after which to ask again where nothing better is known


@dataclass(frozen=True)
class _Answer:
    """A table, or what went wrong; of the moment in which it was begun."""

    begun: float
    took: float
    told: pl.DataFrame | Exception


class Remembered:
    """Tables by name.

    A table stands for `stale` seconds, and for as long again while the next one is computed.

    Args:
        stale: seconds.
        patience: seconds that whoever asks waits for a table that is not there.
    """

    def __init__(self, stale: float, patience: float) -> None:
        self._stale, self._patience = stale, patience
        self._changed, self._turn = threading.Condition(), threading.Semaphore(AT_ONCE)
        self._kept: dict[str, _Answer] = {}
        self._begun: dict[str, float] = {}  # what is being computed, since when
        self._era = 0

    def ask(self, name: str, make: Callable[[], pl.DataFrame], patience: float | None = None) -> pl.DataFrame:
        """The table of this name, which `make` computes.

        Args:
            name, make: of the table.
            patience: seconds, if others than the usual.

        Raises:
            NotYet: it takes longer than the patience.
        """
        with self._changed:
            found = self._kept.get(name)
            age = time.monotonic() - found.begun if found is not None else float("inf")
            if age > self._stale:
                self._begin(name, make)
            if age > 2 * self._stale:
                self._changed.wait_for(
                    lambda: name not in self._begun, self._patience if patience is None else patience
                )
                found = self._kept.get(name) if name not in self._begun else None
            if found is None:
                raise NotYet(self._left(name))
            if isinstance(found.told, Exception):
                del self._kept[name]
                raise found.told
            return found.told

    def begin(self, name: str, make: Callable[[], pl.DataFrame]) -> None:
        """Compute a table before anybody asks for it."""
        with self._changed:
            self._begin(name, make)

    def clear(self) -> None:
        """Forget everything, also what is being computed: somebody was erased, or the model exchanged."""
        with self._changed:
            self._kept.clear()
            self._era += 1

    def _begin(self, name: str, make: Callable[[], pl.DataFrame]) -> None:
        if name in self._begun or len(self._begun) >= MOST:
            return
        self._begun[name] = time.monotonic()
        work = (name, make, self._era)
        threading.Thread(target=self._compute, args=work, name="emotide-slow", daemon=True).start()

    def _compute(self, name: str, make: Callable[[], pl.DataFrame], era: int) -> None:
        with self._turn:  # each reads the whole log
            begun = time.monotonic()
            try:
                told: pl.DataFrame | Exception = make()
            except Exception as error:  # is told to whoever asks
                told = error
        with self._changed:
            del self._begun[name]
            if era == self._era:
                self._kept.pop(name, None)
                self._kept[name] = _Answer(begun, time.monotonic() - begun, told)
                while len(self._kept) > MOST:
                    del self._kept[next(iter(self._kept))]
            self._changed.notify_all()

    def _left(self, name: str) -> float:
        """Seconds until it is there, by how long it took before."""
        before = self._kept.get(name)
        if before is None or name not in self._begun:
            return AGAIN
        return max(1.0, before.took - (time.monotonic() - self._begun[name]))
