"""Attention of owners over their rows in one piece, with its gradients written out.

    q_r = query[owner of r] · key_r / √d − log chance_r          a score for each head
    α_r = exp(q_r − top) / Σ_{rows of the owner} exp(q − top)
    out_o = Σ_{rows of o} α_r ∘ value_r,  or `empty` where o has no row

Backwards from d = dout, with D_r = d[owner of r], sums within a head:

    dvalue_r = α_r ∘ D_r                 dq_r = α_r (Σ D_r ∘ value_r − Σ d_o ∘ out_o)
    dkey_r = dq_r query[o] / √d          dquery_o = Σ_{rows of o} dq_r key_r / √d
    dempty = Σ of d over the owners without a row

The mean over the rows of α ∘ dα that a softmax needs is Σ d_o ∘ out_o: no sum over rows is wanted for it.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class Heads(NamedTuple):
    """How many softmaxes there are, and how wide the key of each is."""

    number: int
    keys: int

    def sums(self, x: Tensor) -> Tensor:
        """[rows, heads]: the sum of each head's share of the columns."""
        return torch.unflatten(x, 1, (self.number, x.shape[1] // self.number)).sum(2)


class AttentionFunction(torch.autograd.Function):
    """Arguments: heads, owner of each row, its chance or None, query of each owner or None, key and value, `empty`."""

    @staticmethod
    def forward(
        ctx: Any,
        heads: Heads,
        owner: Tensor,
        chance: Tensor | None,
        query: Tensor | None,
        row: Tensor,
        empty: Tensor,
        owners: int,
    ) -> Tensor:
        """The way there."""
        width = heads.number * heads.keys
        value = row[:, width:]
        if query is None:
            scores = row.new_zeros(len(row), heads.number)
        else:
            scores = heads.sums(query.index_select(0, owner).mul_(row[:, :width])).mul_(1 / math.sqrt(heads.keys))
        if chance is not None:
            scores.sub_(chance.log()[:, None])
        top = scores.new_full((owners, heads.number), -torch.inf)
        top.scatter_reduce_(0, owner[:, None].expand_as(scores), scores, "amax")
        weight = scores.sub_(top.index_select(0, owner)).exp_()
        total = weight.new_zeros(owners, heads.number).index_add_(0, owner, weight)
        weight.div_(total.index_select(0, owner))
        said = value.new_zeros(owners, value.shape[1]).index_add_(0, owner, _weighed(heads, weight, value))
        nobody = total[:, :1] == 0
        out = torch.where(nobody, empty, said)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(owner, query, row, weight, out, nobody)
            ctx.heads = heads
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        """The way back."""
        heads, (owner, query, row, weight, out, nobody) = ctx.heads, ctx.saved_tensors
        width = heads.number * heads.keys
        mine, drow, dquery = d.index_select(0, owner), torch.empty_like(row), None
        if query is None:
            drow[:, :width] = 0
        else:
            dscore = heads.sums(mine * row[:, width:]).sub_(heads.sums(d * out).index_select(0, owner))
            dscore.mul_(weight).mul_(1 / math.sqrt(heads.keys))
            drow[:, :width] = _weighed(heads, dscore, query.index_select(0, owner))
            dquery = torch.zeros_like(query).index_add_(0, owner, _weighed(heads, dscore, row[:, :width]))
        drow[:, width:] = _weighed(heads, weight, mine)
        return None, None, None, dquery, drow, (d * nobody).sum(0), None


def _weighed(heads: Heads, weight: Tensor, x: Tensor) -> Tensor:
    """x, the share of each head in the columns times its weight."""
    shape = (heads.number, x.shape[1] // heads.number)
    return (weight[:, :, None] * torch.unflatten(x, 1, shape)).flatten(1)
