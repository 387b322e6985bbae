"""The usual rivals on any log, each with its own search on dev: plain LSTM and GRU, and the baselines without seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from emotide.bench.bench import Say
from emotide.timeline import SPLITS, Timeline
from emotide.train.baselines import BASELINES, BLIND, Question
from emotide.train.evaluate import scores
from emotide.train.lstm import GRID, PlainConfig, plain_answers, tuned

SEEDED = ("lstm", "gru")


def usual_rivals(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    space: str,
    reports: str,
    seeds: Sequence[int],
    trials: int,
    say: Say,
) -> dict[str, list[dict[str, Any]]]:
    """`{NAME: [{"recognition": …, "forecast": …} of each seed]}` on the test part.

    Args:
        timeline, vectors, space: of the log, as the network gets them.
        reports: 'hidden' or 'known'.
        seeds: of the trainings of LSTM and GRU; the others have none, and are fitted once.
        trials: settings of LSTM and GRU that are tried on dev, with the first seed.
        say: told which settings were chosen.
    """
    test, labels, dimensional = SPLITS.index("test"), timeline.labels[space], space in timeline.dimensional
    out: dict[str, list[dict[str, Any]]] = {}
    for name, found in BASELINES.items():
        if reports == "hidden" and name not in BLIND:
            continue
        if name not in SEEDED:
            once = found(Question(timeline, vectors, space, test, reports, seeds[0]))
            out[name] = [dict(scores(labels, once, dimensional))] * len(seeds)
            continue
        start = PlainConfig.model_validate({"cell": name})
        known = reports == "known"
        chosen = tuned(timeline, vectors, space, known, trials, start, seeds[0])
        say(f"{name}, reports {reports}: {chosen.model_dump(include=set(GRID))}")
        answered = [plain_answers(timeline, vectors, space, test, known, seed, chosen) for seed in seeds]
        out[name] = [dict(scores(labels, each, dimensional)) for each in answered]
    return out
