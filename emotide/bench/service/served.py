"""A service in a process of its own, over a large simulated log, for whoever measures it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import polars as pl

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.speed.large_log import BEGIN, DAYS, write_large_log
from emotide.model import NetworkConfig
from emotide.recommend import QConfig
from emotide.serve.tokens import Scope, create
from emotide.store import Store
from emotide.timeline import TimelineConfig
from emotide.train import TrainConfig

ITEMS, FEEDBACK, TAUGHT = 200, 2000, 1000  # FEEDBACK rows; users of the log that the model learns from
PATIENCE = 1800  # seconds until a service over a large log is ready
LIMITS = "rate = 1000000.0\nburst = 1000000\nfailure_burst = 1000000\nstream_seconds = 0.05\n"


@dataclass(frozen=True)
class Served:
    """Where it is, which process it is, a token that allows everything, and what is set when it is warm."""

    url: str
    process: int
    token: str
    warm: threading.Event

    def megabytes(self) -> float:
        """What the process holds in memory now."""
        status = Path(f"/proc/{self.process}/status").read_text("utf-8")
        return round(int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024, 1)  # type: ignore[union-attr]

    def health(self) -> dict[str, object]:
        """What the engine says of itself."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return dict(httpx.get(f"{self.url}/v1/health", headers=headers, timeout=60.0).raise_for_status().json())


def town(folder: Path, users: int, seed: int) -> tuple[Path, Path]:
    """A store with so many people, and a small model that has learned a little from others like them."""
    model, store = folder / "model", folder / "town.db"
    taught = SocialLog.open(str(folder / "taught.db"))
    taught.ingest(_log(folder / "taught", min(users, TAUGHT), seed + 1))
    recipe = Recipe(
        text="words", text_width=16, timeline=TimelineConfig(step="1d"),
        network=NetworkConfig(state=32, influence=8, observed=32, width=32, pair_width=16),
        train=TrainConfig(epochs=2, updates=4, seed=seed), recommend=QConfig(steps=20, batch=64, seed=seed),
    )  # fmt: skip
    Emotide.fit(taught, recipe).save_pretrained(model)
    SocialLog.open(str(store)).ingest(_log(folder / "log", users, seed))
    return store, model


def _log(folder: Path, users: int, seed: int) -> Path:
    """The large log with items, and what some made of them."""
    write_large_log(folder, users, seed)
    rng = np.random.default_rng(seed)
    items = [f"i{k}" for k in range(ITEMS)]
    pl.DataFrame({"item_id": items, "title": [f"w{k} w{k + 1}" for k in range(ITEMS)]}).write_csv(folder / "items.csv")
    pl.DataFrame(
        {
            "user_id": [f"u{k}" for k in rng.integers(0, users, FEEDBACK)],
            "item_id": rng.choice(items, FEEDBACK),
            "time": BEGIN + rng.integers(0, DAYS * 86_400, FEEDBACK),
            "reward": rng.integers(0, 2, FEEDBACK).astype(float),
        }
    ).write_csv(folder / "feedback.csv")
    return folder


@contextmanager
def served(store: Path, model: Path) -> Iterator[Served]:
    """The service, as soon as it is ready, until the block ends."""
    limits = store.with_name("service.toml")
    limits.write_text(LIMITS, "utf-8")
    token = create(Store.open(store), "bench", list(Scope), 1.0).token
    command = [sys.executable, "-c", "from emotide.cli import main; main()", "serve", "--store", str(store)]
    command += ["--model", str(model), "--port", "0", "--config", str(limits)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    lines = process.stderr
    assert lines is not None
    late = threading.Timer(PATIENCE, process.kill)
    late.start()
    try:
        said, url = [], ""
        for line in lines:
            said.append(line)
            if found := re.search(r"listening on (http://\S+)", line):
                url = found.group(1)
            elif line.strip() == "ready":
                late.cancel()
                warm = threading.Event()
                threading.Thread(target=_read, args=(lines, warm), daemon=True).start()
                yield Served(url, process.pid, token, warm)
                break
        else:
            raise RuntimeError(f"the service did not start: {''.join(said[-5:])}")
    finally:
        late.cancel()
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _read(lines: Iterable[str], warm: threading.Event) -> None:
    """Take the log of a service, so that it can go on writing; nothing of it is kept."""
    for line in lines:
        if line.startswith("warm"):
            warm.set()
