"""Attention of an owner over its rows: a user over posts (f_AT) or over neighbours (f_G)."""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from emotide.nn.applied import applied
from emotide.nn.fused_attention import AttentionFunction, Heads
from emotide.nn.projection import Part
from emotide.nn.residual import Residual
from emotide.nn.segment import segment_softmax
from emotide.nn.shortcuts import Plan, ShortcutPlan


class SegmentAttention(nn.Module):
    """Σ_rows α · value(row) for every owner, where α is a softmax over the owner's rows; every head has its own.

        score = ⟨query(owner), key(row)⟩ / √d        α = softmax of the scores over the rows of one owner

    Key and value come from one residual network on the parts of the row. An owner with no row gets the learned vector
    `empty`. Where rows are a sample, a row that had the chance π to be in it stands for 1/π of its like: its score
    gains −log π, so that numerator and denominator of the softmax are unbiased estimates of those over all rows.

    Args:
        owner: width of the owners' vectors.
        inputs: width of each part of a row.
        outputs: width of the result, a multiple of `heads`.
        width, depth, dropout, plan, normalised: of the residual network.
        keys: width of the keys of one head.
        heads: how many softmaxes; each weighs its share of the value's coordinates.
        uniform: every row weighs the same, whatever it says: a plain mean, to measure what attention is worth.
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
        plan: Plan = "regular",
        heads: int = 1,
        uniform: bool = False,
        normalised: bool = False,
    ) -> None:
        super().__init__()
        if outputs % heads:
            raise ValueError(f"{outputs} coordinates cannot be shared out among {heads} heads")
        self.keys, self.heads, self.share, self.uniform = keys, heads, outputs // heads, uniform
        self.query = nn.Linear(owner, heads * keys)
        shortcuts = ShortcutPlan.of(plan, depth)
        form: dict[str, Any] = {"dropout": dropout, "normalised": normalised}
        self.row = Residual(inputs, heads * keys + outputs, width, depth, shortcuts, **form)
        self.empty = nn.Parameter(0.1 * torch.randn(outputs))

    def rows(
        self,
        owners: Float[Tensor, "owners state"],
        segment: Int[Tensor, " rows"],
        *parts: Part,
        chance: Float[Tensor, " rows"] | None = None,
    ) -> tuple[Float[Tensor, "rows heads"], Float[Tensor, "rows outputs"]]:
        """The weights α and the value of every row; `segment` says whose it is, `chance` how likely it was drawn."""
        key, value = self.row(*parts).tensor_split((self.heads * self.keys,), 1)
        if self.uniform:
            scores = value.new_zeros(len(value), self.heads)
        else:
            query = self.query(owners).index_select(0, segment)
            scores = torch.unflatten(query * key, 1, (self.heads, self.keys)).sum(2) / math.sqrt(self.keys)
        if chance is not None:
            scores = scores - chance.log()[:, None]
        return segment_softmax(scores, segment, len(owners)), value

    def weighed(
        self, weight: Float[Tensor, "rows heads"], value: Float[Tensor, "rows outputs"]
    ) -> Float[Tensor, "rows outputs"]:
        """α · value of every row, each head over its share of the coordinates."""
        return (weight[:, :, None] * torch.unflatten(value, 1, (self.heads, self.share))).flatten(1)

    def forward(
        self,
        owners: Float[Tensor, "owners state"],
        segment: Int[Tensor, " rows"],
        *parts: Part,
        chance: Float[Tensor, " rows"] | None = None,
    ) -> Float[Tensor, "owners outputs"]:
        """What each owner's rows say together."""
        if not len(segment):
            return self.empty.expand(len(owners), -1)
        query = None if self.uniform else self.query(owners)
        heads = Heads(self.heads, self.keys)
        return applied(AttentionFunction, heads, segment, chance, query, self.row(*parts), self.empty, len(owners))

    @staticmethod
    def occupied(segment: Int[Tensor, " rows"], owners: int) -> Tensor:
        """bool[owners]: who has a row."""
        return torch.zeros(owners, dtype=torch.bool, device=segment.device).index_fill(0, segment, True)
