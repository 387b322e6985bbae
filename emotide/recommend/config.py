"""Which deep Q-learning: the paper's, and each thing that was added since, one switch each (paper 4)."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from pydantic import BaseModel, Field, field_validator
from torch import Tensor
from torch.nn import functional

from emotide.errors import UnknownName


def squared(error: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """error², the paper's."""
    return error.square()


def huber(error: Float[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """error² / 2 up to one spread of the rewards, straight beyond: rare extreme feedback pulls less (Huber 1964)."""
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none")


LOSSES: dict[str, Callable[[Tensor], Tensor]] = {"squared": squared, "huber": huber}


class QConfig(BaseModel, frozen=True, extra="forbid"):
    """Deep Q-learning on the emotional state (paper 4).

    `papers()` is Fig. 6 as it stands; by default replay, target network and double estimate are added.
    """

    discount: float = Field(0.5, ge=0, lt=1, description="weight of what follows, per feedback of the user")
    epsilon: float = Field(0.1, ge=0, le=1, description="probability with which a rank is given to an item at random")
    width: int = Field(64, ge=1, description="of the hidden layers")
    depth: int = Field(2, ge=1, description="hidden layers")
    loss: str = Field("squared", description=f"of the error in spreads of the rewards: {', '.join(LOSSES)}")
    quantiles: int = Field(1, ge=1, description="of the return, learned beside each other; 1 learns its mean alone")
    conservative: float = Field(0.0, ge=0, description="pull on the values of what was not shown; for logs")
    dueling: bool = Field(False, description="whether a state has a value of its own beside its items' advantages")
    products: bool = Field(False, description="whether a state also says what each number of an item's vector is worth")
    linear: float = Field(
        0.0, ge=0, description="ridge of a linear regression of the reward, solved exactly, beside the network; 0: none"
    )
    replay: bool = Field(True, description="whether older transitions are learned from again, or the newest alone")
    target: bool = Field(True, description="whether a slower network says what the next item is worth")
    double: bool = Field(True, description="whether the network chooses that item, and not the one that says its worth")
    averaged: bool = Field(
        False, description="whether that slower network, in which noise is averaged out, also chooses"
    )
    n_step: int = Field(1, ge=1, description="rewards that are summed before the value of what follows")
    priority: float = Field(0.0, ge=0, le=1, description="how much oftener what surprised is replayed; 0: all alike")
    half_life: int | None = Field(None, ge=1, description="newer transitions after which one is replayed half as often")
    recovery: float = Field(
        0.0, ge=0, description="reward for each unit by which a low mood rises until the next feedback"
    )
    learning_rate: float = Field(2e-3, gt=0, description="of AdamW, at the start of a log; it falls along a cosine")
    weight_decay: float = Field(0.3, ge=0, description="of AdamW; logs of feedback are small and noisy")
    clip: float = Field(1.0, gt=0, description="largest norm of a gradient")
    batch: int = Field(256, ge=1, description="transitions replayed in one step")
    steps: int = Field(1500, ge=1, description="gradient steps on a log, at most")
    passes: float = Field(20.0, gt=0, description="how often each transition of a log is replayed, at most, on average")
    online_learning_rate: float = Field(1e-3, gt=0, description="of AdamW, for the step that follows new rewards")
    online_batch: int = Field(32, ge=1, description="transitions in that step: the new ones and older ones beside them")
    online_every: int = Field(1, ge=1, description="new rewards that one step learns from")
    target_rate: float = Field(0.02, gt=0, le=1, description="share by which the target network follows, per step")
    memory: int = Field(100_000, ge=1, description="transitions kept for replay; a longer log is kept whole")
    seed: int = Field(0, ge=0, description="of the first weights and of replay")

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, loss: str) -> str:
        if loss not in LOSSES:
            raise UnknownName("loss", loss, LOSSES)
        return loss

    def papers(self) -> "QConfig":
        """The same sizes and rates without anything that Fig. 6 does not have."""
        plain = {
            "replay": False,
            "target": False,
            "double": False,
            "averaged": False,
            "dueling": False,
            "products": False,
            "linear": 0.0,
            "n_step": 1,
            "priority": 0.0,
        }
        return self.model_copy(
            update={**plain, "loss": "squared", "quantiles": 1, "conservative": 0.0, "half_life": None}
        )
