"""Which parts of an image, sound or video matter for its code: learned without labels, from the encoder (paper 2).

    importance of a part ≈ |code of the whole − code without the part|², as a share of the sum over all parts

A ridge regression tells it from the numbers of a cheap look. What is left out is told by the look alone: a region of an
image is one colour, a segment of a sound is as the one that was kept and is most nearly as loud, a moment of a video is
as the nearest that was decoded.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from emotide.errors import ModelMismatch
from emotide.vectors.audio import BATCH as SOUNDS
from emotide.vectors.audio import HOP, RATE, SECONDS, TOGETHER, SoundVectors, mel_steps
from emotide.vectors.cache import Progress
from emotide.vectors.decode import decode_image, decode_sound
from emotide.vectors.encoded import Encoded, chosen, decoded, encoded_in_order
from emotide.vectors.glance import SILENCE
from emotide.vectors.image import BATCH as IMAGES
from emotide.vectors.image import SIZE, ImageVectors
from emotide.vectors.inside import (
    CELLS,
    SEGMENT,
    Wanted,
    decode_regions,
    decode_segments,
    image_features,
    sound_features,
)
from emotide.vectors.moments import NUMBERS, decode_moments
from emotide.vectors.video import BATCH as VIDEOS
from emotide.vectors.video import FRAMES, VideoVectors
from emotide.vectors.video import RATE as FRAME_RATE
from emotide.vectors.workers import Decoders, Job

MediaVectors = ImageVectors | SoundVectors | VideoVectors
BATCHES = {"image": IMAGES, "audio": SOUNDS, "video": VIDEOS}
RIDGE = 1.0
EXAMPLES = 40  # files of a kind that teach, at most
POWERS = 2 * float(-np.log10(SILENCE))  # decades of power from silence to the loudest: of a step of 1 in loudness
STEPS = round(SEGMENT * RATE / (HOP * TOGETHER))  # of the sound autoencoder in a segment


@dataclass(frozen=True)
class Salience:
    """What parts are worth to an encoder.

    Attributes:
        weights: of the numbers of a look.
        explained: share of the variance of importance that they explain, on examples held out; nan without any.
    """

    weights: Float64[np.ndarray, " features"]
    explained: float

    @classmethod
    def of_sounds(cls, encoder: SoundVectors, sounds: Sequence[Float32[np.ndarray, " _"]]) -> "Salience":
        """Learned from decoded sounds."""
        features, worth = [], []
        for sound in sounds[:EXAMPLES]:
            steps = mel_steps(sound)
            cuts = [steps[k : k + STEPS] for k in range(0, len(steps), STEPS)]
            parts = len(cuts)
            if parts < 2:
                continue
            loud = _envelope(sound, parts)
            less = [_filled([*cuts[:k], *cuts[k + 1 :]], np.arange(parts) != k, loud) for k in range(parts)]
            codes = encoder.network.vectors([steps, *less])
            features.append(sound_features(loud))
            worth.append(np.square(codes[1:] - codes[0]).sum(1))
        return cls._fitted(features, worth, sound_features(np.zeros(1, np.float32)).shape[1])

    @classmethod
    def of_images(cls, encoder: ImageVectors, images: UInt8[np.ndarray, "images size size 3"]) -> "Salience":
        """Learned from decoded images."""
        features, worth, cell = [], [], SIZE // CELLS
        for image in images[:EXAMPLES]:
            small = image.reshape(CELLS, cell, CELLS, cell, 3).mean((1, 3)).round().astype(np.uint8)
            less = np.repeat(image[None], CELLS**2, 0)
            for k in range(CELLS**2):
                y, x = divmod(k, CELLS)
                less[k, y * cell : (y + 1) * cell, x * cell : (x + 1) * cell] = small[y, x]
            codes = encoder.vectors(np.concatenate([image[None], less]))
            features.append(image_features(small))
            worth.append(np.square(codes[1:] - codes[0]).sum(1))
        return cls._fitted(features, worth, image_features(np.zeros((CELLS, CELLS, 3), np.uint8)).shape[1])

    @classmethod
    def of_videos(cls, encoder: VideoVectors, looks: Sequence[tuple[np.ndarray, ...]]) -> "Salience":
        """Learned from videos, each as `decode_moments` gives it where nothing is skipped; their sound apart."""
        features, worth = [], []
        for frames, _, which, beside, told in looks[:EXAMPLES]:
            if len(which) < 2:
                continue
            seen = encoder.image.vectors(frames)
            less = []
            for k in range(len(which)):
                without = which.copy()
                without[k] = beside[k]
                less.append(seen[without])
            codes = encoder.network.vectors([seen[which], *less])
            features.append(told)
            worth.append(np.square(codes[1:] - codes[0]).sum(1))
        return cls._fitted(features, worth, NUMBERS)

    @classmethod
    def learned(cls, encoder: MediaVectors, locations: Sequence[str], decoders: Decoders, seed: int = 0) -> "Salience":
        """Learned from some of these files; one that cannot be decoded teaches nothing."""
        some = chosen(locations, EXAMPLES, seed)
        every = Wanted(np.zeros(NUMBERS), 1.0)

        def job(place: str) -> Job:
            if isinstance(encoder, SoundVectors):
                return decode_sound, (place, RATE, SECONDS, encoder.limits)
            if isinstance(encoder, VideoVectors):
                return decode_moments, (place, SIZE, FRAME_RATE, FRAMES, every, encoder.limits)
            return decode_image, (place, SIZE, encoder.limits)

        found = [one.arrays for one in decoded([job(place) for place in some], decoders, None) if one.fault is None]
        if isinstance(encoder, SoundVectors):
            return cls.of_sounds(encoder, [sound for (sound,) in found])
        if isinstance(encoder, VideoVectors):
            return cls.of_videos(encoder, found)
        return cls.of_images(encoder, np.array([image for (image,) in found], np.uint8).reshape(-1, SIZE, SIZE, 3))

    @classmethod
    def _fitted(cls, features: list[np.ndarray], worth: list[np.ndarray], width: int) -> "Salience":
        if not features:
            return cls(np.zeros(width), float("nan"))
        share = [len(each) * each / max(float(each.sum()), 1e-12) for each in worth]
        cut = max(1, round(0.8 * len(features)))
        weights = _ridge(np.concatenate(features[:cut]), np.concatenate(share[:cut]))
        if cut == len(features):
            return cls(weights, float("nan"))
        x, y = np.concatenate(features[cut:]), np.concatenate(share[cut:])
        explained = 1 - float(np.square(y - x @ weights).mean() / max(float(np.square(y - 1).mean()), 1e-12))
        return cls(_ridge(np.concatenate(features), np.concatenate(share)), explained)

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        explained = None if isnan(self.explained) else self.explained
        file.write_text(json.dumps({"weights": self.weights.tolist(), "explained": explained}), "utf-8")

    @classmethod
    def load(cls, file: Path) -> "Salience":
        """What `save` wrote.

        Raises:
            ModelMismatch: it is not there, or not whole.
        """
        try:
            told = json.loads(file.read_text("utf-8"))
            explained = float("nan") if told["explained"] is None else float(told["explained"])
            return cls(np.array(told["weights"], np.float64), explained)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelMismatch(f"{file}: no readable salience here ({error})") from error


def encode_inside(
    encoder: MediaVectors,
    salience: Salience,
    locations: Sequence[str | None],
    share: float,
    decoders: Decoders | None = None,
    progress: Progress | None = None,
    seed: int | None = None,
) -> tuple[Encoded, float]:
    """The vectors of files of which only the parts worth it are decoded at full size, and the share of parts skipped.

    Args:
        encoder: of sounds, of images, or of videos, of which the pictures alone are read.
        salience: of their parts.
        locations: of files, None where there is none.
        share: of the parts of each that are decoded, at least one part; of a video, of the frames.
        decoders: children that are there already.
        progress: called with (done, total, what).
        seed: takes parts at random, to compare with.
    """
    counts = np.zeros(2)

    def vectors(found: list[tuple[np.ndarray, ...]]) -> np.ndarray:
        counts[:] += sum(int(one[1].sum()) for one in found), sum(len(one[1]) for one in found)
        if isinstance(encoder, SoundVectors):
            return encoder.network.vectors([_as_whole(*one) for one in found])
        if isinstance(encoder, VideoVectors):
            return encoder.network.vectors([encoder.image.vectors(one[0])[one[2]] for one in found])
        return encoder.vectors(np.stack([one[0] for one in found]))

    def job(place: str, number: int) -> Job:
        wanted = Wanted(salience.weights, share, None if seed is None else seed + number)
        if isinstance(encoder, SoundVectors):
            return decode_segments, (place, RATE, SECONDS, wanted, encoder.limits)
        if isinstance(encoder, VideoVectors):
            return decode_moments, (place, SIZE, FRAME_RATE, FRAMES, wanted, encoder.limits)
        return decode_regions, (place, SIZE, wanted, encoder.limits)

    jobs = [None if place is None else job(place, k) for k, place in enumerate(locations)]
    batch = BATCHES[encoder.name]
    width = len(encoder.network.linear.there)
    found = encoded_in_order(jobs, width, vectors, encoder.limits, decoders, progress, batch)
    return found, 1 - float(counts[0] / max(counts[1], 1))


def _as_whole(
    sound: Float32[np.ndarray, " samples"], kept: Bool[np.ndarray, " parts"], loud: Float32[np.ndarray, " parts"]
) -> Float32[np.ndarray, "steps inputs"]:
    """The mel steps of kept segments, and of those between as the look told."""
    steps = mel_steps(sound)
    if kept.all():
        return steps
    first = np.arange(kept.sum()) * STEPS
    return _filled([steps[k : k + STEPS] if k < first[-1] else steps[k:] for k in first], kept, loud)


def _filled(
    cuts: list[Float32[np.ndarray, "_ inputs"]], kept: Bool[np.ndarray, " parts"], loud: Float32[np.ndarray, " parts"]
) -> Float32[np.ndarray, "steps inputs"]:
    """Kept segments at their places; another is the median of that most nearly as loud, as loud as it was found."""
    there = np.flatnonzero(kept)
    number = dict(zip(there.tolist(), range(len(there)), strict=True))
    floor, out = min(float(cut.min()) for cut in cuts), []
    for part in range(len(kept)):
        unlike = np.abs(loud[there] - loud[part]) + 1e-3 * np.abs(there - part)  # of equal ones the nearest
        near = part if kept[part] else int(there[unlike.argmin()])
        cut = cuts[number[near]]
        if part != near:
            louder = POWERS * float(loud[part] - loud[near])
            usual = np.median(cut, 0, keepdims=True)  # what stood beside it in the sound reaches into its ends
            cut = np.repeat((usual + louder).clip(floor), STEPS, 0).astype(np.float32)
        out.append(cut)
    return np.concatenate(out)


def _envelope(sound: Float32[np.ndarray, " samples"], parts: int) -> Float32[np.ndarray, " parts"]:
    """As `glance.loudness` tells it of a file: a moment in the middle of each part."""
    middle = ((np.arange(parts) + 0.5) / parts * len(sound)).astype(int)
    power = [np.mean(np.square(sound[k : k + 1024])) for k in middle]
    loud = np.log10(np.clip(np.sqrt(power), SILENCE, 1.0))
    told: Float32[np.ndarray, " parts"] = (0.5 - loud / np.log10(SILENCE)).astype(np.float32)
    return told


def _ridge(x: np.ndarray, y: np.ndarray) -> Float64[np.ndarray, " features"]:
    return np.asarray(np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y))
