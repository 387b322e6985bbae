"""Sound becomes a vector by an LSTM autoencoder over mel frames (paper 2; DESIGN 3.7)."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from emotide.vectors.autoencoder import Learned, LearningConfig, state_digest
from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits, decode_sound
from emotide.vectors.encoded import Encoded, chosen, decoded, encoded_in_order, load_network, save_network
from emotide.vectors.sequence import SequenceAutoencoder, Stretches, fit_sequences, stretches
from emotide.vectors.workers import Decoders

RATE = 16_000  # samples per second
SECONDS = 30.0  # of a sound that are read
WINDOW, HOP, TRANSFORM = 400, 320, 512  # samples: a frame of 25 ms each 20 ms
BANDS = 40
TOGETHER = 4  # frames of one step of the autoencoder
STEPS = 25  # of a stretch: 2 s
RANGE = 1e-7  # what is weaker than the loudest of a sound by this factor of power is as weak as that
INPUTS = TOGETHER * BANDS
BATCH = 32


@cache
def mel_filters() -> Float[Tensor, "frequencies bands"]:
    """Triangles, equally wide in mel = 2595 log10(1 + f / 700) (O'Shaughnessy 1987), from 20 Hz to half the rate."""
    low, high = (float(2595 * np.log10(1 + f / 700)) for f in (20, RATE / 2))
    corner = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    frequency = np.linspace(0, RATE / 2, TRANSFORM // 2 + 1)[:, None]
    rising = (frequency - corner[:-2]) / (corner[1:-1] - corner[:-2])
    falling = (corner[2:] - frequency) / (corner[2:] - corner[1:-1])
    return torch.from_numpy(np.maximum(0, np.minimum(rising, falling)).astype(np.float32))


def log_mel(sound: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "frames bands"]:
    """The logarithm of the power in each band, a frame each 20 ms; at least one frame."""
    samples = torch.from_numpy(np.ascontiguousarray(sound))
    spectrum = torch.stft(
        samples, TRANSFORM, HOP, WINDOW, torch.hann_window(WINDOW), pad_mode="constant", return_complex=True
    )
    power = spectrum.abs().square().T[: max(1, len(sound) // HOP)] @ mel_filters()
    floor = (power.max() * RANGE).clamp_min(1e-8)
    loud: Float32[np.ndarray, "frames bands"] = power.maximum(floor).log10().numpy()
    return loud


def mel_steps(sound: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, "steps inputs"]:
    """Mel frames, four to a step; the last is repeated until its step is full."""
    frames = log_mel(sound)
    lacking = -len(frames) % TOGETHER
    return np.concatenate([frames, np.repeat(frames[-1:], lacking, 0)]).reshape(-1, INPUTS)


class SoundVectors:
    """The vector of a sound is the mean code of its stretches of two seconds.

    Args:
        network: taught.
        learned: how that went.
        limits: of decoding.
    """

    name = "audio"

    def __init__(self, network: SequenceAutoencoder, learned: Learned, limits: MediaLimits) -> None:
        self.network, self.learned, self.limits = network.eval(), learned, limits

    @property
    def width(self) -> int:
        """Width of a vector."""
        return len(self.network.linear.there)

    @cached_property
    def digest(self) -> str:
        """A name for these weights, and for how files are decoded."""
        return state_digest(self.network, self.name, str((RATE, SECONDS, WINDOW, HOP, RANGE)))

    @classmethod
    def fit(
        cls,
        locations: Sequence[str],
        width: int = 64,
        seed: int = 0,
        config: LearningConfig | None = None,
        limits: MediaLimits | None = None,
        progress: Progress | None = None,
    ) -> "SoundVectors":
        """Teach on these sounds, or the sound tracks of these videos, without labels.

        Files that cannot be decoded are left out; without any, the code is a projection at random.
        """
        config, limits = config or LearningConfig(), limits or MediaLimits()
        jobs = [(decode_sound, (place, RATE, SECONDS, limits)) for place in chosen(locations, config.examples, seed)]
        with Decoders(limits) as decoders:
            steps = [mel_steps(found.arrays[0]) for found in decoded(jobs, decoders, progress) if not found.fault]
        return cls(
            *fit_sequences(steps, INPUTS, STEPS, width, seed, config, progress, "sound autoencoder", TOGETHER), limits
        )

    def encode(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> Encoded:
        """The vector of each sound; zeros where there is none or it cannot be decoded."""
        jobs = [None if place is None else (decode_sound, (place, RATE, SECONDS, self.limits)) for place in locations]
        return encoded_in_order(
            jobs, self.width, lambda found: self.vectors([sound for (sound,) in found]), self.limits, decoders,
            progress, BATCH,
        )  # fmt: skip

    def vectors(self, sounds: Sequence[Float32[np.ndarray, " _"]]) -> Float32[np.ndarray, "sounds width"]:
        """The vectors of decoded sounds."""
        return self.network.vectors([mel_steps(sound) for sound in sounds])

    def pictures(
        self, sound: Float32[np.ndarray, " samples"]
    ) -> tuple[Float32[np.ndarray, "frames bands"], Float32[np.ndarray, "frames bands"]]:
        """A pair for a report: the mel frames of the first stretch of a sound, and what is left after code and back."""
        cut = self._cut([sound])
        lasts = int(cut.mask[0].sum()) * TOGETHER
        first, again = (each[0].reshape(-1, BANDS)[:lasts].numpy() for each in (cut.x, self._again(cut)))
        return first, again

    def errors(self, sounds: Sequence[Float32[np.ndarray, " _"]]) -> Float32[np.ndarray, " stretches"]:
        """The mean squared error of each stretch after code and back, in variances of the training sounds."""
        cut = self._cut(sounds)
        wrong = ((self._again(cut) - cut.x).square().mean(2) * cut.mask).sum(1) / cut.mask.sum(1)
        found: Float32[np.ndarray, " stretches"] = (wrong / self.network.spread**2).numpy()
        return found

    def _cut(self, sounds: Sequence[np.ndarray]) -> Stretches:
        return stretches([mel_steps(sound) for sound in sounds], STEPS, INPUTS)

    def _again(self, cut: Stretches) -> Float[Tensor, "stretches steps inputs"]:
        with torch.no_grad():
            again, _ = self.network.decode(self.network.encode(self.network.scaled(cut.x, cut.mask), cut.mask))
            return again * self.network.spread + self.network.centre

    def save(self, folder: Path) -> None:
        """Write weights as safetensors, and the rest as JSON."""
        facts = {"width": self.width, "learned": asdict(self.learned), "limits": self.limits.model_dump()}
        save_network(folder, self.name, self.network, facts)

    @classmethod
    def load(cls, folder: Path) -> "SoundVectors":
        """What `save` wrote."""
        facts, weights = load_network(folder, cls.name)
        network = SequenceAutoencoder(INPUTS, STEPS, facts["width"], TOGETHER)
        network.load_state_dict(weights)
        return cls(network, Learned(**facts["learned"]), MediaLimits(**facts["limits"]))
