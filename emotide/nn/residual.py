"""Generalised residual networks, the base of every module (paper 3.1, Fig. 2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from emotide.nn.shortcuts import ShortcutPlan


@dataclass(frozen=True)
class Gathered:
    """Rows of a table, by index: `values[index]`, but projected before they are gathered (DESIGN 3.4)."""

    values: Float[Tensor, "table width"]
    index: Int[Tensor, " rows"]


Part = Tensor | Gathered
FEW = 3  # sources up to which adding them one by one is quicker than stacking them


class Residual(nn.Module):
    """A stack of layers of one width where any earlier layer may feed any later one.

        h_0 = W_0 u
        h_j = silu(W_j h_{j-1}) + Σ_{(i,j) ∈ S} g_ij · h_i      j = 1 … depth
        out = W_{depth+1} h_depth

    The sum stands behind the layer, so that a chain of shortcuts is a path of products with gates alone. A gate starts
    at one over the number of shortcuts that arrive with it, so that they carry the mean of their sources, and a layer
    that is added to them starts smaller by the root of the number of such layers: signal and gradient then keep their
    size from depth 1 to 64.

    The input u is a concatenation of parts; each part has columns of W_0 of its own, so that a part which is a table
    row (`Gathered`) is multiplied once per table row and not once per output row. With `stack` = n, n such networks
    read the same input in one batch of products.

    Args:
        inputs: width of each part of the input.
        outputs: width of the output.
        width, depth: of the hidden layers.
        plan: the shortcut plan; its depth must be `depth`. 'regular' by default.
        stack: how many networks side by side.
        dropout: share of each hidden layer's units dropped in training; what shortcuts bring is never dropped.
    """

    def __init__(
        self,
        inputs: Sequence[int],
        outputs: int,
        width: int = 64,
        depth: int = 2,
        plan: ShortcutPlan | None = None,
        stack: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.plan = plan if plan is not None else ShortcutPlan.named("regular", depth)
        if self.plan.depth != depth:
            raise ValueError(f"a plan of depth {self.plan.depth} was given to a network of depth {depth}")
        self.inputs, self.stack, self.dropout = tuple(inputs), stack, dropout
        self.first = nn.Parameter(_uniform(sum(inputs), stack * width))
        self.first_bias = nn.Parameter(torch.zeros(stack * width))
        # silu takes most of its input's size, of which the gain makes some good
        self.hidden = nn.Parameter(1.7 * _uniform(depth, stack, width, width))
        self.hidden_bias = nn.Parameter(torch.zeros(depth, stack, 1, width))
        self.last = nn.Parameter(_uniform(stack, width, outputs))
        self.last_bias = nn.Parameter(torch.zeros(stack, 1, outputs))
        self.gates = nn.Parameter(torch.tensor([1 / len(s) for s in self.plan.into for _ in s]))
        joined = [layer - 1 for layer in self.plan.joined]
        with torch.no_grad():
            self.hidden[joined] /= math.sqrt(max(1, len(joined)))

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return self.plan.depth

    def forward(self, *parts: Part) -> Float[Tensor, "*stack rows outputs"]:
        """The output for every row; with `stack` > 1 one matrix per network, stacked in front."""
        first = sum(self._project(part, weight) for part, weight in zip(parts, self._columns(), strict=True))
        h = [torch.unflatten(first + self.first_bias, 1, (self.stack, -1)).transpose(0, 1)]
        gates = torch.split(self.gates, [len(sources) for sources in self.plan.into])
        for j in range(1, self.depth + 1):
            inner = torch.baddbmm(self.hidden_bias[j - 1], h[-1], self.hidden[j - 1])
            out = functional.dropout(functional.silu(inner), self.dropout, self.training)
            h.append(_joined(out, gates[j], [h[i] for i in self.plan.into[j]]))
        out = torch.baddbmm(self.last_bias, h[-1], self.last)
        return out if self.stack > 1 else out[0]

    def _columns(self) -> Sequence[Tensor]:
        return torch.split(self.first, list(self.inputs))

    @staticmethod
    def _project(part: Part, weight: Tensor) -> Tensor:
        if isinstance(part, Gathered):
            return (part.values @ weight).index_select(0, part.index)
        return part @ weight


def _joined(out: Tensor, gates: Tensor, sources: list[Tensor]) -> Tensor:
    """out + Σ gate · source."""
    if len(sources) > FEW:
        arriving: Tensor = torch.tensordot(gates, torch.stack(sources), 1)
        return out + arriving
    for gate, source in zip(gates, sources, strict=True):
        out = torch.addcmul(out, gate, source)
    return out


def _uniform(*shape: int) -> Tensor:
    bound = 1 / math.sqrt(shape[-2])
    return torch.empty(*shape).uniform_(-bound, bound)
