"""How often one may ask: a token bucket each."""

import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000  # buckets; the one unused for longest goes first


class Buckets:
    """So many tokens a second for each name, up to a burst.

    Args:
        rate: tokens a second.
        burst: tokens that gather at most.
        clock: seconds.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name: tokens, when

    def wait(self, name: str) -> float:
        """Seconds until the next token is there; 0 where one is."""
        return max(0.0, (1 - self._now(name)) / self._rate)

    def take(self, name: str) -> float:
        """As `wait`; where it is 0, one token is taken."""
        held = self._now(name)
        if held < 1:
            return (1 - held) / self._rate
        self._held[name] = (held - 1, self._clock())
        self._held.move_to_end(name)
        if len(self._held) > MOST:
            self._held.popitem(last=False)
        return 0.0

    def _now(self, name: str) -> float:
        held, when = self._held.get(name, (self._burst, self._clock()))
        return min(self._burst, held + (self._clock() - when) * self._rate)
