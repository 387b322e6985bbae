"""Every part of the fused network removed in turn: what each is worth, on real logs and on the town."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from emotide.api import Emotide, Recipe
from emotide.bench.bench import Bench, Composite, Progress, Say, spread
from emotide.bench.logs import LOGS
from emotide.train.evaluate import TASKS

METRICS = ("weighted_f1", "macro_f1", "auc")


class Change(NamedTuple):
    """What is taken away: other values of fields of the network's and the training's configuration."""

    network: Mapping[str, Any] = MappingProxyType({})
    train: Mapping[str, Any] = MappingProxyType({})


CHANGES = {
    "full": Change(),
    "gru_cells": Change({"cell": "gru"}),
    "no_neighbours": Change({"neighbours": False}),
    "no_attention": Change({"attention": False}),
    "one_head": Change({"heads": 1}),
    "nothing_said": Change({"said": False}),
    "not_reciprocal": Change({"reciprocal": False}),
    "no_shortcuts": Change({"plan": "none"}),
    "no_way_around_the_cell": Change({"shortcut_dropout": 1.0}),
    "no_report_memory": Change({"memory": False}),
    "no_forecast_loss": Change(train={"forecast": 0.0}),
    "no_next_observation": Change(train={"next_observation": 0.0}),
    "no_anchor": Change(train={"anchor": 0.0}),
    "no_reports": Change(train={"reports": 0.0}),
}


def changed(recipe: Recipe, change: Change) -> Recipe:
    """The recipe without a part."""
    return recipe.changed({}, network=dict(change.network), train=dict(change.train))


def measure(log: str, name: str, data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Scores of the test part and seconds of each seed, by one network on one log."""
    compared = LOGS[log]
    out: dict[str, Any] = {"seeds": seeds, "seconds": [], "dev_score": [], "scores": {}}
    for seed in seeds:
        with compared.opened(data, seed) as opened:
            start = time.monotonic()
            emotide = Emotide.fit(opened, changed(compared.recipe(seed), CHANGES[name]), progress=progress)
            out["seconds"].append(round(time.monotonic() - start, 1))
            out["dev_score"].append(round(emotide.history.best, 4))
            for reports in compared.regimes:
                found = emotide.evaluate(opened, space=compared.space, reports=reports, baselines=False)
                for task in TASKS:
                    for metric in METRICS:
                        held = out["scores"].setdefault(reports, {}).setdefault(task, {})
                        held.setdefault(metric, []).append(found[task][metric])
        say(f"{log}, {name}, seed {seed}: {out['seconds'][-1]} s, dev {out['dev_score'][-1]:.4f}")
    return out


def table(found: dict[str, Any]) -> dict[str, Any]:
    """Means with spreads of one log's networks, and differences to the full one, seed by seed."""
    full, out = found["full"]["scores"], {}
    for name, one in found.items():
        rows: dict[str, Any] = {key: spread(one[key]) for key in ("seconds", "dev_score")}
        for reports, by_task in one["scores"].items():
            rows[reports] = {
                task: {
                    metric: {"score": spread(values), "difference": _difference(values, full[reports][task][metric])}
                    for metric, values in by_metric.items()
                }
                for task, by_metric in by_task.items()
            }
        out[name] = rows
    return {"seeds": found["full"]["seeds"], **out}


def _difference(values: list[float | None], full: list[float | None]) -> list[float] | None:
    if None in values or None in full:
        return None
    return spread((np.array(values, float) - np.array(full, float)).tolist())


def _of_log(log: str) -> Composite:
    cells = {name: Bench(f"{name} on {log}", LOGS[log].needs, partial(measure, log, name)) for name in CHANGES}
    return Composite(f"every part of the network removed in turn, on {log}", cells, table)


BENCH = Composite(
    "every part of the network removed in turn: meld, social_evolution, fanchuan, the town",
    {log: _of_log(log) for log in LOGS},
    dict,
)
