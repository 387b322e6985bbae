"""Recurrent networks of one size for the measurements of memory: the deep LSTM cell, nn.LSTM, nn.GRU."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.bench.small_task import parameters
from emotide.nn import DeepLSTMCell
from emotide.nn.cell import remembering

UNITS, WIDTH, DEPTH = 32, 32, 1  # of the deep cell; the others have as many units as make as many parameters


class SequenceNet(nn.Module, ABC):
    """What is said after the last step of a sequence."""

    out: nn.Linear

    @abstractmethod
    def last(self, x: Float[Tensor, "steps rows inputs"]) -> Float[Tensor, "rows units"]:
        """The state after the last step."""

    def forward(self, x: Float[Tensor, "steps rows inputs"]) -> Float[Tensor, "rows outputs"]:
        """The answer for every row."""
        out: Tensor = self.out(self.last(x))
        return out


class Deep(SequenceNet):
    """The deep LSTM cell.

    Args:
        inputs, outputs: widths.
        memory: in steps; where given, the units start with time constants from 2 steps to this.
    """

    def __init__(self, inputs: int, outputs: int, memory: float | None) -> None:
        super().__init__()
        self.cell = DeepLSTMCell(UNITS, (inputs,), WIDTH, DEPTH, memory=memory)
        self.out = nn.Linear(UNITS, outputs)

    def last(self, x: Float[Tensor, "steps rows inputs"]) -> Float[Tensor, "rows units"]:
        """The state after the last step."""
        s = x.new_zeros(x.shape[1], UNITS)
        for u in x:
            s = self.cell(s, u)
        return s


class Usual(SequenceNet):
    """nn.LSTM or nn.GRU with as many parameters as the deep network.

    Args:
        inputs, outputs, memory: as of `Deep`.
        kind: which of the two.
    """

    def __init__(self, inputs: int, outputs: int, memory: float | None, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        units = same_size(kind, inputs, outputs)
        self.rnn, self.out = kind(inputs, units), nn.Linear(units, outputs)
        if memory is not None:
            keep = -remembering(units, memory)
            with torch.no_grad():
                of = dict(self.rnn.named_parameters())
                bias = of["bias_ih_l0"]
                of["bias_hh_l0"][: 2 * units] = 0
                if kind is nn.LSTM:  # input gate, forget gate
                    bias[: 2 * units] = torch.cat([-keep, keep])
                else:  # reset gate, update gate
                    bias[units : 2 * units] = keep

    def last(self, x: Float[Tensor, "steps rows inputs"]) -> Float[Tensor, "rows units"]:
        """The state after the last step."""
        states: Tensor = self.rnn(x)[0]
        return states[-1]


def same_size(kind: type[nn.LSTM] | type[nn.GRU], inputs: int, outputs: int) -> int:
    """The units with which the network comes nearest to the deep one's number of parameters."""
    wanted = parameters(Deep(inputs, outputs, None))
    gates = 4 if kind is nn.LSTM else 3
    a, b = gates, gates * (inputs + 2) + outputs  # a n² + b n + outputs parameters
    return round((math.sqrt(b * b + 4 * a * (wanted - outputs)) - b) / (2 * a))


NETS: dict[str, Callable[[int, int, float | None], SequenceNet]] = {
    "deep": Deep,
    "lstm": lambda inputs, outputs, memory: Usual(inputs, outputs, memory, nn.LSTM),
    "gru": lambda inputs, outputs, memory: Usual(inputs, outputs, memory, nn.GRU),
}
