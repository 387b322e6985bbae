"""Long memory: the deep LSTM cell beside nn.LSTM and nn.GRU of as many parameters, each tuned with the same budget."""

import time
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from emotide.bench.bench import Bench, Composite, Progress, Say, spread
from emotide.bench.sequence_nets import NETS
from emotide.bench.small_task import Examples, Learned, Task, digits, learn, parameters
from emotide.nn import DeepLSTMCell
from emotide.nn.shortcuts import PLANS

LENGTHS = (200, 500, 1000)
EPOCHS, UPDATES, BATCH, JUDGED = 10, 24, 32, 200  # of the adding problem; JUDGED examples in dev and in test
SOLVED = 2e-3  # mean squared error at which the adding problem is left; saying 1 each time has 1/6
DIGITS = {"rows": (8, 8), "pixels": (64, 1)}  # steps, inputs
DIGIT_EPOCHS = 20
DEPTHS = (4, 8, 16, 32, 64)
Settings = tuple[float, bool]  # learning rate; whether the units start with time constants up to the length
GRID: list[Settings] = list(product((3e-3, 1e-2), (False, True)))  # that each network is tuned on


def adding(length: int, seed: int) -> Task:
    """Two rows of numbers: one in [0, 1], one that marks one number of each half; their sum is asked at the end.

    Hochreiter & Schmidhuber 1997. Examples of training are drawn anew for every gradient step.
    """
    own = torch.Generator().manual_seed(seed)

    def drawn(count: int, generator: torch.Generator | None = None) -> Examples:
        number, marked = torch.rand(count, length, generator=generator), torch.zeros(count, length)
        for low, high in ((0, length // 2), (length // 2, length)):
            place = torch.randint(low, high, (count, 1), generator=generator)
            marked.scatter_(1, place, 1.0)
        return torch.stack([number, marked], 2).transpose(0, 1).contiguous(), (number * marked).sum(1, keepdim=True)

    def batches() -> Iterable[Examples]:
        return (drawn(BATCH) for _ in range(UPDATES))

    return Task(batches, drawn(JUDGED, own), drawn(JUDGED, own), functional.mse_loss, functional.mse_loss)


def run_adding(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Mean squared error on test by length; the settings are tuned on other examples, at the shortest."""
    start, shortest, found = time.monotonic(), LENGTHS[0], {}
    tuned = {name: _best(name, adding(shortest, -1), (2, 1), shortest, EPOCHS, 1000, GRID)[0] for name in NETS}
    say(f"tuned: {tuned}")
    for number, length in enumerate(LENGTHS):
        found[str(length)] = {
            name: spread([
                _best(name, adding(length, seed), (2, 1), length, EPOCHS, seed, [best])[1].error for seed in seeds
            ])
            for name, best in tuned.items()
        }  # fmt: skip
        progress(number + 1, len(LENGTHS), f"length {length}")
        say(f"length {length}: {found[str(length)]}")
    return {
        "data": f"adding problem, drawn; {EPOCHS * UPDATES} gradient steps of {BATCH}, at most",
        "seeds": seeds,
        "seconds": round(time.monotonic() - start, 1),
        "parameters": _sizes(2, 1),
        "rate_and_remembering": tuned,
        "error": found,
    }


def run_digits(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """The share of test digits misread, row by row and pixel by pixel; the settings are tuned on dev of each split."""
    start, found, settings = time.monotonic(), {}, {}
    for number, (kind, (steps, inputs)) in enumerate(DIGITS.items()):
        runs = {
            name: [
                _best(name, digits(seed, (steps, inputs)), (inputs, 10), steps, DIGIT_EPOCHS, seed, GRID)
                for seed in seeds
            ]
            for name in NETS
        }
        found[kind] = {name: spread([learned.error for _, learned in each]) for name, each in runs.items()}
        settings[kind] = {name: [best for best, _ in each] for name, each in runs.items()}
        progress(number + 1, len(DIGITS), kind)
        say(f"{kind}: {found[kind]}")
    return {
        "data": "8 x 8 digits of scikit-learn, 1000 train, 400 dev, 397 test, split by seed",
        "seeds": seeds,
        "seconds": round(time.monotonic() - start, 1),
        "parameters": _sizes(1, 10),
        "rate_and_remembering": settings,
        "error": found,
    }


def run_gradient(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Before training: the gradient at the first step's input by length, at the first layer of a deep cell by depth."""
    by_length = {
        str(length): {
            f"{name}{', remembering' if memory else ''}": _mean([_first_step(name, length, memory, s) for s in seeds])
            for name, memory in product(NETS, (None, float(length)))
        }
        for length in LENGTHS
    }
    by_depth = {
        str(depth): {plan: _mean([_first_layer(depth, plan, seed) for seed in seeds]) for plan in PLANS}
        for depth in DEPTHS
    }
    return {"seeds": seeds, "length": by_length, "depth": by_depth}


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"adding": {LENGTH: {NET: [mean, sd]}}, "digits": …, "gradient": …}`, and how they were made."""
    out: dict[str, Any] = {"gradient": found["gradient"]} if "gradient" in found else {}
    told = {name: figures for name, figures in found.items() if name != "gradient"}
    out |= {name: figures["error"] for name, figures in told.items()}
    return out | {"how": {name: {k: v for k, v in one.items() if k != "error"} for name, one in told.items()}}


def _best(
    name: str, task: Task, sizes: tuple[int, int], length: int, epochs: int, seed: int, grid: Sequence[Settings]
) -> tuple[Settings, Learned]:
    """Of a network trained with each of some settings: those with the lowest loss on dev, and what became of it."""
    runs = []
    for rate, remember in grid:
        torch.manual_seed(seed)
        net = NETS[name](*sizes, float(length) if remember else None)
        runs.append(((rate, remember), learn(net, task, rate, epochs, SOLVED)))
    return min(runs, key=lambda run: run[1].dev)


def _sizes(inputs: int, outputs: int) -> dict[str, int]:
    return {name: parameters(make(inputs, outputs, None)) for name, make in NETS.items()}


def _mean(norms: list[Tensor]) -> float:
    return float(f"{float(torch.stack(norms).mean()):.3g}")


def _first_step(name: str, length: int, memory: float | None, seed: int) -> Tensor:
    """Root mean square, over examples, of the gradient of the answer at the input of the first step."""
    torch.manual_seed(seed)
    net = NETS[name](2, 1, memory)
    inputs = adding(length, seed).dev[0][:, :BATCH].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(inputs).sum(), inputs)
    norm: Tensor = gradient[0].square().sum(1).mean().sqrt()
    return norm


def _first_layer(depth: int, plan: str, seed: int) -> Tensor:
    """Norm of the gradient of ten steps' mean state at the first layer of the new content of a cell of this depth."""
    torch.manual_seed(seed)
    cell = DeepLSTMCell(32, (2,), 32, depth, plan=plan)
    s = torch.zeros(BATCH, 32)
    for u in adding(10, seed).dev[0][:, :BATCH]:
        s = cell(s, u)
    (gradient,) = torch.autograd.grad(s.mean(), cell.f3.first)
    norm: Tensor = gradient.norm()
    return norm


BENCH = Composite(
    "long memory: adding problem and digits step by step, deep LSTM beside LSTM and GRU; gradients",
    {
        "adding": Bench("the adding problem at lengths 200, 500, 1000", None, run_adding),
        "digits": Bench("digits, row by row and pixel by pixel", None, run_digits),
        "gradient": Bench("gradients at the first step and the first layer, before training", None, run_gradient),
    },
    joined,
)
