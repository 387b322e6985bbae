"""Shortcut plans at depths 4 to 64: error and gradient at the first layer of none, regular, dense and searched."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.small_task import Learned, Task, digits, learn, parameters
from emotide.nn import Residual, ShortcutPlan
from emotide.nn.search import close_gates, openness, strongest
from emotide.nn.shortcuts import PLANS

DEPTHS = (4, 8, 16, 32, 64)
WIDTH, EPOCHS = 32, 30
SEARCH_RATE = 3e-3
# Every plan has six trainings of which dev chooses: a named one by rate and start, a searched one by rate and size
NAMED_RATES, STARTS = (1e-3, 2e-3, 4e-3), 2
SEARCHED_RATES, SIZES = (2e-3, 4e-3), (0.5, 1.0, 2.0)  # shortcuts kept, per layer


class Run(NamedTuple):
    """The best of a plan's trainings."""

    learned: Learned
    plan: ShortcutPlan


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """The share of test digits misread, and the norm of the gradient at the first layer before training."""
    start, depth_rows, gradient_rows, size_rows, numbers = time.monotonic(), {}, {}, {}, {}
    for number, depth in enumerate(DEPTHS):
        runs = [_all_plans(depth, seed) for seed in seeds]
        names = list(runs[0])
        depth_rows[str(depth)] = {name: spread([run[name].learned.error for run in runs]) for name in names}
        gradient_rows[str(depth)] = {name: _mean_gradient([run[name].plan for run in runs], seeds) for name in names}
        size_rows[str(depth)] = {name: [len(run[name].plan.shortcuts) for run in runs] for name in names}
        numbers[str(depth)] = parameters(_network(runs[0]["none"].plan, 0))
        progress(number + 1, len(DEPTHS), f"depth {depth}")
        say(f"depth {depth}: {depth_rows[str(depth)]}")
    return {
        "data": "8 x 8 digits of scikit-learn, 1000 train, 400 dev, 397 test, split by seed",
        "seeds": seeds,
        "seconds": round(time.monotonic() - start, 1),
        "parameters": numbers,  # and one scalar gate a shortcut
        "depth": depth_rows,
        "gradient": gradient_rows,
        "shortcuts": size_rows,
    }


def _all_plans(depth: int, seed: int) -> dict[str, Run]:
    task = digits(seed)
    found = {name: _best([ShortcutPlan.named(name, depth)] * STARTS, NAMED_RATES, task, seed) for name in PLANS}
    return found | {"searched": _best(_searched(depth, seed, task), SEARCHED_RATES, task, seed)}


def _best(plans: Iterable[ShortcutPlan], rates: tuple[float, ...], task: Task, seed: int) -> Run:
    """The training that did best on dev."""
    runs = []
    for start, plan in enumerate(plans):
        for rate in rates:
            runs.append(Run(learn(_network(plan, 100 * seed + start), task, rate, EPOCHS), plan))
    return min(runs, key=lambda run: run.learned.dev)


def _searched(depth: int, seed: int, task: Task) -> list[ShortcutPlan]:
    """Dense with gates that close, as many trainings as a plan has epochs; then the most open ones."""
    net = _network(ShortcutPlan.named("dense", depth), 100 * seed)
    close_gates(net)
    learn(net, task, SEARCH_RATE, EPOCHS)
    found = openness(net)
    return [ShortcutPlan(depth, strongest(found, round(size * depth))[""]) for size in SIZES]


def _network(plan: ShortcutPlan, seed: int) -> Residual:
    torch.manual_seed(seed)
    return Residual((64,), 10, WIDTH, plan.depth, plan)


def _mean_gradient(plans: list[ShortcutPlan], seeds: list[int]) -> float:
    """Mean over seeds of the norm of the loss's gradient at the first layer, before training."""
    norms = []
    for plan, seed in zip(plans, seeds, strict=True):
        task, net = digits(seed), _network(plan, seed)
        inputs, target = task.dev
        torch.autograd.backward(task.loss(net(inputs), target))
        norms.append(float(net.first.grad.norm()) if net.first.grad is not None else 0.0)
    return float(f"{sum(norms) / len(norms):.3g}")


BENCH = Bench("shortcut plans at depths 4 to 64: none, regular, dense, searched", None, run)
