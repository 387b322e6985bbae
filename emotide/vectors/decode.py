"""What a media file becomes: looked at by its header first, decoded second, never more than asked for (DESIGN 3.7).

A file is what its bytes say, whatever its name ends in. These functions run in a child process (workers.py).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from pydantic import BaseModel, Field

from emotide.errors import BadInput
from emotide.log.media import open_media

IMAGES = ("JPEG", "PNG", "GIF", "WEBP", "BMP")  # Pillow's names
# FFmpeg's names; none of them reads another file or address, as playlists and lists of clips do
DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,wav,flac,ogg,mp3,aac"
Pixels = UInt8[np.ndarray, "height width 3"]


class MediaLimits(BaseModel, frozen=True, extra="forbid"):
    """What is refused before it is decoded, and when a decoder is given up."""

    file_bytes: int = Field(1 << 28, gt=0, description="of a file; of an entry of a zip, unpacked")
    pixels: int = Field(50_000_000, gt=0, description="of an image")
    frame_pixels: int = Field(4096 * 2304, gt=0, description="of a frame of a video")
    frames: int = Field(20_000, gt=0, description="decoded of one video")
    seconds: float = Field(4 * 3600, gt=0, description="that a sound or video says it lasts")
    streams: int = Field(16, gt=0, description="of a sound or video")
    channels: int = Field(8, gt=0, description="of a sound")
    sample_rate: int = Field(192_000, gt=0, description="of a sound, per second")
    job_seconds: float = Field(30, gt=0, description="for one file, by the clock; then its decoder is ended")
    memory: int = Field(2 << 30, gt=0, description="bytes of address space of a decoder")


def decode_image(location: str, size: int, limits: MediaLimits) -> tuple[Pixels]:
    """The middle square of an image (of an animation: of its first picture), size × size.

    Raises:
        BadInput: it is no image of a known format, too large, or broken.
    """
    from PIL import Image, ImageOps

    with open_image(location, limits) as image:
        image.draft("RGB", (size, size))  # a JPEG is decoded no finer than needed
        upright = ImageOps.exif_transpose(image)
        square = ImageOps.fit(upright.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
        return (np.asarray(square),)


@contextmanager
def open_image(location: str, limits: MediaLimits) -> Iterator[Any]:
    """A Pillow image of which the header alone was read; what Pillow raises in the block is a `BadInput`."""
    from PIL import Image, UnidentifiedImageError

    with open_media(location, limits.file_bytes) as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(file, formats=IMAGES)
            width, height = image.size
            if width * height > limits.pixels:
                raise BadInput(f"has {width} × {height} pixels; at most {limits.pixels} are decoded", location)
            yield image
        except UnidentifiedImageError as error:
            raise BadInput(f"is no image of these formats: {', '.join(IMAGES)}", location) from error
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise BadInput(f"has too many pixels ({error})", location) from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow raises for broken files
            raise BadInput(f"the image is broken ({error})", location) from error


def decode_sound(
    location: str, rate: int, seconds: float, limits: MediaLimits
) -> tuple[Float32[np.ndarray, " samples"]]:
    """The beginning of a sound, or of the sound track of a video, in [−1, 1], all channels mixed to one.

    Args:
        location: of the file.
        rate: samples per second that are wanted.
        seconds: of the beginning.
        limits: see there.

    Raises:
        BadInput: there is no sound, or it is of no known format, too long, too wide, or broken.
    """
    import av

    with open_container(location, limits) as container:
        stream = sound_stream(container, location, limits)
        mixer = av.AudioResampler(format="flt", layout="mono", rate=rate)
        wanted, pieces, samples = round(rate * seconds), [], 0
        for frame in container.decode(stream):
            for piece in mixer.resample(frame):
                pieces.append(piece.to_ndarray()[0])
                samples += len(pieces[-1])
            if samples >= wanted:
                break
        else:
            pieces += [piece.to_ndarray()[0] for piece in mixer.resample(None)]
        if not pieces:
            raise BadInput("the sound is empty", location)
        sound = np.concatenate(pieces)[:wanted]
        return (np.clip(np.nan_to_num(sound), -1, 1).astype(np.float32),)


def decode_frames(
    location: str, size: int, rate: float, most: int, limits: MediaLimits
) -> tuple[UInt8[np.ndarray, "frames size size 3"]]:
    """The middle square of frames of a video, size × size: `rate` a second, or `most` over all of a longer video.

    Raises:
        BadInput: there are no pictures, or it is of no known format, too long, too large, or broken.
    """
    with open_container(location, limits) as container:
        stream = picture_stream(container, location, limits)
        lasting = lasts(container)
        if lasting > most / rate:
            found = _spread_frames(container, stream, np.arange(most) * lasting / most)
        else:
            found = _every(container.decode(stream), 1 / rate, limits.frames, location)
        frames = [square(frame, size) for frame in islice(found, most)]
        if not frames:
            raise BadInput("the video has no frame", location)
        return (np.stack(frames),)


def _every(frames: Iterator[Any], seconds: float, limit: int, location: str) -> Iterator[Any]:
    """One frame in so many seconds; frames without a time count as 25 a second."""
    due = 0.0
    for number, frame in enumerate(frames):
        if number >= limit:
            raise BadInput(f"has more than {limit} frames", location)
        time = number / 25 if frame.time is None else frame.time
        if time >= due - 1e-6:
            due = max(due, time - seconds) + seconds
            yield frame


def _spread_frames(container: Any, stream: Any, times: np.ndarray) -> Iterator[Any]:
    """The key frame at or before each of these seconds."""
    for time in times:
        container.seek(int(time * 1e6))
        frame = next(iter(container.decode(stream)), None)
        if frame is not None:
            yield frame


def square(frame: Any, size: int) -> Pixels:
    """The middle square of a PyAV frame, size × size."""
    scale = size / min(frame.width, frame.height)
    width, height = (max(size, round(side * scale)) for side in (frame.width, frame.height))
    width, height = min(width, 16 * size), min(height, 16 * size)
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    top, left = (height - size) // 2, (width - size) // 2
    return np.ascontiguousarray(pixels[top : top + size, left : left + size])


@contextmanager
def open_container(location: str, limits: MediaLimits) -> Iterator[Any]:
    """A PyAV container whose header is within the limits; what FFmpeg raises in the block is a `BadInput`."""
    import av

    whitelist = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none", "max_streams": str(limits.streams)}
    with open_media(location, limits.file_bytes) as file:
        try:
            with av.open(file, options=whitelist, metadata_errors="replace") as container:
                if len(container.streams) > limits.streams:
                    raise BadInput(f"has {len(container.streams)} streams; at most {limits.streams} are read", location)
                lasting = lasts(container)
                if lasting > limits.seconds:
                    raise BadInput(f"says it lasts {lasting:.0f} s; at most {limits.seconds:.0f} are read", location)
                yield container
        except (av.error.FFmpegError, ValueError, EOFError) as error:  # av's errors are also OSErrors
            said = getattr(error, "strerror", None) or error
            raise BadInput(f"is no sound or video that can be read ({said})", location) from error


def sound_stream(container: Any, location: str, limits: MediaLimits) -> Any:
    """The first sound of a container, within the limits."""
    if not container.streams.audio:
        raise BadInput("has no sound", location)
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise BadInput("the sound is of a kind that cannot be decoded", location)
    rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    if not 0 < rate <= limits.sample_rate:
        raise BadInput(f"has {rate} samples per second; at most {limits.sample_rate} are read", location)
    if not 0 < channels <= limits.channels:
        raise BadInput(f"has {channels} channels; at most {limits.channels} are read", location)
    return stream


def picture_stream(container: Any, location: str, limits: MediaLimits) -> Any:
    """The first moving picture of a container, within the limits."""
    if not container.streams.video:
        raise BadInput("has no pictures", location)
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise BadInput("the pictures are of a kind that cannot be decoded", location)
    if not 0 < context.width * context.height <= limits.frame_pixels:
        size = f"{context.width} × {context.height} pixels"
        raise BadInput(f"has frames of {size}; at most {limits.frame_pixels} are decoded", location)
    context.thread_count = 1
    context.options = {"max_pixels": str(limits.frame_pixels)}  # a stream may grow in its middle
    return stream


def lasts(container: Any) -> float:
    """Seconds that a container says it lasts; 0 where it does not say."""
    return max(0.0, (container.duration or 0) / 1e6)
