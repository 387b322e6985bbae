"""Small networks on small tasks: one way to train for all rivals, the epoch chosen on dev, test read for it alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Examples = tuple[Tensor, Tensor]
Measure = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Task:
    """Examples to learn from, to choose by, and to judge by."""

    batches: Callable[[], Iterable[Examples]]  # of one epoch, drawn with torch's generator
    dev: Examples
    test: Examples
    loss: Measure
    error: Measure  # what is reported


class Learned(NamedTuple):
    """What became of a network."""

    dev: float  # loss on dev, the lowest of all epochs
    error: float  # on test, after that epoch


def learn(
    net: nn.Module, task: Task, learning_rate: float, epochs: int, solved: float = 0.0, weight_decay: float = 1e-2
) -> Learned:
    """Train in place with AdamW and clipped gradients.

    Args:
        net: from an input of the task to what its measures take.
        task: the examples.
        learning_rate, weight_decay: of AdamW.
        epochs: how many, at most.
        solved: training stops where the loss on dev is no more than this.
    """
    optimizer = torch.optim.AdamW(net.parameters(), learning_rate, weight_decay=weight_decay)
    best = Learned(np.inf, np.inf)
    for _ in range(epochs):
        net.train()
        for inputs, target in task.batches():
            optimizer.zero_grad()
            torch.autograd.backward(task.loss(net(inputs), target))
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        net.eval()
        with torch.no_grad():
            dev = float(task.loss(net(task.dev[0]), task.dev[1]))
            if dev < best.dev:
                best = Learned(dev, float(task.error(net(task.test[0]), task.test[1])))
        if dev <= solved:
            break
    return best


def share_wrong(scores: Tensor, target: Tensor) -> Tensor:
    """The share of rows whose highest score is not that of their class."""
    return (scores.argmax(-1) != target).float().mean()


def digits(seed: int, shape: tuple[int, ...] = (64,), batch: int = 100) -> Task:
    """The 1797 handwritten digits of 8 × 8 pixels that scikit-learn brings: 1000 to train, 400 for dev, 397 for test.

    Args:
        seed: of the split.
        shape: of one example: (64,), or (steps, inputs) for a sequence, whose steps come before the rows.
        batch: examples a gradient step.
    """
    from sklearn.datasets import load_digits

    pixels, label = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(label))
    scaled = (pixels[order] - pixels[order[:1000]].mean(0)) / pixels[order[:1000]].std()
    x = torch.from_numpy(scaled.astype(np.float32)).reshape(-1, *shape)
    y = torch.from_numpy(label[order])

    def part(rows: Tensor) -> Examples:
        return (x[rows].transpose(0, 1).contiguous() if len(shape) > 1 else x[rows]), y[rows]

    def batches() -> Iterable[Examples]:
        return (part(rows) for rows in torch.split(torch.randperm(1000), batch))

    rows = torch.arange(len(y))
    return Task(batches, part(rows[1000:1400]), part(rows[1400:]), functional.cross_entropy, share_wrong)


def parameters(net: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in net.parameters())
