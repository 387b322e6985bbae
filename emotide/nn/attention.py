"""Attention of an owner over its rows: a user over posts (f_AT) or over neighbours (f_G)."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from emotide.nn.residual import Part, Residual
from emotide.nn.segment import segment_softmax, segment_sum
from emotide.nn.shortcuts import ShortcutPlan


class SegmentAttention(nn.Module):
    """Σ_rows α · value(row) for every owner, where α is a softmax over the owner's rows.

        score = ⟨query(owner), key(row)⟩ / √d        α = softmax of the scores over the rows of one owner

    Key and value come from one residual network on the parts of the row. An owner with no row gets the learned vector
    `empty`.

    Args:
        owner: width of the owners' vectors.
        inputs: width of each part of a row.
        outputs: width of the result.
        width, depth, dropout, plan: of the residual network.
    """

    def __init__(
        self,
        owner: int,
        inputs: tuple[int, ...],
        outputs: int,
        width: int = 64,
        depth: int = 1,
        keys: int = 16,
        dropout: float = 0.0,
        plan: str = "regular",
    ) -> None:
        super().__init__()
        self.keys = keys
        self.query = nn.Linear(owner, keys)
        self.row = Residual(inputs, keys + outputs, width, depth, ShortcutPlan.named(plan, depth), dropout=dropout)
        self.empty = nn.Parameter(0.1 * torch.randn(outputs))

    def rows(
        self, owners: Float[Tensor, "owners state"], segment: Int[Tensor, " rows"], *parts: Part
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows outputs"]]:
        """The weight α and the value of every row; `segment` says whose it is."""
        key, value = self.row(*parts).tensor_split((self.keys,), 1)
        query = self.query(owners).index_select(0, segment)
        return segment_softmax((query * key).sum(1) / math.sqrt(self.keys), segment, len(owners)), value

    def forward(
        self, owners: Float[Tensor, "owners state"], segment: Int[Tensor, " rows"], *parts: Part
    ) -> Float[Tensor, "owners outputs"]:
        """What each owner's rows say together."""
        weight, value = self.rows(owners, segment, *parts)
        said = segment_sum(weight[:, None] * value, segment, len(owners))
        return torch.where(self.occupied(segment, len(owners))[:, None], said, self.empty)

    @staticmethod
    def occupied(segment: Int[Tensor, " rows"], owners: int) -> Tensor:
        """bool[owners]: who has a row."""
        return torch.zeros(owners, dtype=torch.bool, device=segment.device).index_fill(0, segment, True)
