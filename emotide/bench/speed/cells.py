"""The deep LSTM cell beside nn.LSTM and nn.GRU of as many parameters: forward and backward on equal sequences."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.small_task import parameters
from emotide.bench.speed.timing import faster, here, in_turn, runs_of, threads, told
from emotide.nn import DeepLSTMCell

STEPS, ROWS, UNITS = 50, 1000, 100  # of the sequences; of the deep cell, which reads as many numbers a step


class Deep(nn.Module):
    """The deep LSTM cell with the sizes of the network's own, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = DeepLSTMCell(UNITS, (UNITS,), width=128, depth=2)

    def forward(self, x: Tensor) -> Tensor:
        """The states after every step."""
        s, states = x.new_zeros(x.shape[1], UNITS), []
        for u in x:
            s = self.cell(s, u)
            states.append(s)
        return torch.stack(states)


class Usual(nn.Module):
    """nn.LSTM or nn.GRU with so many units that it has as many parameters."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], wanted: int) -> None:
        super().__init__()
        self.rnn = kind(UNITS, nearest(kind, wanted))

    def forward(self, x: Tensor) -> Tensor:
        """The states after every step."""
        states: Tensor = self.rnn(x)[0]
        return states


def nearest(kind: type[nn.LSTM] | type[nn.GRU], wanted: int) -> int:
    """The units with which the number of parameters, gates · n · (n + inputs + 2), comes nearest to the wanted."""
    gates = 4 if kind is nn.LSTM else 3
    return min(range(1, 2000), key=lambda n: abs(gates * n * (n + UNITS + 2) - wanted))


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Seconds of a pass there and back over sequences, and how many times those of the others ours are."""
    torch.manual_seed(0)
    deep = Deep()
    nets = {"deep": deep} | {name: Usual(kind, parameters(deep)) for name, kind in (("lstm", nn.LSTM), ("gru", nn.GRU))}
    x = torch.randn(STEPS, ROWS, UNITS)
    with threads():
        seconds = in_turn({name: partial(_pass, net, x) for name, net in nets.items()}, runs_of(seeds), progress)
        ratio = {name: faster(seconds["deep"], seconds[name]) for name in ("lstm", "gru")}
        say(f"the deep cell takes so many times the seconds: {ratio}")
        return {
            "seconds_ratio": ratio,
            "how": {
                "sequences": {"steps": STEPS, "rows": ROWS, "inputs": UNITS},
                "parameters": {name: parameters(net) for name, net in nets.items()},
                "seconds": {name: told(values) for name, values in seconds.items()},
                "machine": here(),
            },
        }


def _pass(net: nn.Module, x: Tensor, run: int) -> None:
    net.zero_grad()
    net(x).square().mean().backward()


BENCH = Bench("the deep LSTM cell beside nn.LSTM and nn.GRU of as many parameters", None, run)
