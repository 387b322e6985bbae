"""Sequences of vectors become one by an LSTM autoencoder (Srivastava et al. 2015): of mel frames, of frames of a video.

    code = P (x − x̄) + W h,   h the encoder's last state        x laid flat, nought where the sequence has ended
    x̂_t  = (x̄ + Q code)_t + V h'_t,   h' an LSTM that reads the code at every step

Long ones are cut into stretches, whose codes are averaged, each weighing what it lasts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

from emotide.vectors.autoencoder import (
    Learned,
    LearningConfig,
    Linear,
    learn,
    masked_error,
    mean_error,
    principal,
    shares,
    silent,
)
from emotide.vectors.cache import Progress

HIDDEN = 128
SUMMARY = 0.1  # weight of the summary in the loss
SHIFT = 3  # steps by which an example is moved in time, at most
BATCH = 256


class Stretches(NamedTuple):
    """Sequences, cut."""

    x: Float[Tensor, "stretches steps inputs"]  # nought where a stretch has ended
    mask: Bool[Tensor, "stretches steps"]
    owner: np.ndarray  # [stretches] int64, the number of the sequence


def stretches(sequences: Sequence[Float32[np.ndarray, "_ inputs"]], steps: int, inputs: int) -> Stretches:
    """Cut sequences into stretches of so many steps; a rest of less than a quarter is left out, but where it is all."""
    pieces, owner = [], []
    for number, sequence in enumerate(sequences):
        cuts = [sequence[start : start + steps] for start in range(0, len(sequence), steps)]
        kept = [cut for cut in cuts if 4 * len(cut) >= steps] or cuts[:1]
        pieces += kept
        owner += [number] * len(kept)
    x, mask = torch.zeros(len(pieces), steps, inputs), torch.zeros(len(pieces), steps, dtype=torch.bool)
    for k, piece in enumerate(pieces):
        x[k, : len(piece)] = torch.from_numpy(piece)
        mask[k, : len(piece)] = True
    return Stretches(x, mask, np.array(owner, np.int64))


class SequenceAutoencoder(nn.Module):
    """A code of a stretch and back.

    Args:
        inputs: numbers of a step.
        steps: of a stretch, at most.
        width: of the code.
        hidden: of the LSTMs' states.
    """

    centre: Tensor  # [inputs] mean of the training examples
    spread: Tensor  # one number, their standard deviation

    def __init__(self, inputs: int, steps: int, width: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(()))
        self.linear = Linear(steps * inputs, width)
        self.encoder = nn.LSTM(inputs, hidden, batch_first=True)
        self.last = silent(nn.Linear(hidden, width))
        self.decoder = nn.LSTM(width, hidden, batch_first=True)
        self.step = silent(nn.Linear(hidden, inputs))
        self.summary = nn.Linear(width, 2 * inputs)

    def scaled(
        self, x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
    ) -> Float[Tensor, "stretches steps inputs"]:
        """On the scale of the training examples, nought where a stretch has ended."""
        return (x - self.centre) / self.spread * mask[:, :, None]

    def encode(
        self, x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
    ) -> Float[Tensor, "stretches width"]:
        """The code of scaled stretches."""
        states, _ = self.encoder(x)
        last = states[torch.arange(len(x)), mask.sum(1).clamp_min(1) - 1]
        code: Tensor = self.linear.encode(x.flatten(1)) + self.linear.scale * self.last(last)
        return code

    def decode(self, code: Float[Tensor, "stretches width"]) -> Float[Tensor, "stretches steps inputs"]:
        """Scaled stretches from their codes."""
        states, _ = self.decoder((code / self.linear.scale)[:, None].expand(-1, self.steps, -1))
        again: Tensor = self.linear.decode(code).view(len(code), self.steps, -1) + self.step(states)
        return again

    def vectors(self, sequences: Sequence[Float32[np.ndarray, "_ inputs"]]) -> Float32[np.ndarray, "sequences width"]:
        """The vector of each sequence: the mean code of its stretches, on the scale that all codes have."""
        cut = stretches(sequences, self.steps, len(self.centre))
        width = len(self.linear.there)
        total, weight = np.zeros((len(sequences), width)), np.zeros(len(sequences))
        with torch.no_grad():
            for rows in torch.arange(len(cut.x)).split(BATCH):
                mask = cut.mask[rows]
                code = self.encode(self.scaled(cut.x[rows], mask), mask) / self.linear.scale
                lasts = mask.sum(1).numpy()
                np.add.at(total, cut.owner[rows.numpy()], code.numpy() * lasts[:, None])
                np.add.at(weight, cut.owner[rows.numpy()], lasts)
        return (total / np.maximum(weight, 1)[:, None]).astype(np.float32)


def fit_sequences(
    sequences: Sequence[Float32[np.ndarray, "_ inputs"]],
    inputs: int,
    steps: int,
    width: int,
    seed: int,
    config: LearningConfig,
    progress: Progress | None = None,
    what: str = "sequence autoencoder",
) -> tuple[SequenceAutoencoder, Learned]:
    """An autoencoder taught on sequences.

    What the encoder sees has noise on it and some steps blanked out; examples are moved in time. From the code also the
    mean and spread of every input over the stretch must be told, so that codes hold what does not depend on when.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SequenceAutoencoder(inputs, steps, width)
    cut = stretches(sequences, steps, inputs)
    rows = torch.randperm(len(cut.x), generator=torch.Generator().manual_seed(seed))[: config.examples]
    x, mask = cut.x[rows], cut.mask[rows]
    taught, held = shares(len(x), config, seed)
    if len(x):
        seen = x[taught][mask[taught]]
        network.centre.copy_(seen.mean(0))
        network.spread.copy_((seen - network.centre).square().mean().sqrt().clamp_min(1e-6))
    x = network.scaled(x, mask)
    network.linear.start(x[taught].flatten(1), seed)
    plain, directions = principal(x[taught].flatten(1), width, seed)

    def loss(rows: Tensor, generator: torch.Generator | None) -> Tensor:
        target, there = _moved(x[rows], mask[rows], generator)
        code = network.encode(_spoiled(target, there, generator), there)
        wrong = masked_error(target, network.decode(code), there).mean()
        told = network.summary(code / network.linear.scale)
        return wrong + SUMMARY * (told - _summary(target, there)).square().mean()

    def error(rows: Tensor) -> Tensor:
        return masked_error(x[rows], network.decode(network.encode(x[rows], mask[rows])), mask[rows])

    def straight(rows: Tensor) -> Tensor:
        flat = x[rows].flatten(1) - plain
        again = (plain + flat @ directions.T @ directions).view(len(rows), steps, inputs)
        return masked_error(x[rows], again, mask[rows])

    learned = learn(network, network.linear, len(x), loss, error, config, seed, progress, what)
    learned.principal = mean_error(straight, held)
    return network, learned


