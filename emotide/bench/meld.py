"""MELD (Poria et al. 2019): emotions in multi-party dialogue, on frozen MiniLM vectors."""

import time
from pathlib import Path
from typing import Any

from emotide.api import Emotide, Recipe
from emotide.bench.bench import Bench, Progress, Say, converted, gathered, spread
from emotide.model import NetworkConfig
from emotide.timeline import TimelineConfig
from emotide.train import TrainConfig

METRICS = ("weighted_f1", "macro_f1", "accuracy", "auc", "nll", "ece")


def recipe(seed: int) -> Recipe:
    """What did best on dev; the test part had no say."""
    return Recipe(
        text="minilm",
        timeline=TimelineConfig(step="turn"),
        network=NetworkConfig(dropout=0.4, input_dropout=0.4),
        train=TrainConfig(seed=seed, spaces=("meld",), learning_rate=1e-3),
    )


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Recognition and forecast with reports hidden and known, beside the baselines, on test; seconds to train."""
    seconds, dev = [], []
    found: dict[str, list[dict[str, Any]]] = {"hidden": [], "known": []}
    with converted("meld", data / "meld") as log:
        for seed in seeds:
            start = time.monotonic()
            emotide = Emotide.fit(log, recipe(seed), progress=progress)
            seconds.append(time.monotonic() - start)
            dev.append(emotide.history.best)
            for reports, runs in found.items():
                runs.append(emotide.evaluate(log, split="test", space="meld", reports=reports))
            say(f"seed {seed}: {seconds[-1]:.0f} s, dev {dev[-1]:.4f}")
    return {
        "data": "MELD, test part, MiniLM vectors",
        "seeds": seeds,
        "train_seconds": spread(seconds),
        "dev_score": spread(dev),
        **{reports: gathered(runs, METRICS) for reports, runs in found.items()},
    }


BENCH = Bench("emotions in dialogue, beside the baselines, reports hidden and known", "meld", run)
