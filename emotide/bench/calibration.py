"""Honest probabilities on MELD: the calibration error of the test part, before and after calibration on dev."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotide.api import Emotide
from emotide.bench.bench import Bench, Progress, Say, converted, spread
from emotide.bench.meld import recipe
from emotide.train import REPORTS, Calibration
from emotide.train.evaluate import TASKS

PROBABLE, DECIDED, SETS = ("ece", "nll", "auc"), ("weighted_f1", "macro_f1"), ("coverage", "size")
Found = dict[str, list[dict[str, Any]]]  # reports -> one `evaluate` a seed


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """ECE, NLL and AUC before and after, F1 of the decisions, which stay, and the sets for 0.9; known below `known`."""
    before: Found = {reports: [] for reports in REPORTS}
    after: Found = {reports: [] for reports in REPORTS}
    with converted("meld", data / "meld") as log:
        for seed in seeds:
            honest = Emotide.fit(log, recipe(seed), progress=progress)
            plain = Emotide(replace(honest.trained, calibration=Calibration()))
            for reports in REPORTS:
                for found, emotide in ((before, plain), (after, honest)):
                    found[reports].append(emotide.evaluate(log, space="meld", reports=reports, baselines=False))
            told = [f"{after[reports][-1][task]['ece']:.4f}" for reports in REPORTS for task in TASKS]
            say(f"seed {seed}: ECE of recognition and forecast, hidden {told[0]} {told[1]}, known {told[2]} {told[3]}")

    return {
        "data": "MELD, test part, MiniLM vectors; calibrated on dev",
        "seeds": seeds,
        **{metric: _both(before, after, metric) for metric in PROBABLE},
        **{metric: _by_task(after, lambda one, task, metric=metric: one[task][metric]) for metric in DECIDED},
        "sets": {name: _by_task(after, lambda one, task, name=name: one["sets"][task][name]) for name in SETS},
    }


def _both(before: Found, after: Found, metric: str) -> dict[str, Any]:
    """task -> before, after -> mean and spread."""
    old, new = (_by_task(found, lambda one, task: one[task][metric]) for found in (before, after))
    pairs = {task: {"before": old[task], "after": new[task]} for task in TASKS}
    known = {task: {"before": old["known"][task], "after": new["known"][task]} for task in TASKS}
    return {**pairs, "known": known}


def _by_task(found: Found, pick: Callable[..., float]) -> dict[str, Any]:
    """Mean and spread over seeds for each task with reports hidden, and below `known` the same with reports known."""
    by_regime = {
        reports: {task: spread([pick(one, task) for one in runs]) for task in TASKS} for reports, runs in found.items()
    }
    return {**by_regime["hidden"], "known": by_regime["known"]}


BENCH = Bench("calibration error of MELD's probabilities before and after calibration", "meld", run)
