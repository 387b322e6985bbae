"""The parts of a network talk to each other: rows of states there and back, sums over all parts (torch's gloo)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from emotide.errors import EmotideError

gloo: Any = distributed  # whose stubs leave out what is used here
TIMEOUT = 300.0  # seconds without a word from another part after which it is taken for lost


class PeerLost(EmotideError):
    """Another part does not answer any more."""


@dataclass
class Traffic:
    """What went over the wire for states."""

    sent: int = 0  # bytes
    messages: int = 0
    waited: float = 0.0  # seconds until what was needed had arrived
    under_way: float = 0.0  # seconds from sending to the end of the waiting


@dataclass
class Peers:
    """The other parts, as one of them sees them.

    Attributes:
        number, parts: which it is, of how many.
        group: None where a part is alone.
        traffic: so far.
    """

    number: int = 0
    parts: int = 1
    group: Any = None
    traffic: Traffic = field(default_factory=Traffic)

    @classmethod
    def meet(cls, place: tuple[str, int], meeting: str, number: int, parts: int, timeout: float = TIMEOUT) -> "Peers":
        """Find the others.

        Args:
            place: address and port of a `TCPStore`.
            meeting: a name that has not been used there.
            number, parts: which part this is, of how many.
            timeout: seconds.

        Raises:
            PeerLost: not all of them came.
        """
        if parts == 1:
            return cls()
        wait = timedelta(seconds=timeout)
        try:
            store = gloo.TCPStore(*place, is_master=False, timeout=wait)
            group = gloo.ProcessGroupGloo(gloo.PrefixStore(meeting, store), number, parts, wait)
        except RuntimeError as error:
            raise PeerLost(f"part {number} of {parts} does not find the others: {_line(error)}") from error
        return cls(number, parts, group)

    def trade(
        self, tag: int, give: Sequence[tuple[int, Tensor]], take: Sequence[tuple[int, Tensor]]
    ) -> Callable[[], None]:
        """Send rows to parts, and fill tensors with what parts send; done when the function returned is.

        Args:
            tag: names what is sent; the same on both sides, and not used twice at once.
            give, take: part -> what it gets, and what is filled.
        """
        if self.group is None:
            if give or take:
                raise PeerLost(f"part {self.number} of {self.parts} has left the others")
            return lambda: None
        group, begun = self.group, time.perf_counter()
        works = self._tried(
            lambda: (
                [group.recv([rows], other, tag) for other, rows in take]
                + [group.send([rows], other, tag) for other, rows in give]
            )
        )
        self.traffic.sent += sum(rows.nbytes for _, rows in give)
        self.traffic.messages += len(give)

        def wait() -> None:
            asked = time.perf_counter()
            self._tried(lambda: [work.wait() for work in works])
            done = time.perf_counter()
            self.traffic.waited += done - asked
            self.traffic.under_way += done - begun

        return wait

    def summed(self, values: Tensor, most: bool = False) -> Tensor:
        """The sums over all parts, or the largest value, in place."""
        if self.group is not None:
            group = self.group
            how = gloo.ReduceOp.MAX if most else gloo.ReduceOp.SUM
            self._tried(lambda: [group.allreduce([values], how).wait()])
        return values

    def gathered(self, rows: np.ndarray) -> np.ndarray:
        """The rows of all parts, one part after the other, at each of them; in double precision."""
        counts = torch.zeros(self.parts, dtype=torch.int64)
        counts[self.number] = len(rows)
        ends = self.summed(counts).cumsum(0).tolist()
        every = torch.zeros(ends[-1], rows.shape[1], dtype=torch.float64)
        every[ends[self.number] - len(rows) : ends[self.number]] = torch.from_numpy(rows.astype(np.float64))
        found: np.ndarray = self.summed(every).numpy()
        return found

    def part(self) -> None:
        """Leave: who waits for this part is told that it is gone."""
        self.group = None

    def _tried(self, talk: Callable[[], list[Any]]) -> list[Any]:
        try:
            return talk()
        except RuntimeError as error:
            raise PeerLost(f"part {self.number} of {self.parts} lost another: {_line(error)}") from error


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
