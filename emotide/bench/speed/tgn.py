"""Events a second and memory, beside PyTorch Geometric's TGN on the same streams."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emotide.bench.bench import Bench, Composite, Progress, Say
from emotide.bench.speed.peak import peaks, written
from emotide.bench.speed.sides import WINDOW, Ours, Theirs, drawn_from, numbers
from emotide.bench.speed.streams import Both, Logged, college_msg, synthetic
from emotide.bench.speed.timing import faster, here, in_turn, rate, runs_of, threads, told

BATCHES = (200, 2000)
RATIOS = ("train_ratio", "infer_ratio", "rss_ratio")
STREAMS: dict[str, tuple[str | None, Callable[[Path], AbstractContextManager[Logged]]]] = {
    "synthetic": (None, lambda data: synthetic()),
    "college": ("college_msg", college_msg),
}


def run(name: str, data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Both sides on one stream at each size of batch: ratios by stream and batch, and what they are made of."""
    found = {}
    with STREAMS[name][1](data) as logged, threads():
        for batch in BATCHES:
            found[f"{name}_{batch}"] = one = compared(logged.cut(batch), runs_of(seeds), progress, f"{name} {batch}")
            ratios = ", ".join(f"{ratio} {one[ratio]:.3g}" for ratio in RATIOS)
            say(f"{name}, batches of {batch}: {ratios}")
        return {"how": found, "machine": here()}


def compared(both: Both, runs: int, progress: Progress, what: str) -> dict[str, Any]:
    """Events a second of both sides, ratios ours to theirs, and the most memory of each in a process of its own."""
    group = both.timeline.group()
    drawn = {run: drawn_from(group, run) for run in range(runs + 1)}  # what is asked is no part of what is timed
    start = time.perf_counter()
    ours = Ours(both.timeline, both.vectors, drawn.__getitem__)
    made = time.perf_counter()
    theirs = Theirs(both.stream, drawn.__getitem__)
    once = both.seconds | {"our_model": made - start, "their_model": time.perf_counter() - made}
    seconds = {
        "train": trained_in_turn(ours, theirs, runs, progress, f"{what} train"),
        "infer": in_turn({"ours": ours.infer, "tgn": theirs.infer}, runs, progress, f"{what} infer"),
    }
    steps, sizes = group.steps, {"ours": numbers(ours.model), "tgn": numbers(theirs.model)}
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        written(both, Path(folder))
        memory = peaks(Path(folder))
    return {
        "events": both.events,
        "users": both.stream.users,
        **{f"{kind}_ratio": faster(taken["tgn"], taken["ours"]) for kind, taken in seconds.items()},
        "rss_ratio": round(memory["ours"]["peak_gb"] / memory["tgn"]["peak_gb"], 4),
        **{
            kind: {side: {"events_s": rate(both.events, values), **told(values)} for side, values in taken.items()}
            for kind, taken in seconds.items()
        },
        "gradient_steps": {"ours": -(-steps // WINDOW), "tgn": steps},
        "parameters": sizes,
        "memory": memory,
        "seconds_once": {name: round(value, 3) for name, value in once.items()},
    }


def trained_in_turn(ours: Ours, theirs: Theirs, runs: int, progress: Progress, what: str) -> dict[str, list[float]]:
    """Seconds of passes of training, ours and theirs by turns; the first of each is not timed.

    Theirs runs where `fit` tells that a pass of ours is over, so that both are passes of one long training.
    """
    seconds: dict[str, list[float]] = {"ours": [], "tgn": []}
    start = time.perf_counter()

    def over(run: int) -> None:
        nonlocal start
        times = [start, time.perf_counter()]
        theirs.train(run)
        times.append(time.perf_counter())
        for values, begun, ended in zip(seconds.values(), times, times[1:], strict=False):
            if run:
                values.append(ended - begun)
        progress(run + 1, runs + 1, what)
        start = time.perf_counter()

    ours.train(runs + 1, over)
    return seconds


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"train_ratio": {"synthetic_200": …, …}, "infer_ratio": …, "rss_ratio": …, "how": …}`."""
    every = {name: one for part in found.values() for name, one in part["how"].items()}
    ratios = {ratio: {name: one[ratio] for name, one in every.items()} for ratio in RATIOS}
    return {**ratios, "how": {**every, "machine": _first(part["machine"] for part in found.values())}}


def _first(machines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return next(iter(machines), {})


BENCH = Composite(
    "events a second and memory beside TGN, batches of 200 and 2,000",
    {name: Bench(f"beside TGN on {name}", needs, partial(run, name)) for name, (needs, _) in STREAMS.items()},
    joined,
)
