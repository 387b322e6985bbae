"""How rivals are tuned: settings drawn from a grid, judged on dev by what early stopping of the network watches."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from emotide.timeline import Labels
from emotide.train.evaluate import Answers, scores

WATCHED = ("weighted_f1", "macro_f1", "auc", "ccc")


def score_of(labels: Labels, found: Answers, dimensional: bool) -> float:
    """Weighted F1, macro F1 and AUC (of dimensions: concordance), meaned over recognition and forecast.

    The same as `evaluate.dev_score` gives the network in one space and one regime.
    """
    by_kind = scores(labels, found, dimensional)
    watched = [[task[name] or 0.0 for name in WATCHED if name in task] for task in by_kind.values()]
    return float(np.mean([np.mean(values) for values in watched]))


def drawn(grid: Mapping[str, Sequence[Any]], trials: int, seed: int) -> list[dict[str, Any]]:
    """At most so many settings: first the defaults, which is none at all, then points of the grid, none twice."""
    points = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    order = np.random.default_rng(seed).permutation(len(points))
    return [{}, *(points[k] for k in order[: trials - 1])]
