"""A cheap look at a media file: its header, and as little of the rest as tells something (DESIGN 3.6).

These functions run in a child process (workers.py), within the same limits as decoding.
"""

from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Float32

from emotide.log.media import open_media
from emotide.vectors.decode import (
    MediaLimits,
    lasts,
    open_container,
    open_image,
    picture_stream,
    sound_stream,
    square,
)

THUMBNAIL = 8  # pixels of a side
SPOTS = 8  # of a sound at which its loudness is measured
SILENCE = 1e-4  # loudness below which all is the same: 80 dB under the loudest possible
Glance = Float32[np.ndarray, " numbers"]


def glance_image(location: str, limits: MediaLimits) -> tuple[Glance]:
    """The thumbnail, decoded from a JPEG at an eighth of its size; width, height and bytes."""
    from PIL import Image, ImageOps

    size = _bytes(location, limits)
    with open_image(location, limits) as image:
        width, height = image.size
        image.draft("RGB", (THUMBNAIL, THUMBNAIL))
        small = ImageOps.fit(image.convert("RGB"), (THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        return (_joined(np.asarray(small), width, height, size),)


def glance_video(location: str, limits: MediaLimits) -> tuple[Glance]:
    """The first key frame as a thumbnail; what the header says of seconds, whether there is sound, and bytes."""
    size = _bytes(location, limits)
    with open_container(location, limits) as container:
        stream = picture_stream(container, location, limits)
        stream.codec_context.skip_frame = "NONKEY"
        frame = next(iter(container.decode(stream)), None)
        thumbnail = np.zeros((THUMBNAIL, THUMBNAIL, 3), np.uint8) if frame is None else square(frame, THUMBNAIL)
        return (_joined(thumbnail, lasts(container), len(container.streams.audio), size),)


def glance_sound(location: str, limits: MediaLimits) -> tuple[Glance]:
    """The loudness of a moment at a few spots, found without decoding what lies between; seconds and bytes."""
    size = _bytes(location, limits)
    with open_container(location, limits) as container:
        stream = sound_stream(container, location, limits)
        seconds = lasts(container)
        return (np.concatenate([loudness(container, stream, SPOTS, seconds), _logs(seconds, size)]),)


def loudness(container: Any, stream: Any, spots: int, seconds: float) -> Float32[np.ndarray, " spots"]:
    """How loud an open sound is at a moment in the middle of each of so many equal parts; −½ silence, ½ the loudest.

    Where it is not known how long it lasts, the beginning is all that is looked at.
    """
    loud = np.full(spots, np.log10(SILENCE), np.float32)
    for k in range(spots if seconds else 1):
        container.seek(int((k + 0.5) / spots * seconds * 1e6))
        frames = list(islice(container.decode(stream), 2))  # the first of a compressed sound begins too faint
        if frames:
            loud[k] = _loudness(frames[-1])
    return 0.5 - loud / np.float32(np.log10(SILENCE))


def _loudness(frame: Any) -> float:
    """The logarithm of the root mean square of a PyAV frame of sound, whose samples are of any kind."""
    samples = frame.to_ndarray()
    if samples.dtype.kind in "iu":
        reach = np.iinfo(samples.dtype)
        middle = (reach.max + reach.min + 1) / 2  # of unsigned samples silence is in the middle
        samples = (samples.astype(np.float64) - middle) / (reach.max - middle)
    power = np.mean(np.square(np.nan_to_num(samples))) if samples.size else 0.0
    return float(np.log10(np.clip(np.sqrt(power), SILENCE, 1.0)))


def _joined(thumbnail: np.ndarray, *numbers: int | float) -> Glance:
    return np.concatenate([thumbnail.reshape(-1).astype(np.float32) / 255 - 0.5, _logs(*numbers)])


def _logs(*numbers: int | float) -> Glance:
    """Numbers of any size, near 1."""
    return np.log1p(np.array(numbers, np.float32)) / 10


def _bytes(location: str, limits: MediaLimits) -> int:
    with open_media(location, limits.file_bytes) as file:
        return file.seek(0, 2)
