"""The search for a shortcut plan: a dense plan whose gates can close, and which of them stayed open (paper 3.1)."""

import math
from collections.abc import Mapping
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from emotide.nn.residual import Residual
from emotide.nn.shortcuts import Shortcuts

Name = TypeVar("Name")
Openness = dict[tuple[int, int], float]  # of each shortcut; above 0 it is rather open than closed

SHARPNESS, LOW, HIGH = 2 / 3, -0.1, 1.1  # of the hard concrete distribution (Louizos et al. 2018)
UNIT = 10.0  # log odds per unit of the parameter: gates decide quicker than weights move
START = 2.0  # log odds of a gate that nothing was learned of


class ClosingGates(nn.Module):
    """Gates times masks that are drawn anew at every use, many of them exactly 0 or 1 (Louizos et al. 2018).

        mask = clip(LOW + (HIGH - LOW) · σ((log u - log(1 - u) + a) / SHARPNESS), 0, 1),      u uniform in (0, 1)

    In evaluation u is 1/2 and SHARPNESS 1. Every gradient step pulls each log odds a down by the gradient of
    `pull` · P(mask > 0), so that what does not help closes.

    Args:
        gates: how many.
        pull: weight, in the loss, of one mask that is not 0.
    """

    def __init__(self, gates: int, pull: float) -> None:
        super().__init__()
        self.open = nn.Parameter(torch.full((gates,), START / UNIT))
        self.pull = pull
        self.open.register_post_accumulate_grad_hook(self._pulled)  # type: ignore[no-untyped-call]

    def forward(self, gates: Float[Tensor, " gates"]) -> Float[Tensor, " gates"]:
        """The gates, masked."""
        odds = UNIT * self.open
        if self.training:
            u = torch.rand_like(odds).clamp(1e-6, 1 - 1e-6)
            odds = (torch.logit(u) + odds) / SHARPNESS
        return gates * (LOW + (HIGH - LOW) * odds.sigmoid()).clamp(0, 1)

    def _pulled(self, parameter: Tensor) -> None:
        chance = torch.sigmoid(UNIT * parameter.detach() - SHARPNESS * math.log(-LOW / HIGH))
        if parameter.grad is not None:
            parameter.grad += self.pull * UNIT * chance * (1 - chance)


def close_gates(module: nn.Module, pull: float = 1.0) -> None:
    """Let the gates of all residual networks in a module close while it is trained, in place.

    Args:
        module: with dense plans, so that there is something to close.
        pull: weight, in the loss, of the share of masks that are not 0.
    """
    parts = [part for part in module.modules() if isinstance(part, Residual) and part.plan.shortcuts]
    total = sum(len(part.plan.shortcuts) for part in parts)
    for part in parts:
        parametrize.register_parametrization(part, "gates", ClosingGates(len(part.plan.shortcuts), pull / total))


def openness(module: nn.Module) -> dict[str, Openness]:
    """Log odds of the masks that `close_gates` made, by the name of the residual network in the module."""
    found = {}
    for name, part in module.named_modules():
        if isinstance(part, Residual) and parametrize.is_parametrized(part, "gates"):
            odds = UNIT * part.parametrizations["gates"][0].open.detach()  # type: ignore[index, union-attr]
            found[name] = dict(zip(part.plan.shortcuts, odds.tolist(), strict=True))
    return found


def strongest(found: Mapping[Name, Openness], keep: int) -> dict[Name, Shortcuts]:
    """The `keep` shortcuts that are the most open of all; a network that none is left to has an empty plan."""
    ranked = sorted(
        ((odds, name, shortcut) for name, each in found.items() for shortcut, odds in each.items()),
        key=lambda row: -row[0],
    )
    kept: dict[Name, list[tuple[int, int]]] = {name: [] for name in found}
    for _, name, shortcut in ranked[:keep]:
        kept[name].append(shortcut)
    return {name: tuple(shortcuts) for name, shortcuts in kept.items()}
