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
from emotide.bench.speed.sides import Ours, Side, Theirs, drawn_of
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
            start = time.perf_counter()
            both = logged.cut(batch)
            beforehand = time.perf_counter() - start
            found[f"{name}_{batch}"] = one = compared(both, runs_of(seeds), progress, f"{name} {batch}")
            one["once"] = {"timeline_and_tensors_seconds": round(beforehand, 2), **one["once"]}
            ratios = ", ".join(f"{ratio} {one[ratio]:.3g}" for ratio in RATIOS)
            say(f"{name}, batches of {batch}: {ratios}")
        return {"how": found, "machine": here()}


def compared(both: Both, runs: int, progress: Progress, what: str) -> dict[str, Any]:
    """Events a second of both sides, ratios ours to theirs, and the most memory of each in a process of its own."""
    sides: dict[str, Side] = {}
    once: dict[str, float] = {}
    makers: dict[str, Callable[[], Side]] = {
        "ours": lambda: Ours(both.timeline, both.vectors),
        "tgn": lambda: Theirs(both.stream, drawn_of(both.timeline)),
    }
    for side, make in makers.items():
        start = time.perf_counter()
        sides[side] = make()
        once[f"{side}_seconds"] = round(time.perf_counter() - start, 2)
    events = both.events
    told_of: dict[str, Any] = {"events": events, "users": both.stream.users, "steps": int(both.stream.step.max()) + 1}
    for kind in ("train", "infer"):
        seconds = in_turn({side: getattr(one, kind) for side, one in sides.items()}, runs, progress, f"{what} {kind}")
        told_of[f"{kind}_ratio"] = faster(seconds["tgn"], seconds["ours"])
        told_of[kind] = {side: {"events_s": rate(events, values), **told(values)} for side, values in seconds.items()}
    parameters = {side: one.parameters for side, one in sides.items()}
    sides.clear()
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        written(both, Path(folder))
        memory = peaks(Path(folder))
    told_of["rss_ratio"] = round(memory["ours"]["peak_gb"] / memory["tgn"]["peak_gb"], 4)
    return {**told_of, "parameters": parameters, "memory": memory, "once": once}


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
