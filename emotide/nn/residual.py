"""Generalised residual networks, the base of every module (paper 3.1, Fig. 2)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.nn.applied import applied
from emotide.nn.layers import Form, ResidualFunction, Weights
from emotide.nn.projection import Part, dtype_of, taken_apart
from emotide.nn.shortcuts import ShortcutPlan


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
        normalised: whether what each hidden layer's nonlinearity gets is divided by its root mean square in the row.
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
        normalised: bool = False,
    ) -> None:
        super().__init__()
        self.plan = plan if plan is not None else ShortcutPlan.named("regular", depth)
        if self.plan.depth != depth:
            raise ValueError(f"a plan of depth {self.plan.depth} was given to a network of depth {depth}")
        self.inputs, self.stack, self.dropout, self.normalised = tuple(inputs), stack, dropout, normalised
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

    @property
    def weights(self) -> Weights:
        """Of the layers behind the first product."""
        return Weights(self.hidden, self.hidden_bias, self.last, self.last_bias, self.gates)

    @property
    def form(self) -> Form:
        """How the layers work together as things stand."""
        return Form(self.plan, self.dropout if self.training else 0.0, self.normalised)

    def forward(self, *parts: Part) -> Float[Tensor, "*stack rows outputs"]:
        """The output for every row; with `stack` > 1 one matrix per network, stacked in front."""
        values, index = taken_apart(parts, self.first.dtype)
        tensors = (self.first, self.first_bias, *self.weights, *values)
        out = applied(ResidualFunction, self.form, index, *tensors).to(dtype_of(parts[0]))
        return torch.unflatten(out, 1, (self.stack, -1)).transpose(0, 1) if self.stack > 1 else out


def _uniform(*shape: int) -> Tensor:
    bound = 1 / math.sqrt(shape[-2])
    return torch.empty(*shape).uniform_(-bound, bound)
