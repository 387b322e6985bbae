"""The deep LSTM cell (paper 3.2, Fig. 3)."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.nn.fused_cell import cell_step
from emotide.nn.projection import Part
from emotide.nn.residual import Residual
from emotide.nn.shortcuts import Plan, ShortcutPlan


class DeepLSTMCell(nn.Module):
    """One step for many rows (users or pairs) at once; rows never mix.

        z  = σ(f1(s, u))             (1)  update gate
        r  = σ(f2(s, u))             (2)  reset gate
        s~ = tanh(f3(r ∘ s, u))      (3)  new content
        s' = (1 − z) ∘ s + z ∘ s~    (4)  next state

    The tanh bounds the state for ever; the path from s to s' is a product and a sum and nothing else.

    Args:
        state: width of the state s.
        inputs: width of each part of the input u.
        width, depth, dropout, plan, normalised: of the residual networks f1, f2 and f3; the path of the state has none.
        update_bias: where the update gate of every unit starts; below zero, the cell starts by remembering.
        memory: in steps; where given, the units start with time constants 1 / z from 2 steps to this, at equal ratios,
            in place of `update_bias`: some follow what happens, some keep it (after Tallec & Ollivier 2018).
    """

    def __init__(
        self,
        state: int,
        inputs: tuple[int, ...],
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.0,
        update_bias: float = -1.0,
        plan: Plan = "regular",
        memory: float | None = None,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        shortcuts = ShortcutPlan.of(plan, depth)
        whole = (state, *inputs)
        inner: dict[str, Any] = {"dropout": dropout, "normalised": normalised}
        self.f12 = Residual(whole, state, width, depth, shortcuts, stack=2, **inner)  # same input: one batch
        self.f3 = Residual(whole, state, width, depth, shortcuts, **inner)
        with torch.no_grad():
            self.f12.last_bias[0] = update_bias if memory is None else remembering(state, memory)

    def forward(self, s: Float[Tensor, "rows state"], *u: Part) -> Float[Tensor, "rows state"]:
        """The next state of every row; `u` is the input in parts, see `Residual`."""
        return cell_step(self.f12, self.f3, s, u)  # (1) to (4)


def remembering(state: int, memory: float) -> Float[Tensor, " state"]:
    """Biases b of the update gate with time constants 1 / σ(b) from 2 to `memory` steps, at equal ratios.

    Raises:
        ValueError: a memory of less than 2 steps.
    """
    if memory < 2:
        raise ValueError(f"a memory of {memory} steps: 2 or more are wanted")
    ratio = torch.linspace(0, 1, state)
    return -torch.log(2 * (memory / 2) ** ratio - 1)
