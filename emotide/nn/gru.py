"""The usual gated cell, to measure what the deep one is worth."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.nn.projection import Gathered, Part


class GRUCell(nn.Module):
    """torch's GRU cell on the same state and the same parts of the input as `DeepLSTMCell`.

    Args:
        state: width of the state.
        inputs: width of each part of the input.
    """

    def __init__(self, state: int, inputs: tuple[int, ...]) -> None:
        super().__init__()
        self.cell = nn.GRUCell(sum(inputs), state)

    def forward(self, s: Float[Tensor, "rows state"], *u: Part) -> Float[Tensor, "rows state"]:
        """The next state of every row."""
        parts = [part.values.index_select(0, part.index) if isinstance(part, Gathered) else part for part in u]
        next_s: Tensor = self.cell(torch.cat(parts, 1), s)
        return next_s
