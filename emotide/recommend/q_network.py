"""Q(H, a): what showing item a to a person in state H is worth (paper 4, Fig. 6)."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from emotide.nn import Gathered, Residual
from emotide.recommend.config import LOSSES, QConfig
from emotide.recommend.ridge import Ridge

__all__ = ["LOSSES", "QConfig", "QNetwork"]

# Users × items are scored in tiles, so that memory is bounded however many there are
TILE_ROWS = 1 << 14
TILE_ITEMS = 1 << 9


class QNetwork(nn.Module):
    """Q(H, a), a generalised residual network on the emotional state, its context and the item's vector.

        Q(H, a) = c · f(h, α),      h = (H − H̄) / s_H,  α = (a − ā) / s_a

    With dueling heads (Wang et al. 2016) f(h, α) = v(h) + f'(h, α) − f'(h, 0): the advantage is told from the value of
    the state at the mean item, and not at the mean over all, for items differ by user and moment. With products
    u(h) · α is added: what each number of an item's vector is worth in the state. With a linear part [1, h] Θ [1, α]
    is added, the ridge regression of the reward on all products, and the network learns what that leaves. With several
    quantiles Q is their mean.

    The scales are measured once, on the first log (`measure`): means per coordinate, one spread for all coordinates
    of H and of a, one for each of the context, whose units differ, and the spread c of the rewards, so that one
    learning rate suits clicks and stars alike.

    Args:
        state: width of H, with its context.
        item: width of an item's vector.
        config: width, depth, heads.
        context: how many of the last columns of H are context.
    """

    def __init__(self, state: int, item: int, config: QConfig, context: int = 0) -> None:
        super().__init__()
        self.state, self.item, self.context = state, item, context
        self.f = Residual((state, item), config.quantiles, config.width, config.depth)
        self.v = Residual((state,), config.quantiles, config.width, config.depth) if config.dueling else None
        wide = config.quantiles * item
        self.u = Residual((state,), wide, config.width, config.depth) if config.products else None
        self.ridge = Ridge(state, item, config.linear) if config.linear else None
        self.measured: Tensor
        self.state_mean: Tensor
        self.state_spread: Tensor
        self.item_mean: Tensor
        self.item_spread: Tensor
        self.reward_spread: Tensor
        self.register_buffer("measured", torch.zeros((), dtype=torch.bool))
        self.register_buffer("state_mean", torch.zeros(state))
        self.register_buffer("state_spread", torch.ones(state))
        self.register_buffer("item_mean", torch.zeros(item))
        self.register_buffer("item_spread", torch.ones(()))
        self.register_buffer("reward_spread", torch.ones(()))

    def forward(
        self, H: Float[Tensor, "rows state"], a: Float[Tensor, "rows item"] | Gathered
    ) -> Float[Tensor, " rows"]:
        """The value of every row, in units of the reward; `a` may be rows of the table of items."""
        return self.outcomes(H, a).mean(1)

    def outcomes(
        self, H: Float[Tensor, "rows state"], a: Float[Tensor, "rows item"] | Gathered
    ) -> Float[Tensor, "rows quantiles"]:
        """The quantiles of the return of every row, or its mean alone."""
        a = Gathered(self._standard_items(a.values), a.index) if isinstance(a, Gathered) else self._standard_items(a)
        return self._values(self._standard_state(H), a)

    def among(
        self,
        H: Float[Tensor, "rows state"],
        items: Float[Tensor, "items item"],
        some: Int[Tensor, "rows some"],
    ) -> Float[Tensor, "rows some"]:
        """The value of some items for each row, by their rows in the table of items; below 0 counts as the first."""
        pair = torch.arange(some.numel(), device=H.device) // max(1, some.shape[1])
        which = some.clamp(min=0).reshape(-1)
        few = len(which) < len(items)  # then the table is longer than what is asked of it
        a = self._standard_items(items.index_select(0, which) if few else items)
        h = Gathered(self._standard_state(H), pair)
        return self._values(h, a if few else Gathered(a, which)).mean(1).view(some.shape)

    @torch.no_grad()
    def scores(
        self, H: Float[Tensor, "users state"], items: Float[Tensor, "items item"]
    ) -> Float[Tensor, "users items"]:
        """The value of every item for every user; users and items are projected once per tile, never once per pair."""
        scores = H.new_empty(len(H), len(items))
        some = min(len(items), TILE_ITEMS)
        users = max(1, TILE_ROWS // max(1, some))
        for u in range(0, len(H), users):
            for i in range(0, len(items), some):
                H_u, a_i = self._standard_state(H[u : u + users]), self._standard_items(items[i : i + some])
                pair = torch.arange(len(H_u) * len(a_i), device=H.device)
                row = self._values(Gathered(H_u, pair // len(a_i)), Gathered(a_i, pair % len(a_i))).mean(1)
                scores[u : u + users, i : i + some] = row.view(len(H_u), len(a_i))
        return scores

    @torch.no_grad()
    def measure(
        self,
        H: Float[Tensor, "rows state"],
        items: Float[Tensor, "items item"],
        reward: Float[Tensor, " rows"],
        done: Bool[Tensor, " rows"],
        discount: float,
    ) -> None:
        """Take the scales from a log, and start from the value of its mean reward, m = r̄ + γ P(not done) m."""
        own = self.state - self.context
        self.state_mean.copy_(H.mean(0))
        self.state_spread[:own] = _spread(H[:, :own]) if own else 1.0
        for column in range(own, self.state):
            self.state_spread[column] = _spread(H[:, [column]])
        self.item_mean.copy_(items.mean(0))
        self.item_spread.copy_(_spread(items))
        self.reward_spread.copy_(_spread(reward))
        going = 1 - done.to(reward).mean()
        valued = self.f if self.v is None else self.v
        told = reward.mean() if self.ridge is not None else 0.0  # by the linear part
        valued.last_bias.fill_((reward.mean() / (1 - discount * going) - told) / self.reward_spread)
        self.measured.fill_(True)

    def _values(self, h: Tensor | Gathered, a: Tensor | Gathered) -> Tensor:
        """From standard states and items to the quantiles of the return."""
        out: Tensor = self.f(h, a)
        table = h.values if isinstance(h, Gathered) else h
        if self.v is not None:
            own = self.v(table) - self.f(table, table.new_zeros(len(table), self.item))
            out = out + _rows(h, own)
        if self.u is not None:
            alpha = a.values.index_select(0, a.index) if isinstance(a, Gathered) else a
            slope = _rows(h, self.u(table)).view(len(alpha), self.item, -1)
            out = out + (slope * alpha[:, :, None]).sum(1)
        if self.ridge is not None:
            alpha = a.values.index_select(0, a.index) if isinstance(a, Gathered) else a
            slope = _rows(h, self.ridge.slopes(table))
            out = out + (slope[:, :1] + (slope[:, 1:] * alpha).sum(1, keepdim=True))
        return self.reward_spread * out

    @torch.no_grad()
    def regress(
        self, H: Float[Tensor, "rows state"], a: Float[Tensor, "rows item"], reward: Float[Tensor, " rows"]
    ) -> None:
        """Let the linear part learn from these rewards, if there is one."""
        if self.ridge is not None:
            self.ridge.add(self._standard_state(H), self._standard_items(a), reward / self.reward_spread)

    @torch.no_grad()
    def unsure(
        self, H: Float[Tensor, "rows state"], items: Float[Tensor, "items item"], some: Int[Tensor, "rows some"]
    ) -> Float[Tensor, "rows some"]:
        """How far the linear part may be off for some items of each row, in units of the reward; nought without one."""
        if self.ridge is None:
            return torch.zeros(some.shape)
        alpha = self._standard_items(items)[some.clamp(min=0)]
        return self.reward_spread * self.ridge.spread(self._standard_state(H), alpha)

    def _standard_state(self, H: Tensor) -> Tensor:
        return (H - self.state_mean) / self.state_spread

    def _standard_items(self, items: Tensor) -> Tensor:
        return (items - self.item_mean) / self.item_spread


def _rows(part: Tensor | Gathered, table: Tensor) -> Tensor:
    """The rows of what was made of a part's table, as the part has them."""
    return table.index_select(0, part.index) if isinstance(part, Gathered) else table


def _spread(rows: Tensor) -> Tensor:
    """The standard deviation about the mean of each column, one for all columns; 1 where nothing varies."""
    spread = (rows - rows.mean(0)).square().mean().sqrt()
    return torch.where(spread > 1e-6, spread, torch.ones_like(spread))
