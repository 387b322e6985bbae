"""The layers of residual networks side by side, with their gradients written out.

    inner_j = h_{j-1} W_j + b_j,  or where layers are normalised  x / √(mean of x² + ε)  of that x, in each network
    h_j     = mask_j ∘ silu(inner_j) + Σ_{(i,j) ∈ S} g_ij h_i          j = 1 … depth
    out     = h_depth W + b

and back from dout, where dx is the gradient of the loss by x:

    dh_depth = dout Wᵀ                          dW = h_depthᵀ dout         db = Σ_rows dout
    dh_i    += g_ij dh_j                        dg_ij = ⟨dh_j, h_i⟩
    dinner_j = silu'(inner_j) ∘ mask_j ∘ dh_j   dW_j = h_{j-1}ᵀ dinner_j   db_j = Σ_rows dinner_j
    dh_{j-1} += dinner_j W_jᵀ
    normalised: dx = (dinner − inner · mean of dinner ∘ inner) / √(mean of x² + ε)  stands for dinner in the last three

n networks stand side by side in the columns of one matrix, so that what is done to each number is done at once.
Autograd would do the same in some three times as many operations and keep more of what it made.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from emotide.nn.dropout import mask
from emotide.nn.products import ROWS, across, added, product
from emotide.nn.projection import Projection
from emotide.nn.shortcuts import ShortcutPlan

EPSILON = 1e-6  # of a mean square: a layer of zeros stays one


class Weights(NamedTuple):
    """What the layers of n networks are made of."""

    hidden: Tensor  # [depth, n, width, width]
    hidden_bias: Tensor  # [depth, n, 1, width]
    last: Tensor  # [n, width, outputs]
    last_bias: Tensor  # [n, 1, outputs]
    gates: Tensor  # of the shortcuts, in the order of the plan


class Form(NamedTuple):
    """How the layers of a network work together."""

    plan: ShortcutPlan
    dropped: float  # share of the units of a layer that are dropped as things stand
    normalised: bool


class Layers:
    """One run of the layers: what the way back needs of the way there.

    Args:
        weights: of all networks.
        form: of all networks.
        kept: whether to keep what `backward` needs.
    """

    def __init__(self, weights: Weights, form: Form, kept: bool) -> None:
        self.w, self.kept = weights, kept
        self.plan, self.dropped, self.normalised = form
        self.gates: list[float] = weights.gates.tolist()
        self.h: list[Tensor] = []
        self.inner: list[Tensor] = []
        self.scales: list[Tensor] = []
        self.masks: list[Tensor] = []

    def saved(self) -> list[Tensor]:
        """What autograd is to keep, so that it can be freed, or made again; always as many."""
        return [*self.w, *self.h, *self.inner, *self.scales, *self.masks]

    @classmethod
    def restored(cls, saved: Sequence[Tensor], form: Form) -> "Layers":
        """The run that `saved` this."""
        made, depth, rest = cls(Weights(*saved[:5]), form, kept=True), form.plan.depth, iter(saved[5:])
        made.h, made.inner = list(islice(rest, depth + 1)), list(islice(rest, depth))
        made.scales = list(islice(rest, depth if form.normalised else 0))
        made.masks = list(rest)
        return made

    def forward(self, h: Tensor) -> Tensor:
        """out of every row, [rows, n · outputs], from h_0, [rows, n · width]."""
        self.h, gate = [h], iter(self.gates)
        for j in range(1, self.plan.depth + 1):
            inner = _products(self.h[-1], self.w.hidden[j - 1], self.w.hidden_bias[j - 1])
            if self.normalised:
                inner = self._normalised(inner)
            out = functional.silu(inner) if self.kept else functional.silu(inner, inplace=True)
            if self.dropped:
                drawn = mask(out, self.dropped)
                out.mul_(drawn)
                self.masks += [drawn] if self.kept else []
            for i in self.plan.into[j]:
                out.add_(self.h[i], alpha=next(gate))
            self.h.append(out)
            if self.kept:
                self.inner.append(inner)
        return _products(self.h[-1], self.w.last, self.w.last_bias)

    def backward(self, d: Tensor) -> tuple[Tensor, Weights]:
        """dh_0 and the gradients of the weights, from dout."""
        grads = Weights(*(torch.empty_like(part) for part in self.w))
        gate = len(self.gates)
        grads.last_bias.copy_(d.sum(0).view_as(grads.last_bias))
        dh = {self.plan.depth: _back(d, self.h[-1], self.w.last, grads.last)}
        for j in range(self.plan.depth, 0, -1):
            here = dh.pop(j)
            for i in reversed(self.plan.into[j]):
                gate -= 1
                grads.gates[gate] = torch.dot(here.view(-1), self.h[i].view(-1))
                dh[i] = dh[i].add_(here, alpha=self.gates[gate]) if i in dh else here * self.gates[gate]
            if self.dropped:
                here.mul_(self.masks[j - 1])
            dinner = torch.ops.aten.silu_backward.grad_input(here, self.inner[j - 1], grad_input=here)
            if self.normalised:
                dinner = self._unnormalised(dinner, j)
            grads.hidden_bias[j - 1].copy_(dinner.sum(0).view_as(grads.hidden_bias[j - 1]))
            dh[j - 1] = _back(dinner, self.h[j - 1], self.w.hidden[j - 1], grads.hidden[j - 1], dh.get(j - 1))
        return dh[0], grads

    def _normalised(self, x: Tensor) -> Tensor:
        """Each network's units of a row, divided by their root mean square."""
        each = x.view(len(x), self.w.hidden.shape[1], self.w.hidden.shape[2])
        scale = each.square().mean(2, keepdim=True).add_(EPSILON).rsqrt_()
        self.scales += [scale] if self.kept else []
        return (each * scale).view_as(x)

    def _unnormalised(self, d: Tensor, j: int) -> Tensor:
        """The gradient by what was normalised in layer j."""
        scale = self.scales[j - 1]
        each, inner = (t.view(len(d), scale.shape[1], d.shape[1] // scale.shape[1]) for t in (d, self.inner[j - 1]))
        return torch.addcmul(each, inner, (each * inner).mean(2, keepdim=True), value=-1).mul_(scale).view_as(d)


def _products(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """h W + b of each network, side by side."""
    n, width, outputs = weight.shape
    if n == 1 and h.shape[0] < ROWS and h.dtype != torch.bfloat16:
        return torch.addmm(bias[0, 0], h, weight[0])
    out = h.new_empty(h.shape[0], n * outputs)
    for k in range(n):
        mine, here = slice(k * width, (k + 1) * width), slice(k * outputs, (k + 1) * outputs)
        product(h[:, mine], weight[k], out[:, here], bias[k, 0])
    return out


def _back(d: Tensor, h: Tensor, weight: Tensor, dweight: Tensor, more: Tensor | None = None) -> Tensor:
    """dh = d Wᵀ, added to what came there already, and dW = hᵀ d, written into `dweight`."""
    n, width, outputs = weight.shape
    dh = h.new_empty(h.shape) if more is None else more
    if n == 1:
        across(h, d, dweight[0])
        return (product if more is None else added)(d, weight[0].T, dh)
    for k in range(n):
        mine, here = slice(k * width, (k + 1) * width), d[:, k * outputs : (k + 1) * outputs]
        across(h[:, mine], here, dweight[k])
        (product if more is None else added)(here, weight[k].T, dh[:, mine])
    return dh


class ResidualFunction(torch.autograd.Function):
    """A residual network with its first product; arguments as `Residual.forward` gives them."""

    @staticmethod
    def forward(ctx: Any, form: Form, index: list[Tensor | None], *tensors: Tensor) -> Tensor:
        """The way there."""
        first, bias, *rest = tensors
        weights, values = Weights(*rest[:5]), rest[5:]
        projection = Projection(values, index, first)
        layers = Layers(weights, form, any(ctx.needs_input_grad))
        out = layers.forward(projection.forward(bias))
        if any(ctx.needs_input_grad):
            first_part = projection.saved()
            ctx.save_for_backward(*first_part, *layers.saved())
            ctx.made = form, len(first_part)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        """The way back."""
        form, n = ctx.made
        saved = ctx.saved_tensors
        projection, layers = Projection.restored(saved[:n]), Layers.restored(saved[n:], form)
        dh, weights = layers.backward(d)
        dfirst, dvalues = projection.backward(dh, ctx.needs_input_grad[9:])
        return None, None, dfirst, dh.sum(0), *weights, *dvalues
