"""Q-learning from logged feedback and from every new one (paper 4, Fig. 6)."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.nn import Gathered
from emotide.recommend.q_network import LOSSES, QConfig, QNetwork
from emotide.recommend.replay import Transitions


class Replayed(NamedTuple):
    """Some transitions as tensors; fields as in `Transitions`."""

    state: Float[Tensor, "rows state"]
    item: Int[Tensor, " rows"]
    reward: Float[Tensor, " rows"]
    next_state: Float[Tensor, "rows state"]
    done: Bool[Tensor, " rows"]

    @classmethod
    def of(cls, rows: Transitions) -> "Replayed":
        """Without copying."""
        return cls(*(torch.from_numpy(getattr(rows, name)) for name in cls._fields))


def targets(
    network: QNetwork,
    target: QNetwork,
    rows: Replayed,
    items: Float[Tensor, "items item"],
    candidates: Bool[Tensor, " items"],
    discount: float,
) -> Float[Tensor, " rows"]:
    """What Q(H_t, a_t) is drawn to (paper, Fig. 6), with the double estimate (van Hasselt et al. 2016).

        m_t = r_t                                              when done
        m_t = r_t + γ Q⁻(H_{t+1}, argmax_a Q(H_{t+1}, a))      otherwise

    The network chooses the item and the target network Q⁻ says its value, so that the error of one does not flatter
    itself through the maximum; where both are equal this is the paper's r_t + γ max_a Q(H_{t+1}, a).
    """
    m = rows.reward.clone()
    going = (~rows.done).nonzero()[:, 0]
    if discount == 0 or not len(going):
        return m
    H = rows.next_state[going]
    best = network.scores(H, items).masked_fill(~candidates, -torch.inf).argmax(1)
    with torch.no_grad():
        m[going] += discount * target(H, Gathered(items, best))
    return m


def q_loss(network: QNetwork, rows: Replayed, m: Tensor, items: Float[Tensor, "items item"], loss: str) -> Tensor:
    """Mean of the loss of Q(H_t, a_t) − m_t, in spreads of the rewards."""
    error = network(rows.state, Gathered(items, rows.item)) - m
    return LOSSES[loss](error / network.reward_spread).mean()


class Learner:
    """A Q network, the target network that follows it, and the optimiser between them.

    Args:
        network: to be trained in place.
        target: of the same shape; it follows.
        items: the vectors of all items.
        candidates: which of them the next step may choose.
        config: how.
    """

    def __init__(
        self,
        network: QNetwork,
        target: QNetwork,
        items: Float[Tensor, "items item"],
        candidates: Bool[Tensor, " items"],
        config: QConfig,
    ) -> None:
        self.network, self.target, self.config = network, target.requires_grad_(False), config
        self.items, self.candidates = items, candidates
        self.optimizer = torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)

    def step(self, rows: Transitions, learning_rate: float) -> float:
        """One gradient step on replayed transitions; returns the loss before it."""
        replayed, config = Replayed.of(rows), self.config
        m = targets(self.network, self.target, replayed, self.items, self.candidates, config.discount)
        loss = q_loss(self.network, replayed, m, self.items, config.loss)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimizer.param_groups[0]["lr"] = learning_rate
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.network.parameters(), strict=True):
                slow.lerp_(fast, config.target_rate)
        return loss.item()
