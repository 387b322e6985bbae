"""Work that would block the event loop is done by a fixed number of threads, for which only so many may wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from emotide.errors import Busy

P = ParamSpec("P")
T = TypeVar("T")
AGAIN = 1.0  # seconds


class Threads:
    """A few threads.

    A request that is given up (its time is over) frees its place once its work is done, or at once where that has not
    begun: there are never more threads than these, and never more work waits than this.

    Args:
        name: of the threads.
        workers: how many.
        waiting: calls that may wait for one.
    """

    def __init__(self, name: str, workers: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(workers, name)
        self._room = workers + waiting
        self.held = 0

    async def run(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What the work returns.

        Raises:
            Busy: too much waits.
        """
        if self.held >= self._room:
            raise Busy(AGAIN)
        loop = asyncio.get_running_loop()
        self.held += 1
        future = self._pool.submit(work, *given, **named)
        future.add_done_callback(lambda done: self._freed(loop, done))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let go of what has not begun, and wait for the rest."""
        self._pool.shutdown(cancel_futures=True)

    def _freed(self, loop: asyncio.AbstractEventLoop, done: "Future[T]") -> None:
        try:
            loop.call_soon_threadsafe(self._less)
        except RuntimeError:  # the loop has ended before the work
            self._less()

    def _less(self) -> None:
        self.held -= 1
