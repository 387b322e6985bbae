"""Autoencoders of media, taught without labels (paper 2): what they share.

    code   = P (x − x̄) + encoder(x)          P: the principal directions of the training examples
    x̂      = x̄ + Q code + decoder(code)      Q starts as Pᵀ; encoder and decoder start at nought

So training starts at principal components of the same width and goes on from there; the best epoch on held-out
examples is kept, the start among them.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from pydantic import BaseModel, Field
from torch import Tensor, nn

from emotide.vectors.cache import Progress

PRINCIPAL_ROWS = 2048  # examples that principal directions are found from, at most


class LearningConfig(BaseModel, frozen=True, extra="forbid"):
    """How an autoencoder is taught."""

    epochs: int = Field(30, ge=0, description="at most")
    patience: int = Field(5, ge=1, description="epochs without a better one on held-out examples, then it stops")
    batch: int = Field(32, ge=1, description="examples of a gradient step")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam, for encoder and decoder")
    linear_rate: float = Field(1e-4, ge=0, description="of Adam, for P, Q and x̄")
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the examples that only says when to stop")
    examples: int = Field(20_000, ge=1, description="drawn from the log, at most")


@dataclass
class Learned:
    """What became of teaching an autoencoder. Errors are mean squared errors of held-out examples."""

    examples: int = 0
    errors: list[float] = field(default_factory=list)  # before the first epoch and after each
    principal: float = float("nan")  # of principal components of equal width
    best: int = 0  # the epoch that is kept


class Linear(nn.Module):
    """The straight way to the code and back, through principal directions.

    Args:
        size: numbers of an example, laid flat.
        width: of the code.
    """

    mean: nn.Parameter
    there: nn.Parameter
    back: nn.Parameter
    scale: Tensor  # root mean square of the numbers of a code, as training began

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(size))
        self.there = nn.Parameter(torch.zeros(width, size))
        self.back = nn.Parameter(torch.zeros(width, size))
        self.register_buffer("scale", torch.ones(()))

    def start(self, x: Float[Tensor, "examples size"], seed: int) -> None:
        """Begin at the principal directions of these examples."""
        mean, directions = principal(x, len(self.there), seed)
        with torch.no_grad():
            self.mean.copy_(mean)
            self.there.copy_(directions)
            self.back.copy_(directions)
            if len(x) > 1:
                self.scale.copy_(self.encode(x).square().mean().sqrt().clamp_min(1e-6))

    def encode(self, x: Float[Tensor, "examples size"]) -> Float[Tensor, "examples width"]:
        """The code of flat examples."""
        return (x - self.mean) @ self.there.T

    def decode(self, code: Float[Tensor, "examples width"]) -> Float[Tensor, "examples size"]:
        """Flat examples from their codes."""
        return self.mean + code @ self.back


def principal(
    x: Float[Tensor, "examples size"], width: int, seed: int
) -> tuple[Float[Tensor, " size"], Float[Tensor, "width size"]]:
    """The mean, and orthonormal principal directions; where examples are too few, directions at random fill up."""
    size, generator = x.shape[1], torch.Generator().manual_seed(seed)
    mean = x.mean(0) if len(x) else torch.zeros(size)
    rows = (x[torch.randperm(len(x), generator=generator)[:PRINCIPAL_ROWS]] - mean).double()
    values, vectors = torch.linalg.eigh(rows @ rows.T)
    kept = (values > 1e-9 * values.max().clamp_min(1e-12)) if len(x) else values > 0
    found = ((vectors.T @ rows)[kept] / values[kept].sqrt()[:, None]).flip(0)[:width]
    filling = torch.randn(width - len(found), size, generator=generator, dtype=torch.double)
    filling -= filling @ found.T @ found
    if len(filling):
        filling = torch.linalg.qr(filling.T)[0].T
        if len(filling) < width - len(found):  # examples of fewer numbers than the code has
            filling = torch.cat([filling, filling.new_zeros(width - len(found) - len(filling), size)])
    return mean, torch.cat([found, filling]).float()


Loss = Callable[[Tensor, torch.Generator | None], Tensor]


def learn(
    network: nn.Module,
    linear: Linear,
    rows: int,
    loss: Loss,
    error: Callable[[Tensor], Tensor],
    config: LearningConfig,
    seed: int,
    progress: Progress | None = None,
    what: str = "autoencoder",
) -> Learned:
    """Teach a network in place; it keeps the epoch with the lowest error on held-out examples.

    Args:
        network: whose `linear` has begun at the principal directions of the examples that `taught` names.
        linear: its straight way.
        rows: how many examples there are.
        loss: from numbers of examples and a source of chance to the loss of a gradient step.
        error: from numbers of examples to the mean squared error of each.
        config: how.
        seed: of order and chance.
        progress: called with (done, total, what).
        what: is taught, for `progress`.
    """
    taught, held = shares(rows, config, seed)
    generator = torch.Generator().manual_seed(seed)
    straight = set(linear.parameters())
    others = [parameter for parameter in network.parameters() if parameter not in straight]
    groups = [{"params": list(straight), "lr": config.linear_rate}, {"params": others}]
    optimizer = torch.optim.Adam(groups, config.learning_rate)
    first = mean_error(error, held)
    learned, kept = Learned(rows, [first], first), copy.deepcopy(network.state_dict())
    for epoch in range(1, config.epochs + 1 if len(taught) else 1):
        network.train()
        for batch in taught[torch.randperm(len(taught), generator=generator)].split(config.batch):
            optimizer.zero_grad()
            torch.autograd.backward(loss(batch, generator))
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        network.eval()
        learned.errors.append(mean_error(error, held))
        if learned.errors[-1] < learned.errors[learned.best]:
            learned.best, kept = epoch, copy.deepcopy(network.state_dict())
        if progress:
            progress(epoch, config.epochs, what)
        if epoch - learned.best >= config.patience:
            break
    network.load_state_dict(kept)
    network.eval()
    return learned


def shares(rows: int, config: LearningConfig, seed: int) -> tuple[Tensor, Tensor]:
    """The numbers of the examples that teach, and of those held out; a single example does both."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    held = max(1, round(rows * config.held_out))
    return (order[held:], order[:held]) if rows > 1 else (order, order)


def mean_error(error: Callable[[Tensor], Tensor], rows: Tensor) -> float:
    """The mean error of these examples; nan where there are none."""
    with torch.no_grad():
        found = [error(batch) for batch in rows.split(256) if len(batch)]
    return float(torch.cat(found).mean()) if found else float("nan")


def masked_error(
    x: Float[Tensor, "examples steps inputs"],
    again: Float[Tensor, "examples steps inputs"],
    mask: Bool[Tensor, "examples steps"],
) -> Float[Tensor, " examples"]:
    """The mean squared error of each example over the steps that it has."""
    wrong = (x - again).square().mean(2) * mask
    return wrong.sum(1) / mask.sum(1).clamp_min(1)


def silent(layer: nn.Linear | nn.ConvTranspose2d) -> nn.Linear | nn.ConvTranspose2d:
    """The layer, which says nought until it is taught."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def state_digest(network: nn.Module, *facts: str) -> str:
    """A name for exactly these weights, and for what else vectors depend on."""
    digest = hashlib.blake2b("\0".join(facts).encode(), digest_size=16)
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.cpu().numpy()).tobytes())
    return digest.hexdigest()
