"""How fast a log is taken in: a million interactions ingested, and compiled to a timeline."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from emotide.api import SocialLog
from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.timeline import TimelineConfig, compile_timeline

USERS, ROWS, DAYS = 10_000, 1_000_000, 60
TABLES = ("posts", "interactions", "ties", "labels", "feedback")


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Seconds for a million interactions of ten thousand users (power law, 60 days) in one CSV file."""
    ingest, compiled = [], []
    for seed in seeds:
        with TemporaryDirectory(prefix="emotide-bench-") as folder:
            place = Path(folder) / "log"
            place.mkdir()
            _interactions(seed).write_csv(place / "interactions.csv")
            log = SocialLog.open(Path(folder) / "bench.db")
            start = time.monotonic()
            log.ingest(place, progress=progress)
            ingest.append(time.monotonic() - start)
            start = time.monotonic()
            timeline = compile_timeline({name: log.table(name) for name in TABLES}, TimelineConfig(step="1d"))
            timeline.save(Path(folder) / "timeline")
            compiled.append(time.monotonic() - start)
            pairs = len(timeline.events.pair)
            say(f"seed {seed}: ingest {ingest[-1]:.1f} s, compile {compiled[-1]:.1f} s, {pairs} pair steps")
    return {"users": USERS, "interactions": ROWS, "ingest_seconds": spread(ingest), "compile_seconds": spread(compiled)}


def _interactions(seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, USERS + 1) ** 0.8
    source = rng.choice(USERS, ROWS, p=weight / weight.sum())
    target = (source + rng.integers(1, min(200, USERS), ROWS)) % USERS
    begun = 1_600_000_000 + rng.integers(0, DAYS * 86_400, ROWS)
    kind = rng.choice(["reply", "like", "message"], ROWS)
    rows = pl.DataFrame({"source": source, "target": target, "time": begun, "kind": kind})
    return rows.select(
        pl.format("u{}", "source").alias("source_id"), pl.format("u{}", "target").alias("target_id"), "time", "kind"
    )


BENCH = Bench("a million interactions ingested and compiled", None, run)
