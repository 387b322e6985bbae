"""What people will do in the next step, read from H and A: who will post, and who will turn to whom."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from emotide.model.fused import FusedNetwork, State
from emotide.model.habits import OWN, PAIR, Habits
from emotide.nn import Gathered, Residual
from emotide.nn.known import known_or


class Pairs(NamedTuple):
    """Pairs of whom it is asked whether the source will turn to the target."""

    source: Int[Tensor, " pairs"]  # row of H
    target: Int[Tensor, " pairs"]
    there: Int[Tensor, " pairs"]  # row of A, source on target; -1 where they never met
    back: Int[Tensor, " pairs"]  # row of A, target on source
    habits: Float[Tensor, "pairs habits"]


def asked_pairs(
    habits: Habits,
    source: Int[np.ndarray, " pairs"],
    target: Int[np.ndarray, " pairs"],
    step: int | Int[np.ndarray, " pairs"],
    like: Tensor,
) -> Pairs:
    """Pairs as tensors of the kind of `like`, with what was known of them before the step, or the step of each."""
    told = torch.from_numpy(habits.of(source, target, np.broadcast_to(step, len(source)))).to(like)
    columns = (source, target, habits.rows(source, target, step), habits.rows(target, source, step))
    rows = [torch.from_numpy(column.astype(np.int64)).to(like.device) for column in columns]
    return Pairs(rows[0], rows[1], rows[2], rows[3], told)


class Behaviour(nn.Module):
    """Two readings of the states after step t - 1 about step t, as logits.

        post_i     = f_B(H[i], habits of i)
        contact_ij = f_C(H[i], H[j], A[i→j], A[j→i], habits) + w · habits       of i, of j, and of the two

    Habits say how often and how lately each turned to the other, and to anybody. Two who never met are read with A_0.
    Contacts are trained against drawn pairs; `scale` brings their logits to what happens in the step among all pairs,
    and is fitted once training is over.

    Args:
        network: whose states are read.
    """

    scale: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(self, network: FusedNetwork) -> None:
        super().__init__()
        c = network.config
        self.f_B = Residual((c.state, OWN), 1, c.pair_width, 2, dropout=c.dropout)
        widths = (c.state, c.state, c.influence, c.influence, PAIR)
        self.f_C = Residual(widths, 1, c.width, 2, dropout=c.dropout)
        self.w = nn.Linear(PAIR, 1)
        self.register_buffer("scale", torch.tensor([1.0, 0.0]))
        self.register_buffer("centre", torch.zeros(PAIR))
        self.register_buffer("spread", torch.ones(PAIR))

    def posts(self, H: Float[Tensor, "asked state"], habits: Float[Tensor, "asked own"]) -> Float[Tensor, " asked"]:
        """Logits that each posts in the step."""
        logits: Tensor = self.f_B(H, habits)
        return logits[:, 0]

    def contacts(self, network: FusedNetwork, state: State, pairs: Pairs) -> Float[Tensor, " pairs"]:
        """Scores of the pairs: the higher, the likelier it is that the source turns to the target in the step."""
        A = (known_or(state.A, row, network.A_0) for row in (pairs.there, pairs.back))
        ends = (Gathered(state.H, pairs.source), Gathered(state.H, pairs.target))
        habits = (pairs.habits - self.centre) / self.spread
        scores: Tensor = self.f_C(*ends, *A, habits) + self.w(habits)
        return scores[:, 0]

    def probability(self, scores: Float[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
        """What scores of contacts are worth: the probability of a contact in the step."""
        return (scores * self.scale[0] + self.scale[1]).sigmoid()
