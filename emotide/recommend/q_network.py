"""Q(H, a): what showing item a to a person in state H is worth (paper 4, Fig. 6)."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from emotide.errors import UnknownName
from emotide.nn import Gathered, Residual

# Users × items are scored in tiles, so that memory is bounded however many there are
TILE_ROWS = 1 << 14
TILE_ITEMS = 1 << 9


def squared(error: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """error², the paper's."""
    return error.square()


def huber(error: Float[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """error² / 2 up to one spread of the rewards, straight beyond: rare extreme feedback pulls less (Huber 1964)."""
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none")


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"squared": squared, "huber": huber}


class QConfig(BaseModel, frozen=True, extra="forbid"):
    """Deep Q-learning on the emotional state (paper 4)."""

    discount: float = Field(0.5, ge=0, lt=1, description="weight of what follows, per feedback of the user")
    epsilon: float = Field(0.1, ge=0, le=1, description="probability with which a rank is given to an item at random")
    width: int = Field(64, ge=1, description="of the hidden layers")
    depth: int = Field(2, ge=1, description="hidden layers")
    loss: str = Field("squared", description=f"of the error in spreads of the rewards: {', '.join(LOSSES)}")
    learning_rate: float = Field(2e-3, gt=0, description="of AdamW, at the start of a log; it falls along a cosine")
    weight_decay: float = Field(0.3, ge=0, description="of AdamW; logs of feedback are small and noisy")
    clip: float = Field(1.0, gt=0, description="largest norm of a gradient")
    batch: int = Field(256, ge=1, description="transitions replayed in one step")
    steps: int = Field(1500, ge=1, description="gradient steps on a log, at most")
    passes: float = Field(20.0, gt=0, description="how often each transition of a log is replayed, at most, on average")
    online_learning_rate: float = Field(1e-3, gt=0, description="of AdamW, for the step that follows each new reward")
    online_batch: int = Field(32, ge=1, description="transitions in that step: the new one and older ones beside it")
    target_rate: float = Field(0.02, gt=0, le=1, description="share by which the target network follows, per step")
    memory: int = Field(100_000, ge=1, description="transitions kept for replay; a longer log is kept whole")
    seed: int = Field(0, ge=0, description="of the first weights and of replay")

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, loss: str) -> str:
        if loss not in LOSSES:
            raise UnknownName("loss", loss, LOSSES)
        return loss


class QNetwork(nn.Module):
    """Q(H, a), a generalised residual network on the emotional state and the item's vector.

        Q(H, a) = c · f((H − H̄) / s_H, (a − ā) / s_a)

    The scales are measured once, on the first log (`measure`): means per coordinate, one spread for all coordinates
    of a part, and the spread c of the rewards, so that one learning rate suits clicks and stars alike.

    Args:
        state: width of H.
        item: width of an item's vector.
        config: width and depth.
    """

    def __init__(self, state: int, item: int, config: QConfig) -> None:
        super().__init__()
        self.state, self.item = state, item
        self.f = Residual((state, item), 1, config.width, config.depth)
        self.state_mean: Tensor
        self.state_spread: Tensor
        self.item_mean: Tensor
        self.item_spread: Tensor
        self.reward_spread: Tensor
        self.register_buffer("state_mean", torch.zeros(state))
        self.register_buffer("state_spread", torch.ones(()))
        self.register_buffer("item_mean", torch.zeros(item))
        self.register_buffer("item_spread", torch.ones(()))
        self.register_buffer("reward_spread", torch.ones(()))

    def forward(
        self, H: Float[Tensor, "rows state"], a: Float[Tensor, "rows item"] | Gathered
    ) -> Float[Tensor, " rows"]:
        """The value of every row, in units of the reward; `a` may be rows of the table of items."""
        if isinstance(a, Gathered):
            return self._values(self._standard_state(H), Gathered(self._standard_items(a.values), a.index))
        return self._values(self._standard_state(H), self._standard_items(a))

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
                row = self._values(Gathered(H_u, pair // len(a_i)), Gathered(a_i, pair % len(a_i)))
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
        self.state_mean.copy_(H.mean(0))
        self.state_spread.copy_(_spread(H))
        self.item_mean.copy_(items.mean(0))
        self.item_spread.copy_(_spread(items))
        self.reward_spread.copy_(_spread(reward))
        going = 1 - done.to(reward).mean()
        self.f.last_bias.fill_(reward.mean() / (1 - discount * going) / self.reward_spread)

    def _values(self, *parts: Tensor | Gathered) -> Float[Tensor, " rows"]:
        out: Tensor = self.f(*parts)
        return self.reward_spread * out[:, 0]

    def _standard_state(self, H: Tensor) -> Tensor:
        return (H - self.state_mean) / self.state_spread

    def _standard_items(self, items: Tensor) -> Tensor:
        return (items - self.item_mean) / self.item_spread


def _spread(rows: Tensor) -> Tensor:
    """The standard deviation about the mean of each column, one for all columns; 1 where nothing varies."""
    spread = (rows - rows.mean(0)).square().mean().sqrt()
    return torch.where(spread > 1e-6, spread, torch.ones_like(spread))
