"""Honest probabilities: the calibration error of some trained models, before and after calibration on dev."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emotide.api import Emotide, SocialLog
from emotide.bench.bench import spread
from emotide.train import REPORTS, Calibration
from emotide.train.evaluate import TASKS

PROBABLE, DECIDED, SETS = ("ece", "nll", "auc"), ("weighted_f1", "macro_f1"), ("coverage", "size")
Found = Mapping[str, Sequence[dict[str, Any]]]  # reports -> one `evaluate` a seed


def uncalibrated(emotide: Emotide, log: SocialLog, space: str) -> dict[str, dict[str, Any]]:
    """What `evaluate` says of the probabilities as they were trained, for each regime of reports."""
    plain = Emotide(replace(emotide.trained, calibration=Calibration()))
    return {reports: plain.evaluate(log, space=space, reports=reports, baselines=False) for reports in REPORTS}


def honesty(before: Found, after: Found) -> dict[str, Any]:
    """ECE, NLL and AUC before and after, F1 of the decisions, which stay, and the sets for 0.9; known below `known`."""
    return {
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
