"""Social Evolution (Madan et al. 2012): who of a dormitory reports to be sad or stressed tomorrow."""

from pathlib import Path
from typing import Any

import numpy as np

from emotide.api import Emotide, Recipe
from emotide.bench.bench import Bench, Progress, Say, converted, gathered
from emotide.errors import BadInput
from emotide.model import NetworkConfig
from emotide.timeline import SPLITS, TimelineConfig
from emotide.train import TrainConfig, answers
from emotide.train.baselines import BASELINES, Question

SPACE, RESAMPLES = "mood_report", 2000


def recipe(seed: int) -> Recipe:
    """What did best on dev."""
    return Recipe(
        text_width=8,  # there is no text in this log
        timeline=TimelineConfig(step="1d"),
        network=NetworkConfig(state=48, influence=8, observed=32, width=64, pair_width=24),
        train=TrainConfig(seed=seed, reports=1.0, class_weights=0.0, patience=10, least_window=6),
    )


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """AUC of the forecast with reports known, split 70/15/15 by days, with a bootstrap interval over people."""
    runs, forecasts = [], []
    with converted("social_evolution", data / "social_evolution") as log:
        for seed in seeds:
            emotide = Emotide.fit(log, recipe(seed), progress=progress)
            runs.append(emotide.evaluate(log, space=SPACE, reports="known"))
            timeline, vectors = emotide.compiled(log)
            found = answers(emotide.trained.model, timeline, vectors, SPACE, SPLITS.index("test"), "known")
            forecasts.append(found.forecast)
            say(f"seed {seed}: forecast AUC {runs[-1]['forecast']['auc']:.4f}")
        question = Question(timeline, vectors.cpu().numpy(), SPACE, SPLITS.index("test"), "known", 0)
        rival = BASELINES["history_logistic"](question).forecast
        labels = timeline.labels[SPACE]
        names = timeline.spaces[SPACE]
    if not len(found.row):
        raise BadInput("the log has no labels in its test part", data)
    distressed = names.index("distressed")
    truth = labels.latest[found.row] == distressed
    ours = np.mean(forecasts, 0)[:, distressed]
    return {
        "data": "Social Evolution, one step a day, 70/15/15 by days, reports known",
        "seeds": seeds,
        "n": len(truth),
        "distressed": int(truth.sum()),
        "methods": gathered(runs, ("auc", "weighted_f1", "macro_f1", "nll", "ece")),
        "bootstrap": _bootstrap(truth, ours, rival[:, distressed], labels.user[found.row]),
    }


def _bootstrap(truth: np.ndarray, ours: np.ndarray, rival: np.ndarray, user: np.ndarray) -> dict[str, Any]:
    """95 % intervals, over people, of the AUC of the seeds' mean forecast, of the rival's, and of the difference."""
    from sklearn.metrics import roc_auc_score

    if truth.all() or not truth.any():
        raise BadInput("the test part needs reports of both kinds: an AUC is of one against the other")
    rng = np.random.default_rng(0)
    people = np.unique(user)
    rows = [np.flatnonzero(user == person) for person in people]
    draws: list[tuple[float, float]] = []
    while len(draws) < RESAMPLES:
        drawn = np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])
        if 0 < truth[drawn].sum() < len(drawn):
            draws.append((roc_auc_score(truth[drawn], ours[drawn]), roc_auc_score(truth[drawn], rival[drawn])))
    ours_auc, rival_auc = np.array(draws).T
    interval = {name: np.quantile(values, [0.025, 0.975]).round(4).tolist() for name, values in (
        ("ours", ours_auc), ("history_logistic", rival_auc), ("difference", ours_auc - rival_auc))}  # fmt: skip
    return {"auc_ours": round(float(roc_auc_score(truth, ours)), 4),
            "auc_history_logistic": round(float(roc_auc_score(truth, rival)), 4), "interval": interval}  # fmt: skip


BENCH = Bench("distress reported tomorrow, beside logistic regression on the user's history", "social_evolution", run)
