"""The deep LSTM cell in one piece, with its gradients written out (paper 3.2; the equations stand in `cell`).

f1, f2 and f3 differ at their first product in the state alone, s for f1 and f2, r ∘ s for f3. So all that is not state
is multiplied once by the columns of all three, side by side:

    P    = Σ_parts u_k [W12_k, W3_k] + [b12, b3]
    z, r = σ(layers12(P12 + s V12))
    new  = tanh(layers3(P3 + (r ∘ s) V3)),      tanh x = 2 σ(2x) − 1, several times cheaper here than torch.tanh
    s'   = s + z ∘ (new − s)

Backwards from d = ds', where q is what reaches a network before its nonlinearity:

    dnew = z ∘ d             dq3 = (1 − new²) ∘ dnew                  (dP3, weights) = back through layers3
    t    = dP3 V3ᵀ           the gradient by r ∘ s
    dq1  = z ∘ (1 − z) ∘ (new − s) ∘ d      dq2 = r ∘ (1 − r) ∘ s ∘ t      (dP12, weights) = back through layers12
    ds   = (1 − z) ∘ d + r ∘ t + dP12 V12ᵀ
    dV12 = sᵀ dP12           dV3 = (r ∘ s)ᵀ dP3
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from emotide.nn.applied import applied
from emotide.nn.layers import Form, Layers, Weights
from emotide.nn.products import across, added, product
from emotide.nn.projection import Part, Projection, taken_apart
from emotide.nn.residual import Residual


def cell_step(f12: Residual, f3: Residual, s: Tensor, parts: Sequence[Part]) -> Tensor:
    """The next state of every row."""
    values, index = taken_apart(parts, f12.first.dtype)
    tensors = (f12.first, f12.first_bias, *f12.weights, f3.first, f3.first_bias, *f3.weights, s, *values)
    return applied(CellFunction, (f12.form, f3.form), index, *tensors)


class CellFunction(torch.autograd.Function):
    """Arguments as `cell_step` gives them: 7 tensors of f12, 7 of f3, the state and the values of the parts."""

    @staticmethod
    def forward(ctx: Any, forms: tuple[Form, Form], index: list[Tensor | None], *tensors: Tensor) -> Tensor:
        """The way there."""
        first12, bias12, *weights12 = tensors[:7]
        first3, bias3, *weights3 = tensors[7:14]
        s, values, kept = tensors[14], tensors[15:], any(ctx.needs_input_grad)
        state, both = s.shape[1], first12.shape[1]
        projection = Projection(values, index, torch.cat([first12[state:], first3[state:]], 1))
        P = projection.forward(torch.cat([bias12, bias3]))
        layers12 = Layers(Weights(*weights12), forms[0], kept)
        layers3 = Layers(Weights(*weights3), forms[1], kept)
        gates = layers12.forward(_times(s, first12[:state]).add_(P[:, :both])).to(s.dtype).sigmoid_()
        z, r = gates[:, :state], gates[:, state:]
        reset = r * s
        new = layers3.forward(_times(reset, first3[:state]).add_(P[:, both:])).to(s.dtype)
        new = new.mul_(2).sigmoid_().mul_(2).sub_(1)
        if kept:
            own = [s, first12, first3, gates, reset, new]
            parts: list[list[Any]] = [own, projection.saved(), layers12.saved(), layers3.saved()]
            ctx.save_for_backward(*(tensor for part in parts for tensor in part))
            ctx.made = forms, list(accumulate(map(len, parts)))
        return torch.lerp(s, new, z)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor | None, ...]:
        """The way back."""
        saved, (forms, ends) = ctx.saved_tensors, ctx.made
        s, first12, first3, gates, reset, new = saved[: ends[0]]
        projection = Projection.restored(saved[ends[0] : ends[1]])
        layers12 = Layers.restored(saved[ends[1] : ends[2]], forms[0])
        layers3 = Layers.restored(saved[ends[2] :], forms[1])
        state, both = s.shape[1], first12.shape[1]
        z, r = gates[:, :state], gates[:, state:]
        dnew = z * d
        dP3, dweights3 = layers3.backward(torch.addcmul(dnew, dnew, new.square(), value=-1))
        t = _times(dP3, first3[:state].T)
        dq = gates - gates.square()
        dq[:, :state].mul_(new - s).mul_(d)
        dq[:, state:].mul_(s).mul_(t)
        dP12, dweights12 = layers12.backward(dq)
        ds = None
        if ctx.needs_input_grad[16]:
            ds = added(dP12, first12[:state].T, torch.sub(d, dnew).addcmul_(r, t))
        dP = torch.cat([dP12, dP3], 1)
        dfirst, dvalues = projection.backward(dP, ctx.needs_input_grad[17:])
        dbias = dP.sum(0)
        dfirst12, dfirst3 = torch.empty_like(first12), torch.empty_like(first3)
        across(s, dP12, dfirst12[:state])
        across(reset, dP3, dfirst3[:state])
        dfirst12[state:], dfirst3[state:] = dfirst[:, :both], dfirst[:, both:]
        of12, of3 = (dfirst12, dbias[:both], *dweights12), (dfirst3, dbias[both:], *dweights3)
        return None, None, *of12, *of3, ds, *dvalues


def _times(x: Tensor, weight: Tensor) -> Tensor:
    return product(x.to(weight.dtype), weight, weight.new_empty(x.shape[0], weight.shape[1]))
