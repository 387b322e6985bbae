"""All weights of a part of a model in one row of numbers, so that an optimiser's step is a few operations."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from emotide.train.config import TrainConfig


class Flat:
    """The parameters of a module in a few flat tensors, one for each part that gets its gradients together.

    The module's parameters are views of these from now on, until `release` gives each its own memory again.

    Args:
        module: with all its parameters on one device and of one type.
    """

    def __init__(self, module: nn.Module) -> None:
        parts: dict[tuple[str, ...], list[nn.Parameter]] = {}
        for name, parameter in module.named_parameters():
            parts.setdefault(_part(name), []).append(parameter)
        self.names, self.groups = list(parts), list(parts.values())
        self.flat = [nn.Parameter(torch.cat([p.detach().reshape(-1) for p in group])) for group in self.groups]
        for flat, group in zip(self.flat, self.groups, strict=True):
            for parameter, mine in zip(group, _cut(flat.detach(), group), strict=True):
                parameter.data = mine

    def clear(self) -> None:
        """Forget all gradients."""
        for group in self.groups:
            for parameter in group:
                parameter.grad = None

    def collect(self, largest: float, added: "Added | None" = None) -> None:
        """The gradients in one row, no longer than `largest`, all of them taken together.

        A part of which nothing was asked has none, so that the optimiser leaves it as it is.

        Args:
            largest: norm.
            added: adds to the gradients of the flat tensors those that others found.
        """
        for flat, group in zip(self.flat, self.groups, strict=True):
            flat.grad = None
            if any(parameter.grad is not None for parameter in group):
                rows = [(p.grad if p.grad is not None else torch.zeros_like(p)).reshape(-1) for p in group]
                flat.grad = torch.cat(rows)
        if added is not None:
            added(self.flat)
        given = [flat.grad for flat in self.flat if flat.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(grad) for grad in given]))
        factor = (largest / (norm + 1e-6)).clamp(max=1.0)
        for grad in given:
            grad.mul_(factor)

    def release(self) -> None:
        """Give each parameter memory of its own again."""
        for group in self.groups:
            for parameter in group:
                parameter.data = parameter.data.clone()

    def towards(self, other: "Flat", share: float) -> None:
        """Move by a share of the way to the weights of another of the same kind."""
        with torch.no_grad():
            for mine, its in zip(self.flat, other.flat, strict=True):
                mine.lerp_(its, share)


Added = Callable[[Sequence[Tensor]], None]
Mark = Callable[[str], None]  # told what has just been done, by whoever does it


def unmarked(part: str) -> None:
    """Nobody asks where the time goes."""


class Descent(NamedTuple):
    """Gradient steps on flat parameters."""

    flat: Flat
    optimizer: torch.optim.Optimizer
    clip: float  # largest norm of a gradient
    mark: Mark = unmarked
    added: Added | None = None  # where others work on the same step

    def step(self, loss: Tensor) -> None:
        """One gradient step."""
        self.flat.clear()
        loss.backward()  # type: ignore[no-untyped-call]
        self.mark("backward")
        self.flat.collect(self.clip, self.added)
        self.optimizer.step()
        self.mark("optimizer")


def adamw(flat: Flat, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW on flat parameters; an encoder that learns too does so at a rate of its own."""
    of_encoder = [name[0] == "encoder" for name in flat.names]
    groups: list[dict[str, Any]] = [
        {"params": [row for row, its in zip(flat.flat, of_encoder, strict=True) if its == encoder], "lr": rate}
        for encoder, rate in ((False, config.learning_rate), (True, config.tune_encoder))
    ]
    wanted = [group for group in groups if group["params"]]
    return torch.optim.AdamW(wanted, weight_decay=config.weight_decay, fused=True)


def _part(name: str) -> tuple[str, ...]:
    """The part of a model to which a parameter belongs: network.f_H, readings.encoder, readings.bias.0, …"""
    words = name.split(".")
    return tuple(words[: 3 if words[2:3] and words[2].isdigit() else 2])


def _cut(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    parts = torch.split(flat, [each.numel() for each in like])
    return [part.view(each.shape) for part, each in zip(parts, like, strict=True)]
