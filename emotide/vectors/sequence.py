"""Sequences of vectors become one by an LSTM autoencoder (Srivastava et al. 2015): of mel frames, of frames of a video.

    code = P (y − ȳ) + W h            h: the encoder's last state; x in y is nought where it has ended
    x̂_t  = (ȳ + Q code)_t + V h'_t    h': the states of an LSTM that reads the code at every step

Long ones are cut into stretches, whose codes are averaged, each weighing what it lasts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn

from emotide.vectors.autoencoder import (
    PRINCIPAL_ROWS,
    Learned,
    LearningConfig,
    Linear,
    Wrong,
    begin,
    held_error,
    learn,
    principal_error,
    shares,
    silent,
)
from emotide.vectors.cache import Progress

HIDDEN = 128
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
        moments: that a step holds, one after the other; the summary is over them.
    """

    centre: Tensor  # [inputs] mean of the training examples
    spread: Tensor  # one number, their standard deviation

    def __init__(self, inputs: int, steps: int, width: int, moments: int = 1) -> None:
        super().__init__()
        self.steps, self.moments = steps, moments
        self.register_buffer("centre", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(()))
        self.linear = Linear(steps * inputs, 3 * inputs // moments, width)
        self.encoder = nn.LSTM(inputs, HIDDEN, batch_first=True)
        self.last = silent(nn.Linear(HIDDEN, width))
        self.decoder = nn.LSTM(width, HIDDEN, batch_first=True)
        self.step = silent(nn.Linear(HIDDEN, inputs))

    def scaled(
        self, x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
    ) -> Float[Tensor, "stretches steps inputs"]:
        """On the scale of the training examples, nought where a stretch has ended."""
        return (x - self.centre) / self.spread * mask[:, :, None]

    def told(
        self, x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
    ) -> Float[Tensor, "stretches both"]:
        """y: scaled stretches laid flat, and their summary."""
        return self.linear.told(x.flatten(1), summary(x, mask, self.moments))

    def encode(
        self, x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"]
    ) -> Float[Tensor, "stretches width"]:
        """The code of scaled stretches."""
        states, _ = self.encoder(x)
        last = states[torch.arange(len(x)), mask.sum(1).clamp_min(1) - 1]
        code: Tensor = self.linear.encode(self.told(x, mask)) + self.linear.scale * self.last(last)
        return code

    def decode(
        self, code: Float[Tensor, "stretches width"]
    ) -> tuple[Float[Tensor, "stretches steps inputs"], Float[Tensor, "stretches summary"]]:
        """Scaled stretches from their codes, and w times their summaries."""
        states, _ = self.decoder((code / self.linear.scale)[:, None].expand(-1, self.steps, -1))
        straight, told = self.linear.decode(code)
        return straight.view(len(code), self.steps, -1) + self.step(states), told

    def vectors(self, sequences: Sequence[Float32[np.ndarray, "_ inputs"]]) -> Float32[np.ndarray, "sequences width"]:
        """The vector of each sequence: the mean code of its stretches, on the scale that all codes have."""
        cut = stretches(sequences, self.steps, len(self.centre))
        width = len(self.linear.there)
        total, weight = np.zeros((len(sequences), width)), np.zeros(len(sequences))
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(cut.x)), BATCH):
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
    moments: int = 1,
) -> tuple[SequenceAutoencoder, Learned]:
    """An autoencoder taught on sequences.

    What begins up to three steps later teaches alike.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SequenceAutoencoder(inputs, steps, width, moments)
    cut = stretches(sequences, steps, inputs)
    rows = torch.randperm(len(cut.x), generator=torch.Generator().manual_seed(seed))[: config.examples]
    x, mask = cut.x[rows], cut.mask[rows]
    taught, held = shares(len(x), config, seed)
    if len(x):
        seen = x[taught][mask[taught]]
        network.centre.copy_(seen.mean(0))
        network.spread.copy_((seen - network.centre).square().mean().sqrt().clamp_min(1e-6))
    x = network.scaled(x, mask)
    first = taught[:PRINCIPAL_ROWS]

    def wrong(rows: Tensor, generator: torch.Generator | None) -> Wrong:
        target, there = x[rows], mask[rows]
        if generator:
            target, there = _moved(target, there, torch.randint(0, SHIFT + 1, (len(rows),), generator=generator))
        again, told = network.decode(network.encode(target, there))
        numbers = there.sum(1).clamp_min(1) * inputs
        of_x = ((again - target).square() * there[:, :, None]).sum((1, 2))
        of_summary = (told - network.told(target, there)[:, network.linear.size :]).square().sum(1)
        return Wrong(of_x / numbers, (of_x + of_summary) / numbers)

    numbers = mask[held][:, :, None].expand(-1, -1, inputs).flatten(1)
    principal = principal_error(x[first].flatten(1), x[held].flatten(1), numbers, width, seed)
    moved = [_moved(x[first], mask[first], torch.full((len(first),), by)) for by in range(SHIFT + 1)]
    copies, present = torch.cat([each for each, _ in moved]), torch.cat([there for _, there in moved])
    share = begin(
        network.linear, copies.flatten(1), summary(copies, present, moments), lambda: held_error(wrong, held)[0],
        principal, config, seed,
    )  # fmt: skip
    learned = learn(network, network.linear, len(x), wrong, config, seed, progress, what)
    learned.principal, learned.summary = principal, share
    return network, learned


def summary(
    x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"], moments: int = 1
) -> Float[Tensor, "stretches summary"]:
    """Mean, standard deviation and mean change from moment to moment of every input, over the moments that there are.

    A step's inputs are those of so many moments, one after the other.
    """
    x = x.reshape(len(x), x.shape[1] * moments, x.shape[2] // moments)
    mask = mask.repeat_interleave(moments, 1)
    there, count = mask[:, :, None], mask.sum(1).clamp_min(1)[:, None]
    mean = (x * there).sum(1) / count
    spread = (((x - mean[:, None]) * there).square().sum(1) / count + 1e-6).sqrt()
    change = ((x[:, 1:] - x[:, :-1]).abs() * there[:, 1:]).sum(1) / (count - 1).clamp_min(1)
    return torch.cat([mean, spread, change], 1)


def _moved(
    x: Float[Tensor, "stretches steps inputs"], mask: Bool[Tensor, "stretches steps"], by: Int64[Tensor, " stretches"]
) -> tuple[Float[Tensor, "stretches steps inputs"], Bool[Tensor, "stretches steps"]]:
    """Begun so many steps later: the first are gone; each stretch keeps at least its last step."""
    steps, lasts = mask.shape[1], mask.sum(1)
    place = torch.arange(steps)[None] + by.minimum((lasts - 1).clamp_min(0))[:, None]
    there = place < lasts[:, None]
    taken = x.gather(1, place.clamp_max(steps - 1)[:, :, None].expand_as(x))
    return taken * there[:, :, None], there
