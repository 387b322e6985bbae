"""A function with a gradient of its own keeps what the way back needs only where there is one."""

from typing import ClassVar

import torch
from torch.autograd import Function

from emotide.nn.applied import applied


class Doubled(Function):
    """2 x, with a note of what it was told."""

    told: ClassVar[list[bool]] = []

    @staticmethod
    def forward(ctx, x):
        Doubled.told.append(any(ctx.needs_input_grad))
        return 2 * x

    @staticmethod
    def backward(ctx, d):
        return 2 * d


def test_only_a_call_with_gradients_is_told_that_they_are_wanted():
    Doubled.told.clear()
    x = torch.ones(3, requires_grad=True)
    out = applied(Doubled, x)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert gradient.tolist() == [2.0] * 3
    with torch.no_grad():
        assert applied(Doubled, x).tolist() == [2.0] * 3
    with torch.inference_mode():
        assert applied(Doubled, x).tolist() == [2.0] * 3
    assert Doubled.told == [True, False, False]
