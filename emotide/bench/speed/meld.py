"""MELD: seconds an epoch, and to the final model, with cached vectors; beside the plain LSTM's epochs."""

import time
from pathlib import Path
from typing import Any

from emotide.api import Emotide
from emotide.bench.bench import Bench, Progress, Say, converted
from emotide.bench.meld import recipe
from emotide.bench.speed.timing import faster, here, runs_of, threads, told
from emotide.train.lstm import PlainConfig, plain_answers

SPACE = "meld"


class Epochs:
    """Seconds of each epoch but the first, by what training tells; the first also holds what is done once."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._last = progress, 0.0
        self.seconds: list[float] = []

    def __call__(self, done: int, total: int, what: str) -> None:
        """An epoch is over."""
        now = time.perf_counter()
        if done > 1:
            self.seconds.append(now - self._last)
        self._last = now
        self._progress(done, total, what)


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Seconds of one seed's training, whole and by epoch; judging on dev is part of an epoch on either side."""
    with converted("meld", data / "meld") as log, threads():
        made = recipe(0)
        short = made.changed({}, train={"epochs": 1})
        timeline, vectors = Emotide.fit(log, short).compiled(log)  # so that timeline and vectors lie in the cache
        epochs, start = Epochs(progress), time.perf_counter()
        Emotide.fit(log, made, progress=epochs)
        whole = time.perf_counter() - start
        inputs = vectors.cpu().numpy()

        def plain(epochs: int) -> float:
            start = time.perf_counter()
            plain_answers(timeline, inputs, SPACE, 2, False, 0, PlainConfig(epochs=epochs, patience=epochs))
            return time.perf_counter() - start

        lstm = []
        for run in range(runs_of(seeds)):
            few, more = plain(1), plain(3)  # what is done once is in both
            lstm.append((more - few) / 2)
            progress(run + 1, runs_of(seeds), "plain LSTM")
        say(f"{whole:.1f} s to the final model")
        return {
            "seconds": round(whole, 2),
            "epoch_ratio": faster(epochs.seconds, lstm),
            "how": {
                "epoch": {"ours": told(epochs.seconds), "lstm": told(lstm)},
                "whole": told([whole]),
                "machine": here(),
            },
        }


BENCH = Bench("seconds of training on MELD, an epoch and in all", "meld", run)
