"""Screening inside media: codes of which parts were never decoded at full size (paper 2; DESIGN 3.6)."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emotide.api import Emotide
from emotide.api.skimming import inside_curve
from emotide.bench.bench import Progress, Say, spread
from emotide.bench.logs import town_recipe
from emotide.bench.modalities import EPOCHS, SPACE, media_town
from emotide.bench.probe import folds, labelled_posts, probed
from emotide.vectors.audio import SoundVectors
from emotide.vectors.autoencoder import LearningConfig
from emotide.vectors.decode import MediaLimits
from emotide.vectors.image import ImageVectors
from emotide.vectors.salience import Salience, encode_inside
from emotide.vectors.workers import Decoders

SHARES = (0.1, 0.2, 0.3, 0.5)  # of the parts that are decoded
KINDS = {"emodb": "audio", "face_expressions": "image"}
LIMITS = MediaLimits()


def run_inside(name: str, data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Encoders and salience taught on a fold's training part; the probe on its test part, at shares of parts kept.

    Returns:
        share -> {"skipped": share of parts, "recall": {"ours", "random"}, "error": the same, mean squared distance from
        the codes of the whole in variances of these, "time_ratio": seconds for whole files in those for parts};
        `whole`: recall of whole files; `explained`: variance of importance that a look explains on other files.
    """
    from sklearn.metrics import recall_score

    runs = []
    with labelled_posts(name, data) as posts, Decoders(LIMITS) as decoders:
        places, label = posts[KINDS[name]].to_list(), posts["category"].to_numpy()
        owner = posts["user_id"].to_numpy() if name == "emodb" else np.arange(len(places))
        for number, seed in enumerate(seeds, 1):
            train, test = next(folds(owner, seed))
            encoder, salience = _taught(KINDS[name], [places[k] for k in train], seed, decoders)
            start = _spent(decoders)
            plain = encoder.encode(places, decoders)
            whole = _spent(decoders) - start

            def recall(codes: np.ndarray, train: np.ndarray = train, test: np.ndarray = test) -> float:
                read = probed(codes, label, owner, train, test)
                return float(recall_score(label[test], read, average="macro"))

            run: dict[str, Any] = {"whole": recall(plain.vectors), "explained": salience.explained}
            for share in SHARES:
                here: dict[str, Any] = {"recall": {}, "error": {}}
                for method, drawn in (("ours", None), ("random", seed)):
                    start = _spent(decoders)
                    some, skipped = encode_inside(encoder, salience, places, share, decoders, seed=drawn)
                    took = _spent(decoders) - start
                    here["recall"][method] = recall(some.vectors)
                    wrong = np.square(some.vectors - plain.vectors).mean() / plain.vectors.var(0).mean()
                    here["error"][method] = float(wrong)
                    if method == "ours":
                        here |= {"skipped": skipped, "time_ratio": whole / took}
                run[str(share)] = here
            runs.append(run)
            progress(number, len(seeds), name)
            say(f"{name}, seed {seed}: {run}")
    return {
        "seeds": seeds,
        "whole": spread([run["whole"] for run in runs]),
        "explained": spread([run["explained"] for run in runs]),
        **{str(share): _joined([run[str(share)] for run in runs]) for share in SHARES},
    }


def run_inside_town(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """A town with drawn faces, made tunes and clips of both: people read while parts alone of late files are.

    Returns:
        share -> {"skipped", "time_ratio", "recognition", "forecast"}, each [mean, sd]; accuracy on the test part.
    """
    runs = []
    for number, seed in enumerate(seeds, 1):
        with media_town(seed) as log:
            made = Emotide.fit(log, town_recipe(seed).changed({}, train={"epochs": EPOCHS}))
            runs.append(inside_curve(made.trained, log, SPACE))
        progress(number, len(seeds), "towns")
        say(f"town, seed {seed}: {runs[-1].rows(named=True)}")
    told = ("skipped", "time_ratio", "recognition", "forecast")
    shares = runs[0]["share"].to_list()
    return {
        "seeds": seeds,
        **{
            str(share): {name: spread([run[name][k] for run in runs]) for name in told}
            for k, share in enumerate(shares)
        },
    }


def _joined(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one share over all seeds."""
    return {
        name: spread([run[name] for run in runs])
        if not isinstance(runs[0][name], dict)
        else {method: spread([run[name][method] for run in runs]) for method in runs[0][name]}
        for name in ("skipped", "recall", "error", "time_ratio")
    }


def _taught(
    kind: str, places: Sequence[str], seed: int, decoders: Decoders
) -> tuple[SoundVectors | ImageVectors, Salience]:
    """An encoder, and what parts are worth to it."""
    config = LearningConfig(epochs=2)
    fitted = SoundVectors if kind == "audio" else ImageVectors
    encoder = fitted.fit(places, 64, seed, config, LIMITS)
    return encoder, Salience.learned(encoder, places, decoders, seed)


def _spent(decoders: Decoders) -> float:
    """Seconds of processors of this process, and those that children were at it."""
    return time.process_time() + decoders.seconds
