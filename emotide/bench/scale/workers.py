"""One worker on Ray against the plain process, two against one, and what goes between two, on a large network."""

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import LARGE, drawn, large
from emotide.cluster.session import ray_session
from emotide.cluster.states import EVERY, run_states, write_parts
from emotide.cluster.workers import Crew
from emotide.model import AffectiveModel
from emotide.model.trace import trace
from emotide.timeline import Timeline

RUNS = 3


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"ray_overhead", "speedup_2", "overlap", …}` of the first seed: medians of `RUNS` runs, the sides in turn.

    Seconds by the clock, and under `cpu` those of the processors (of two workers those of the busier one), which other
    work of the machine does not lengthen. `overlap` is the share of the time in which states were under way that the
    worker spent moving those who need none of them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with large(LARGE, seeds[0]) as timeline, ray_session(None, 2) as ray:
            model, vectors = drawn(timeline, seeds[0])
            return _measured(ray, timeline, model, vectors, progress)
    finally:
        torch.set_num_threads(before)


def _measured(
    ray: Any, timeline: Timeline, model: AffectiveModel, vectors: torch.Tensor, progress: Progress
) -> dict[str, Any]:
    clock: dict[str, list[float]] = {name: [] for name in ("plain", "1", "2", "2 waiting")}
    cpu: dict[str, list[float]] = {name: [] for name in clock}
    shares, sent = dict[str, float](), 0
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        for parts in (1, 2):
            write_parts(timeline, vectors, parts, Path(folder) / str(parts))
        for turn in range(RUNS):
            begun, worked = time.perf_counter(), time.process_time()
            trace(model, timeline, vectors, None)
            clock["plain"].append(time.perf_counter() - begun)
            cpu["plain"].append(time.process_time() - worked)
            for name, parts, overlapping in (("1", 1, True), ("2", 2, True), ("2 waiting", 2, False)):
                progress(turn, RUNS, f"{name} workers")
                with Crew(ray, Path(folder) / str(parts), parts) as crew:
                    begun, worked_by = time.perf_counter(), crew.all("cpu")
                    states = Path(folder) / f"states-{turn}-{name}"
                    run_states(
                        crew, model, timeline.group().steps, "hidden", states, every=10 * EVERY, overlapping=overlapping
                    )
                    clock[name].append(time.perf_counter() - begun)
                    used = [now - then for now, then in zip(crew.all("cpu"), worked_by, strict=True)]
                    cpu[name].append(max(used))
                    told = crew.all("traffic")
                    waited, under_way = (sum(getattr(one, what) for one in told) for what in ("waited", "under_way"))
                    shares[name], sent = 1 - waited / under_way if under_way else 0.0, sum(one.sent for one in told)
    return {
        "users": len(timeline.users),
        "ray_overhead": round(median(clock["1"]) / median(clock["plain"]) - 1, 4),
        "speedup_2": round(median(clock["1"]) / median(clock["2"]), 3),
        "cpu": {
            "ray_overhead": round(median(cpu["1"]) / median(cpu["plain"]) - 1, 4),
            "speedup_2": round(median(cpu["1"]) / median(cpu["2"]), 3),
        },
        "overlap": round(shares["2"], 3),
        "bytes_sent": sent,
        "seconds": {name: [round(value, 2) for value in values] for name, values in clock.items()},
        "cpu_seconds": {name: [round(value, 2) for value in values] for name, values in cpu.items()},
    }


BENCH = Bench("one Ray worker against the plain process, two against one, on a large network", None, run)
