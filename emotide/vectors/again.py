"""What code and back leave of a log's images and sounds, as pairs of pictures for a report."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from emotide.vectors.audio import HOP, RATE, STEPS, TOGETHER, WINDOW, SoundVectors
from emotide.vectors.decode import MediaLimits, decode_image, decode_sound
from emotide.vectors.encoded import chosen, decoded
from emotide.vectors.encoders import Files, MediaEncoders
from emotide.vectors.image import SIZE, ImageVectors
from emotide.vectors.workers import Decoders

Picture = UInt8[np.ndarray, "height width 3"]
STRETCH = (STEPS * TOGETHER * HOP + WINDOW) / RATE  # seconds of a sound that are shown


class Pair(NamedTuple):
    """A picture before and after; of a sound its mel frames, time to the right, low sounds below."""

    before: Picture
    after: Picture


def pairs(encoders: MediaEncoders, files: Files, most: int, seed: int = 0) -> dict[str, list[Pair]]:
    """Some pairs for each of images and sounds that the encoders know; files that cannot be decoded are left out.

    Args:
        encoders: of a model.
        files: of a log.
        most: pairs of a kind.
        seed: of which files are shown.
    """
    found: dict[str, list[Pair]] = {}
    for kind, encoder in encoders.by_kind.items():
        places = chosen([place for place in files.get(kind, ()) if place is not None], most, seed)
        if isinstance(encoder, ImageVectors):
            found[kind] = [_image_pair(encoder, one) for one in _decoded(decode_image, places, (SIZE,), encoder.limits)]
        elif isinstance(encoder, SoundVectors):  # a video's code is of codes of frames: its pictures are the images'
            heard = _decoded(decode_sound, places, (RATE, STRETCH), encoder.limits)
            found[kind] = [_sound_pair(encoder, one) for one in heard]
    return found


def _decoded(how: Callable[..., Any], places: list[str], asked: tuple[Any, ...], limits: MediaLimits) -> list[Any]:
    """The first array of each file that can be decoded."""
    with Decoders(limits) as decoders:
        jobs = [(how, (place, *asked, limits)) for place in places]
        return [one.arrays[0] for one in decoded(jobs, decoders, None) if one.fault is None]


def _image_pair(encoder: ImageVectors, image: Picture) -> Pair:
    before, after = encoder.pictures(image[None])
    return Pair(before[0], after[0])


def _sound_pair(encoder: SoundVectors, sound: np.ndarray) -> Pair:
    both = np.stack(encoder.pictures(sound)).transpose(0, 2, 1)[:, ::-1]
    low, high = both[0].min(), both[0].max()
    grey = (255 * (both - low) / max(high - low, 1e-6)).clip(0, 255).astype(np.uint8)
    before, after = np.repeat(grey[..., None], 3, -1)
    return Pair(before, after)
