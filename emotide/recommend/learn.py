"""Q-learning from logged feedback and from every new one (paper 4, Fig. 6)."""

from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.nn import Gathered
from emotide.recommend.config import LOSSES, QConfig
from emotide.recommend.q_network import QNetwork
from emotide.recommend.transitions import Transitions

OTHERS = 64  # items that stand for all, where a log does not say which could have been shown


class Replayed(NamedTuple):
    """Some transitions as tensors; fields as in `Transitions`."""

    state: Float[Tensor, "rows state"]
    item: Int[Tensor, " rows"]
    reward: Float[Tensor, " rows"]
    next_state: Float[Tensor, "rows state"]
    done: Bool[Tensor, " rows"]
    candidates: Int[Tensor, "rows some"] | None = None
    next_candidates: Int[Tensor, "rows some"] | None = None
    ahead: Int[Tensor, " rows"] | None = None
    weight: Float[Tensor, " rows"] | None = None

    @classmethod
    def of(cls, rows: Transitions) -> "Replayed":
        """Without copying."""
        columns: list[Any] = [getattr(rows, name) for name in cls._fields]
        made: list[Any] = [None if column is None else torch.from_numpy(column) for column in columns]
        return cls(*made)


def targets(
    network: QNetwork,
    target: QNetwork,
    rows: Replayed,
    items: Float[Tensor, "items item"],
    candidates: Bool[Tensor, " items"],
    discount: float,
) -> Float[Tensor, "rows *quantiles"]:
    """What Q(H_t, a_t) is drawn to (paper, Fig. 6), with the double estimate (van Hasselt et al. 2016).

        m_t = r_t                                              when done
        m_t = r_t + γ Q⁻(H_{t+1}, argmax_a Q(H_{t+1}, a))      otherwise

    The network chooses the item and the target network Q⁻ says its value, so that the error of one does not flatter
    itself through the maximum; where both are equal this is the paper's r_t + γ max_a Q(H_{t+1}, a). With n rewards
    summed in r_t the state is H_{t+n} and the factor γ^n. A network of quantiles gives the quantiles of m_t.
    """
    m = rows.reward[:, None].repeat(1, network.f.last.shape[2])
    going = (~rows.done).nonzero()[:, 0]
    if discount and len(going):
        H = rows.next_state[going]
        factor = discount if rows.ahead is None else discount ** rows.ahead[going, None].to(m)
        with torch.no_grad():
            best = _best(network, H, items, candidates, rows.next_candidates, going)
            m[going] += factor * target.outcomes(H, Gathered(items, best))
    return m if m.shape[1] > 1 else m[:, 0]


def _best(
    network: QNetwork, H: Tensor, items: Tensor, candidates: Tensor, some: Tensor | None, rows: Tensor
) -> Int[Tensor, " rows"]:
    """The best item of each row by the network, among those that may be shown then."""
    if some is None:
        return network.scores(H, items).masked_fill(~candidates, -torch.inf).argmax(1)
    some = some[rows]
    barred = (some < 0) | ~candidates[some.clamp(min=0)]
    place = network.among(H, items, some).masked_fill(barred, -torch.inf).argmax(1)
    return some.gather(1, place[:, None])[:, 0].clamp(min=0)


def q_loss(network: QNetwork, rows: Replayed, m: Tensor, items: Float[Tensor, "items item"], loss: str) -> Tensor:
    """Mean of the loss of Q(H_t, a_t) − m_t, in spreads of the rewards."""
    return errors(network, rows, m, items, loss)[0].mean()


def errors(
    network: QNetwork, rows: Replayed, m: Tensor, items: Float[Tensor, "items item"], loss: str
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """The loss of each row, and how far its value was off, in spreads of the rewards.

    Of n quantiles the j-th is that of τ_j = (j − 1/2) / n, and (Dabney et al. 2018)

        loss = Σ_j mean_k |τ_j − [m_k < q_j]| · L(q_j − m_k)
    """
    said = network.outcomes(rows.state, Gathered(items, rows.item))
    if said.shape[1] == 1:
        error = (said[:, 0] - m) / network.reward_spread
        return LOSSES[loss](error), error.detach().abs()
    each = (said[:, :, None] - m[:, None]) / network.reward_spread  # [rows, quantiles, quantiles of the target]
    tau = (torch.arange(said.shape[1], device=said.device) + 0.5) / said.shape[1]
    tilt = (tau[:, None] - (each.detach() > 0).to(each)).abs()
    off = (said.mean(1) - m.mean(1)).detach().abs() / network.reward_spread
    return (tilt * LOSSES[loss](each)).mean(2).sum(1), off


def temptation(
    network: QNetwork,
    rows: Replayed,
    items: Float[Tensor, "items item"],
    candidates: Bool[Tensor, " items"],
    generator: torch.Generator | None = None,
) -> Float[Tensor, " rows"]:
    """log Σ_a exp Q(H, a) − Q(H, a_t), in spreads: large where what was not shown seems better (Kumar et al. 2020)."""
    some = rows.candidates
    if some is None:
        allowed = candidates.nonzero()[:, 0]
        drawn = torch.randint(len(allowed), (len(rows.item), min(OTHERS, len(allowed))), generator=generator)
        some = torch.cat([allowed[drawn], rows.item[:, None]], 1)
    values = network.among(rows.state, items, some) / network.reward_spread
    values = values.masked_fill(some < 0, -torch.inf)
    taken = network(rows.state, Gathered(items, rows.item)) / network.reward_spread
    gap: Tensor = values.logsumexp(1) - taken
    return gap


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
        self.generator = torch.Generator().manual_seed(config.seed)
        self.surprise = np.zeros(0)  # of the rows of the last step, in spreads of the rewards

    def step(self, rows: Transitions, learning_rate: float) -> float:
        """One gradient step on replayed transitions; returns the loss before it."""
        replayed, config = Replayed.of(rows), self.config
        valuing = self.target if config.target else self.network
        choosing = self.network if config.double else valuing
        m = targets(choosing, valuing, replayed, self.items, self.candidates, config.discount)
        each, off = errors(self.network, replayed, m, self.items, config.loss)
        if config.conservative:
            tempted = temptation(self.network, replayed, self.items, self.candidates, self.generator)
            each = each + config.conservative * tempted
        loss = each.mean() if replayed.weight is None else (replayed.weight * each).mean()
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimizer.param_groups[0]["lr"] = learning_rate
        self.optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.network.parameters(), strict=True):
                slow.lerp_(fast, config.target_rate)
        self.surprise = off.numpy()
        return loss.item()