def _summary(
    x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
) -> Float[Tensor, "stretches summary"]:
    """Mean and standard deviation of every input over the steps that there are."""
    there, count = mask[:, :, None], mask.sum(1).clamp_min(1)[:, None]
    mean = (x * there).sum(1) / count
    spread = (((x - mean[:, None]) * there).square().sum(1) / count + 1e-6).sqrt()
    return torch.cat([mean, spread], 1)


def _moved(
    x: Float[Tensor, "stretches steps inputs"],
    mask: Bool[Tensor, "stretches steps"],
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Begun up to so many steps later: the first are gone; each stretch keeps at least its last step."""
    steps, lasts = mask.shape[1], mask.sum(1)
    by = torch.randint(0, SHIFT + 1, (len(x),), generator=generator).minimum((lasts - 1).clamp_min(0))
    place = torch.arange(steps)[None] + by[:, None]
    there = place < lasts[:, None]
    taken = x.gather(1, place.clamp_max(steps - 1)[:, :, None].expand_as(x))
    return taken * there[:, :, None], there


def _spoiled(
    x: Float[Tensor, "stretches steps inputs"],
    mask: Bool[Tensor, "stretches steps"],
    generator: torch.Generator | None,
) -> Float[Tensor, "stretches steps inputs"]:
    """With noise, and one step in ten blanked out."""
    kept = torch.rand(mask.shape, generator=generator) > 0.1
    noise = torch.randn(x.shape, generator=generator) * 0.1
    return (x + noise) * (mask & kept)[:, :, None]
