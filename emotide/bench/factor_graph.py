"""The network beside a dynamic factor graph in the manner of MoodCast: accuracy, time, hand-set assumptions."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from emotide.api import Emotide
from emotide.bench.bench import Bench, Composite, Progress, Say, spread
from emotide.bench.logs import LOGS, Compared
from emotide.bench.rivals.answers import learned
from emotide.bench.rivals.assumptions import FACTOR_GRAPH, NETWORK, SHARED
from emotide.timeline import SPLITS
from emotide.train.evaluate import TASKS, scores

METRICS = ("weighted_f1", "macro_f1", "accuracy", "auc")
TRIALS = 8  # settings of the factor graph that are tried on dev, for each seed; of ours about as many were, once a log
COMPARED = ("social_evolution", "fanchuan_campuslife", "fanchuan_cs2", "town")


def compare(name: str, data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Scores of the test part for each regime of reports, and seconds, of both methods on one log."""
    compared = LOGS[name]
    runs = [_both(compared, data, seed, progress) for seed in seeds]
    for seed, run in zip(seeds, runs, strict=True):
        told = ", ".join(f"{method} {run['dev_score'][method]:.4f}" for method in run["dev_score"])
        say(f"{name}, seed {seed}: dev {told}")
    out: dict[str, Any] = {"seeds": seeds, "trials": TRIALS, "config": [run["config"] for run in runs]}
    for reports in compared.regimes:
        out[reports] = {
            method: {
                task: {metric: spread([run[reports][method][task][metric] for run in runs]) for metric in METRICS}
                for task in TASKS
            }
            for method in ("ours", "factor_graph")
        }
    for name_of in ("train_seconds", "dev_score"):
        out[name_of] = {method: spread([run[name_of][method] for run in runs]) for method in runs[0][name_of]}
    return out


def _both(compared: Compared, data: Path, seed: int, progress: Progress) -> dict[str, Any]:
    space, test = compared.space, SPLITS.index("test")
    with compared.opened(data, seed) as log:
        start = time.monotonic()
        emotide = Emotide.fit(log, compared.recipe(seed), progress=progress)
        seconds = time.monotonic() - start
        timeline, vectors = emotide.compiled(log)
        known = tuple(reports == "known" for reports in compared.regimes)
        graph = learned(timeline, vectors.cpu().numpy(), space, known, TRIALS, seed)
        out: dict[str, Any] = {
            "train_seconds": {
                "ours": seconds, "factor_graph": graph.seconds, "factor_graph_search": graph.search_seconds
            },
            "dev_score": {"ours": emotide.history.best, "factor_graph": graph.dev},
            "config": graph.graph.config.model_dump(),
        }  # fmt: skip
        for reports in compared.regimes:
            theirs = graph.answers(timeline, space, test, reports == "known")
            out[reports] = {
                "ours": emotide.evaluate(log, space=space, reports=reports, baselines=False),
                "factor_graph": scores(timeline.labels[space], theirs, False),
            }
    return out


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """All logs, with what a person decided about emotion in each method."""
    listed = {"shared": list(SHARED), "factor_graph": list(FACTOR_GRAPH), "ours": list(NETWORK)}
    counts = {method: len(listed[method]) + len(SHARED) for method in ("ours", "factor_graph")}
    return {**found, "hand_set_assumptions": counts, "assumptions": listed}


BENCH = Composite(
    "the network beside a dynamic factor graph: accuracy, time, hand-set assumptions",
    {name: Bench(f"factor graph on {name}", LOGS[name].needs, partial(compare, name)) for name in COMPARED},
    joined,
)
