"""A function with a gradient of its own, asked for its value alone where nobody wants the gradient."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class Asked:
    """Stands for autograd's context where no input wants a gradient: nothing is to be kept."""

    needs_input_grad: tuple[bool, ...] = ()


def applied(function: type[Function], *arguments: Any) -> Tensor:
    """The function's value; without gradients its way there alone.

    torch tells a function that its weights want gradients even where none are computed, so that it would keep what only
    the way back needs; and its bookkeeping of a call costs as much as a small product.
    """
    if torch.is_grad_enabled():
        out: Tensor = function.apply(*arguments)  # type: ignore[no-untyped-call]
        return out
    value: Tensor = function.forward(Asked(), *arguments)
    return value
