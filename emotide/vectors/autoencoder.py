"""Autoencoders of media, taught without labels (paper 2): what they share.

    y      = [x, w s(x)]                      what is to be told: the example laid flat, and a summary of it
    code   = P (y − ȳ) + encoder(x)           P: the principal directions of y of the training examples
    ŷ      = ȳ + Q code + [decoder(code), 0]  Q starts as Pᵀ; encoder and decoder start at nought

So training starts at principal components of the same width and goes on from there; the best epoch on held-out
examples is kept, the start among them. The summary holds what does not depend on where or when something is in x. By w
it has as much of the variance of y as leaves x told no worse than by principal components of x alone: examples that
are turned or moved (a mirror image, a sound that begins later) make room for it.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    patience: int = Field(8, ge=1, description="epochs without a better one on held-out examples, then it stops")
    batch: int = Field(32, ge=1, description="examples of a gradient step")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam, for encoder and decoder; falls to nought in the end")
    linear_rate: float = Field(0.0, ge=0, description="of Adam, for P, Q and ȳ")
    summaries: tuple[float, ...] = Field(
        (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05, 0.0),
        description="variance of the summary, in variances of the examples; the first that costs nothing is taken",
    )
    costs: float = Field(0.98, gt=0, description="error at the start, in errors by principal components, at most")
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the examples that only says when to stop")
    examples: int = Field(20_000, ge=1, description="drawn from the log, at most")


@dataclass
class Learned:
    """What became of teaching an autoencoder. Errors are means over held-out examples, before and after each epoch."""

    examples: int = 0
    errors: list[float] = field(default_factory=list)  # squared error of x, per number
    losses: list[float] = field(default_factory=list)  # squared error of y, per number of x: says when to stop
    principal: float = float("nan")  # squared error of x by principal components of x of equal width
    best: int = 0  # the epoch that is kept
    summary: float = 0.0  # variance that the summary has, in variances of the examples


class Linear(nn.Module):
    """The straight way to the code and back, through principal directions.

    Args:
        size: numbers of an example, laid flat.
        summary: numbers of its summary.
        width: of the code.
    """

    mean: nn.Parameter  # ȳ
    there: nn.Parameter  # P
    back: nn.Parameter  # Q transposed
    weight: Tensor  # w
    scale: Tensor  # root mean square of the numbers of a code, as training began

    def __init__(self, size: int, summary: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.mean = nn.Parameter(torch.zeros(size + summary))
        self.there = nn.Parameter(torch.zeros(width, size + summary))
        self.back = nn.Parameter(torch.zeros(width, size + summary))
        self.register_buffer("weight", torch.ones(()))
        self.register_buffer("scale", torch.ones(()))

    def told(
        self, x: Float[Tensor, "examples size"], summary: Float[Tensor, "examples summary"]
    ) -> Float[Tensor, "examples both"]:
        """y."""
        return torch.cat([x, self.weight * summary], 1)

    def start(
        self, x: Float[Tensor, "examples size"], summary: Float[Tensor, "examples summary"], share: float, seed: int
    ) -> None:
        """Begin at the principal directions of these examples, the summary having this share of their variance."""
        with torch.no_grad():
            if len(x) > 1:
                variances = [part.var(0).sum().clamp_min(1e-12) for part in (x, summary)]
                self.weight.copy_((share * variances[0] / variances[1]).sqrt())
            y = self.told(x, summary)
            mean, directions = principal(y, len(self.there), seed)
            self.mean.copy_(mean)
            self.there.copy_(directions)
            self.back.copy_(directions)
            if len(x) > 1:
                self.scale.copy_(self.encode(y).square().mean().sqrt().clamp_min(1e-6))

    def encode(self, y: Float[Tensor, "examples both"]) -> Float[Tensor, "examples width"]:
        """P (y − ȳ)."""
        return (y - self.mean) @ self.there.T

    def decode(
        self, code: Float[Tensor, "examples width"]
    ) -> tuple[Float[Tensor, "examples size"], Float[Tensor, "examples summary"]]:
        """ȳ + Q code: flat examples, and w times their summaries."""
        y = self.mean + code @ self.back
        return y[:, : self.size], y[:, self.size :]


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
    filling = torch.randn(min(width, size) - len(found), size, generator=generator, dtype=torch.double)
    filling = torch.linalg.qr((filling - filling @ found.T @ found).T)[0].T
    beyond = filling.new_zeros(max(0, width - size), size)  # where examples have fewer numbers than the code
    return mean, torch.cat([found, filling, beyond]).float()


def begin(
    linear: Linear,
    x: Float[Tensor, "examples size"],
    summary: Float[Tensor, "examples summary"],
    error: Callable[[], float],
    principal: float,
    config: LearningConfig,
    seed: int,
) -> float:
    """Begin with as large a share of the summary as costs nothing; the share.

    Args:
        linear: the straight way that begins.
        x, summary: of the examples that teach.
        error: mean squared error of x of held-out examples, as the straight way is then.
        principal: that by principal components of x.
        config: which shares are tried.
        seed: of directions that fill up.
    """
    for share in config.summaries:
        linear.start(x, summary, share, seed)
        if not error() > config.costs * principal:
            break
    return share


class Wrong(NamedTuple):
    """How far examples are from what code and back leave of them."""

    x: Float[Tensor, " examples"]  # squared error of x, per number
    y: Float[Tensor, " examples"]  # squared error of y, per number of x


def learn(
    network: nn.Module,
    linear: Linear,
    rows: int,
    wrong: Callable[[Tensor, torch.Generator | None], Wrong],
    config: LearningConfig,
    seed: int,
    progress: Progress | None = None,
    what: str = "autoencoder",
) -> Learned:
    """Teach a network in place; it keeps the epoch with the lowest error of y on held-out examples.

    Args:
        network: whose straight way has begun at the principal directions of the examples that `shares` names.
        linear: its straight way.
        rows: how many examples there are.
        wrong: from numbers of examples, and for training a source of chance, to their errors.
        config: how.
        seed: of order and chance.
        progress: called with (done, total, what).
        what: is taught, for `progress`.
    """
    taught, held = shares(rows, config, seed)
    generator = torch.Generator().manual_seed(seed)
    straight = set(linear.parameters())
    others = [parameter for parameter in network.parameters() if parameter not in straight]
    groups: list[dict[str, Any]] = [{"params": list(straight), "lr": config.linear_rate}, {"params": others}]
    optimizer = torch.optim.Adam(groups, config.learning_rate)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, config.epochs))
    first = held_error(wrong, held)
    learned, kept = Learned(rows, [first[0]], [first[1]]), copy.deepcopy(network.state_dict())
    for epoch in range(1, config.epochs + 1 if len(taught) else 1):
        network.train()
        for batch in torch.split(taught[torch.randperm(len(taught), generator=generator)], config.batch):
            optimizer.zero_grad()
            torch.autograd.backward(wrong(batch, generator).y.mean())
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        slower.step()
        network.eval()
        for errors, error in zip((learned.errors, learned.losses), held_error(wrong, held), strict=True):
            errors.append(error)
        if learned.losses[-1] < learned.losses[learned.best]:
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


def held_error(wrong: Callable[[Tensor, torch.Generator | None], Wrong], rows: Tensor) -> tuple[float, float]:
    """The mean errors of x and y of these examples; nan where there are none."""
    with torch.no_grad():
        found = [torch.stack(wrong(batch, None), 1) for batch in torch.split(rows, 256) if len(batch)]
    mean = torch.cat(found).mean(0).tolist() if found else [float("nan")] * 2
    return mean[0], mean[1]


def principal_error(
    taught: Float[Tensor, "taught size"], held: Float[Tensor, "held size"], mask: Bool[Tensor, "held size"] | None,
    width: int, seed: int,
) -> float:  # fmt: skip
    """The mean squared error of held-out examples by principal components of those that teach, where the mask holds."""
    mean, directions = principal(taught, width, seed)
    wrong = (held - mean - (held - mean) @ directions.T @ directions).square()
    there = torch.ones_like(wrong) if mask is None else mask.float()
    return float(((wrong * there).sum(1) / there.sum(1).clamp_min(1)).mean())


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
