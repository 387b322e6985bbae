"""As large as the machine allows: a million users from files to readings, and how time grows with their number."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotide.api import SocialLog
from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.speed.large_log import write_large_log
from emotide.bench.speed.timing import peak_gb
from emotide.timeline import TimelineConfig

SIZES = (10_000, 100_000, 1_000_000)  # users
STEPS = TimelineConfig(step="1d")
WINDOW = 1  # steps through which gradients flow back: one takes the least memory
TEXT_WIDTH = 32
FILES = {"log": "log", "store": "log.db", "timeline": "cache", "model": "model"}


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Every stage at every size, each in a process of its own, so that its peak of memory is its own.

    `{"users", "events", "train_events_s", "infer_events_s", "peak_gb", "exponent", "seconds", "disk_gb", "by_size"}`:
    of the largest size and the first seed; `exponent` is the slope of log seconds (all stages) over log users.
    """
    by_size = {}
    for number, users in enumerate(SIZES):
        progress(number, len(SIZES), f"{users} users")
        with TemporaryDirectory(prefix="emotide-bench-") as folder:
            by_size[str(users)] = found = _measured(Path(folder), users, seeds[0])
        say(f"{users} users: {json.dumps(found)}")
    seconds = [sum(found["seconds"].values()) for found in by_size.values()]
    slope = np.polyfit(np.log(SIZES), np.log(seconds), 1)[0]
    return {"users": SIZES[-1], **by_size[str(SIZES[-1])], "exponent": round(float(slope), 3), "by_size": by_size}


def _measured(room: Path, users: int, seed: int) -> dict[str, Any]:
    """What every stage took of time and memory, and the log of disk."""
    events = write_large_log(room / FILES["log"], users, seed)
    seconds: dict[str, float] = {}
    peaks: dict[str, float] = {}
    worked: dict[str, float] = {}
    for stage in STAGES:
        told = _in_process(stage, room, seed)
        peaks[stage], worked[stage] = told.pop("peak_gb"), told.pop("cpu")
        seconds |= told
    disk = {name: _size(room / file) for name, file in FILES.items()}
    return {
        "events": events,
        "train_events_s": round(events / seconds["train"], 1),
        "infer_events_s": round(events / seconds["infer"], 1),
        "peak_gb": max(peaks.values()),
        "peak_gb_by_stage": peaks,
        "cpu_seconds_by_stage": worked,
        "seconds": {name: round(taken, 2) for name, taken in seconds.items()},
        "disk_gb": disk,
    }


def _in_process(stage: str, room: Path, seed: int) -> dict[str, float]:
    """Seconds by name, `cpu` seconds and `peak_gb` of a stage that runs in a process of its own."""
    code = "from emotide.bench.speed.million import main; main()"
    command = [sys.executable, "-c", code, stage, str(room), str(seed)]
    said = subprocess.run(command, env=os.environ | {"EMOTIDE_CACHE": str(room / "cache")}, stdout=-1, check=True)
    told: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return told


def main() -> None:
    """One stage: its seconds, those that the processor worked, and its peak of memory, as JSON."""
    stage, room, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    told = STAGES[stage](room, SocialLog.open(room / FILES["store"]), seed)
    print(json.dumps(told | {"peak_gb": peak_gb(), "cpu": round(time.process_time(), 2)}))


def _ingest(room: Path, log: SocialLog, seed: int) -> dict[str, float]:
    begun = time.monotonic()
    log.ingest(room / FILES["log"])
    return {"ingest": time.monotonic() - begun}


def _compile(room: Path, log: SocialLog, seed: int) -> dict[str, float]:
    begun = time.monotonic()
    log.timeline(STEPS)
    return {"compile": time.monotonic() - begun}


def _train(room: Path, log: SocialLog, seed: int) -> dict[str, float]:
    """Word vectors learned and posts encoded; one pass of training over all steps."""
    from emotide.train import Trained
    from emotide.train.config import TrainConfig
    from emotide.train.fit import fit
    from emotide.train.run import RunConfig

    config = TrainConfig(epochs=1, window=WINDOW, least_window=WINDOW, updates=1, seed=seed)
    recipe = RunConfig(text="words", text_width=TEXT_WIDTH, timeline=STEPS, train=config)
    begun = time.monotonic()
    timeline = log.timeline(STEPS)
    texts = log.texts(timeline)
    trained = Trained.new(recipe, timeline, texts, log.spaces(), "cpu")
    vectors = trained.vectors(texts)
    del texts
    encoded = time.monotonic()
    fit(trained.model, timeline, vectors, config)
    passed = time.monotonic()
    trained.save(room / FILES["model"])
    return {"text": encoded - begun, "train": passed - encoded}


def _infer(room: Path, log: SocialLog, seed: int) -> dict[str, float]:
    """A reading of every active user at every step; the posts are encoded before."""
    from emotide.model.trace import trace
    from emotide.train import Trained

    timeline, trained = log.timeline(STEPS), Trained.load(room / FILES["model"])
    vectors = trained.vectors(log.texts(timeline))
    begun = time.monotonic()
    trace(trained.model, timeline, vectors, None)
    return {"infer": time.monotonic() - begun}


STAGES: dict[str, Callable[[Path, SocialLog, int], dict[str, float]]] = {
    "ingest": _ingest,
    "compile": _compile,
    "train": _train,
    "infer": _infer,
}


def _size(place: Path) -> float:
    """Gigabytes of a file or a folder."""
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return round(sum(file.stat().st_size for file in files) / 1e9, 4)


BENCH = Bench("ten thousand to a million users: ingest, compile, train, infer; how time grows", None, run)
