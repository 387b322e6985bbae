"""MELD (Poria et al. 2019): emotions in multi-party dialogue, on frozen MiniLM vectors, beside rivals tuned alike."""

import time
from pathlib import Path
from typing import Any

from emotide.api import Emotide, Recipe
from emotide.bench.bench import Bench, Progress, Say, converted, gathered, spread
from emotide.bench.calibration import honesty, uncalibrated
from emotide.bench.rivals.usual import usual_rivals
from emotide.model import NetworkConfig
from emotide.timeline import TimelineConfig
from emotide.train import REPORTS, TrainConfig

METRICS = ("weighted_f1", "macro_f1", "accuracy", "auc", "nll", "ece")
TRIALS = 10  # settings of each rival that are tried on dev; of ours a dozen were


def recipe(seed: int) -> Recipe:
    """What did best on dev; the test part had no say."""
    return Recipe(
        text="minilm",
        timeline=TimelineConfig(step="turn"),
        network=NetworkConfig(dropout=0.4, input_dropout=0.6, update_bias=0.5),
        train=TrainConfig(seed=seed, spaces=("meld",), learning_rate=1e-3, averaging=0.99),
    )


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Recognition and forecast with reports hidden and known, beside the rivals, on test; calibration; seconds."""
    seconds, dev = [], []
    found: dict[str, list[dict[str, Any]]] = {reports: [] for reports in REPORTS}
    plain: dict[str, list[dict[str, Any]]] = {reports: [] for reports in REPORTS}
    with converted("meld", data / "meld") as log:
        for seed in seeds:
            start = time.monotonic()
            emotide = Emotide.fit(log, recipe(seed), progress=progress)
            seconds.append(time.monotonic() - start)
            dev.append(emotide.history.best)
            before = uncalibrated(emotide, log, "meld")
            for reports, runs in found.items():
                runs.append(emotide.evaluate(log, space="meld", reports=reports, baselines=False))
                plain[reports].append(before[reports])
            say(f"seed {seed}: {seconds[-1]:.0f} s, dev {dev[-1]:.4f}")
        timeline, vectors = emotide.compiled(log)  # the encoder learns nothing: the vectors of every seed are the same
        for reports, runs in found.items():
            rivals = usual_rivals(timeline, vectors.cpu().numpy(), "meld", reports, seeds, TRIALS, say)
            for k, one in enumerate(runs):
                one["baselines"] = {name: each[k] for name, each in rivals.items()}
    return {
        "data": "MELD, test part, frozen MiniLM vectors (third and last layer)",
        "seeds": seeds,
        "train_seconds": spread(seconds),
        "dev_score": spread(dev),
        **{reports: gathered(runs, METRICS) for reports, runs in found.items()},
        "calibration": honesty(plain, found),
    }


BENCH = Bench("emotions in dialogue, beside rivals tuned alike, reports hidden and known", "meld", run)
