"""A worker is killed ten times while states are run on Ray: what is read in the end, and what is lost."""

import os
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import drawn, large
from emotide.cluster.session import ray_session
from emotide.cluster.states import in_order, run_states, write_parts
from emotide.cluster.workers import Crew
from emotide.model.trace import trace

USERS, KILLS, EVERY, PARTS = 500, 10, 3, 2
CLOSE = 1e-5


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"kills", "lost", "max_abs_diff", "seconds"}`: readings that are absent, twice there or other than those of one
    process, and the largest difference; of the first seed.
    """
    with (
        large(USERS, seeds[0]) as timeline,
        TemporaryDirectory(prefix="emotide-bench-") as folder,
        ray_session(None, PARTS) as ray,
    ):
        model, vectors = drawn(timeline, seeds[0])
        expected = trace(model, timeline, vectors, None)
        write_parts(timeline, vectors, PARTS, Path(folder))
        steps, rng, killed = timeline.group().steps, np.random.default_rng(seeds[0]), list[int]()

        def kill(crew: Crew, first: int) -> None:
            if len(killed) < KILLS and len(killed) <= first // EVERY:
                victim = int(rng.integers(PARTS))
                pid = ray.get(crew.actors[victim].pid.remote()) if len(killed) % 2 else None
                time.sleep(float(rng.uniform(0, 0.2)))
                if pid is None:
                    ray.kill(crew.actors[victim])
                else:
                    os.kill(pid, signal.SIGKILL)  # a process that is gone without a word
                killed.append(first)
                progress(len(killed), KILLS, f"worker {victim} killed at step {first}")

        with Crew(ray, Path(folder), PARTS) as crew:
            begun = time.perf_counter()
            said = run_states(crew, model, steps, "hidden", Path(folder) / "states", every=EVERY, meanwhile=kill)
            seconds = time.perf_counter() - begun
    found = in_order(timeline, said)
    mine = {(u, s): y for u, s, y in zip(found.user.tolist(), found.step.tolist(), found.Y, strict=True)}
    whole = {(u, s): y for u, s, y in zip(expected.user.tolist(), expected.step.tolist(), expected.Y, strict=True)}
    gaps = {key: float(np.abs(mine[key] - Y).max()) for key, Y in whole.items() if key in mine}
    lost = len(whole) - len(gaps) + len(found.user) - len(mine) + sum(gap > CLOSE for gap in gaps.values())
    return {"kills": len(killed), "lost": lost, "max_abs_diff": max(gaps.values()), "seconds": round(seconds, 1)}


BENCH = Bench("a worker killed ten times while states are run: readings lost", None, run)
