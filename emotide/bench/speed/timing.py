"""Seconds of several sides taken in turn, and what is told of them."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from statistics import median
from typing import Any

import torch

from emotide.bench.bench import Progress
from emotide.bench.kept import machine

LEAST, THREADS = 5, 2  # timed runs; threads of torch in all that is timed


def runs_of(seeds: list[int]) -> int:
    """How many timed runs are made for so many seeds: at least `LEAST`."""
    return max(LEAST, len(seeds))


@contextmanager
def threads() -> Iterator[None]:
    """`THREADS` threads of torch, and afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_turn(
    sides: Mapping[str, Callable[[int], object]], runs: int, progress: Progress, what: str = ""
) -> dict[str, list[float]]:
    """Seconds of each run of each side; the sides alternate, so that what else the machine does falls on all of them.

    Args:
        sides: name -> one run, given its number from 1; 0 is a run before, which is not timed.
        runs: how many.
        progress: told after every run.
        what: is measured.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for run in range(runs + 1):
        for place, (name, once) in enumerate(sides.items()):
            start = time.perf_counter()
            once(run)
            if run:
                seconds[name].append(time.perf_counter() - start)
            done = run * len(sides) + place + 1
            progress(done, (runs + 1) * len(sides), f"{what} {name}".strip())
    return seconds


def told(seconds: Sequence[float]) -> dict[str, Any]:
    """Median, least and most of some seconds, and all of them."""
    figures = {"median": median(seconds), "min": min(seconds), "max": max(seconds)}
    rounded = {name: _short(value) for name, value in figures.items()}
    return {**rounded, "runs": len(seconds), "seconds": [_short(value) for value in seconds]}


def faster(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """How many times quicker we are: the ratio of the medians."""
    return _short(median(theirs) / median(ours))


def rate(events: int, seconds: Sequence[float]) -> float:
    """Events a second at the median."""
    return _short(events / median(seconds))


def here() -> dict[str, Any]:
    """The machine, with the threads that stand now."""
    return machine()


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def peak_gb() -> float:
    """The most GB that this process ever held in memory, mapped files included.

    Linux hands `ru_maxrss` on from the process that started this one; the most of its own is told in /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        held = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM:"))
        return round(int(held.split()[1]) * 1024 / 1e9, 4)
    return round(getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9, 4)
