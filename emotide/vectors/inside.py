"""Parts of a sound or an image that are worth decoding, told from a cheap look at the whole (paper 2; DESIGN 3.6).

A look gives each part a few numbers, a weight for each of them its importance, and the most important are decoded:
segments of a sound at full rate, regions of an image at full size. These functions run in a child process (workers.py).
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8

from emotide.vectors.decode import MediaLimits, lasts, open_container, open_image, sound_stream
from emotide.vectors.glance import THUMBNAIL, loudness

SEGMENT = 0.4  # seconds
CELLS = THUMBNAIL  # regions of a side of an image
Features = Float64[np.ndarray, "parts features"]


class Wanted(NamedTuple):
    """Which parts are decoded.

    Attributes:
        weights: of the numbers that a look gives; the sum is the importance of a part.
        share: of the parts that are decoded, at least one.
        seed: parts at random in the place of important ones, to compare with.
    """

    weights: Float64[np.ndarray, " features"]
    share: float
    seed: int | None = None

    def chosen(self, features: Features) -> Bool[np.ndarray, " parts"]:
        """The parts that are decoded."""
        count = max(1, math.ceil(self.share * len(features) - 1e-9))
        kept = np.zeros(len(features), bool)
        kept[np.argsort(-self.scores(features), kind="stable")[:count]] = True
        return kept

    def scores(self, features: Features) -> Float64[np.ndarray, " parts"]:
        """The importance of each part."""
        if self.seed is not None:
            return np.random.default_rng(self.seed).random(len(features))
        return np.asarray(features @ self.weights)


def sound_features(envelope: Float32[np.ndarray, " parts"]) -> Features:
    """Of each segment: how loud it is, by itself, beside the whole and beside its neighbours, and where it stands."""
    loud = envelope.astype(np.float64)
    before, after = (np.concatenate(pair) for pair in ((loud[:1], loud[:-1]), (loud[1:], loud[-1:])))
    place = (np.arange(len(loud)) + 0.5) / max(1, len(loud))
    ones = np.ones(len(loud))
    steps = [np.abs(loud - before), np.abs(loud - after)]
    return np.stack([ones, loud, loud**2, loud - loud.mean(), *steps, place, (2 * place - 1) ** 2], 1)


def image_features(thumbnail: UInt8[np.ndarray, "cells cells 3"]) -> Features:
    """Of each region, row by row: its light, its contrast with its neighbours, its colour, and where it stands."""
    pixels = thumbnail.astype(np.float64) / 255
    light = pixels.mean(2)
    wide = np.pad(light, 1, mode="edge")
    sides = [wide[1:-1, :-2], wide[1:-1, 2:], wide[:-2, 1:-1], wide[2:, 1:-1]]
    contrast = np.mean([np.abs(light - side) for side in sides], 0)
    colour = pixels.max(2) - pixels.min(2)
    told = np.stack([light, light**2, contrast, contrast**2, colour], 2).reshape(-1, 5)
    return np.concatenate([told, np.eye(len(told))], 1)


def decode_segments(
    location: str, rate: int, seconds: float, wanted: Wanted, limits: MediaLimits
) -> tuple[Float32[np.ndarray, " samples"], Bool[np.ndarray, " parts"], Float32[np.ndarray, " parts"]]:
    """The segments of a sound that are worth it, one after the other; which they are, and how loud each is.

    Between them nothing is decoded but a moment in the middle of each, for the look. A sound whose header does not say
    how long it is counts as one segment.

    Raises:
        BadInput: as `decode_sound`.
    """
    with open_container(location, limits) as container:
        stream = sound_stream(container, location, limits)
        lasting = min(lasts(container), seconds)
        parts = max(1, math.ceil(lasting / SEGMENT - 0.25))  # a short rest belongs to the last
        envelope = loudness(container, stream, parts, lasting) if parts > 1 else np.zeros(1, np.float32)
        kept = wanted.chosen(sound_features(envelope))
        pieces = [
            _between(container, stream, rate, first * SEGMENT, last * SEGMENT if last < parts else lasting)
            for first, last in _runs(kept)
        ]
        sound = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        return np.clip(np.nan_to_num(sound), -1, 1).astype(np.float32), kept, envelope


def decode_regions(
    location: str, size: int, wanted: Wanted, limits: MediaLimits
) -> tuple[UInt8[np.ndarray, "size size 3"], Bool[np.ndarray, " parts"]]:
    """The middle square of an image, in which the regions that are worth it are sharp and the others one colour.

    Raises:
        BadInput: as `decode_image`.
    """
    from PIL import Image, ImageOps

    with open_image(location, limits) as image:
        image.draft("RGB", (size, size))  # a JPEG is decoded no finer than needed, and as a whole: it has no regions
        upright = ImageOps.exif_transpose(image).convert("RGB")
        side, cell = min(upright.size), size // CELLS
        left, top = ((length - side) / 2 for length in upright.size)
        square = (left, top, left + side, top + side)
        small = np.asarray(upright.resize((CELLS, CELLS), Image.Resampling.BOX, square, reducing_gap=1.0))
        kept = wanted.chosen(image_features(small))
        out = small.repeat(cell, 0).repeat(cell, 1)
        for y, x in np.argwhere(kept.reshape(CELLS, CELLS)).tolist():
            corner = left + x * side / CELLS, top + y * side / CELLS
            region = (*corner, corner[0] + side / CELLS, corner[1] + side / CELLS)
            sharp = upright.resize((cell, cell), Image.Resampling.BILINEAR, region)
            out[y * cell : (y + 1) * cell, x * cell : (x + 1) * cell] = np.asarray(sharp)
        return out, kept


def _runs(kept: Bool[np.ndarray, " parts"]) -> list[tuple[int, int]]:
    """First part and end of each run of parts that are kept."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(int)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _between(container: Any, stream: Any, rate: int, begin: float, end: float) -> Float32[np.ndarray, " samples"]:
    """The sound between two times; nought where the file ends before."""
    import av

    container.seek(int(begin * 1e6))
    mixer = av.AudioResampler(format="flt", layout="mono", rate=rate)
    start, pieces = None, []
    for frame in _until(container.decode(stream), end):
        if frame.time is not None and frame.time + frame.samples / frame.sample_rate <= begin:
            continue
        start = (frame.time or 0.0) if start is None else start
        pieces += [piece.to_ndarray()[0] for piece in mixer.resample(frame)]
    pieces += [piece.to_ndarray()[0] for piece in mixer.resample(None)] if pieces else []
    out, skipped = np.zeros(round((end - begin) * rate), np.float32), round((begin - (start or 0.0)) * rate)
    sound = np.concatenate(pieces)[max(0, skipped) :] if pieces else out[:0]
    sound = sound[: len(out)]
    out[: len(sound)] = sound
    return out


def _until(frames: Iterator[Any], end: float) -> Iterator[Any]:
    """Frames that begin before a time."""
    for frame in frames:
        if frame.time is not None and frame.time >= end:
            return
        yield frame
