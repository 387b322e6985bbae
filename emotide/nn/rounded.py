"""Inference in bfloat16: residual networks multiply in it, states and all that is summed up over time stay float32."""

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn

from emotide.nn.residual import Residual

Module = TypeVar("Module", bound=nn.Module)


def rounded(module: Module) -> Module:
    """A copy for inference whose residual networks, and so the gates and the content of its cells, are bfloat16.

    A state is moved in float32 (eq. 4): a step smaller than a state's last bit in bfloat16 would else be lost, and with
    it all long memory.
    """
    made = deepcopy(module).eval().requires_grad_(False)
    for part in made.modules():
        if isinstance(part, Residual):
            part.to(torch.bfloat16)
    return made
