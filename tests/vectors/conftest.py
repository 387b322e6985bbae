"""Small media, made here: pictures, sounds, and videos that PyAV writes as real H.264 with AAC."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emotide.vectors.autoencoder import LearningConfig
from emotide.vectors.decode import MediaLimits
from emotide.vectors.workers import Decoders

LIMITS = MediaLimits(job_seconds=60)
QUICK = LearningConfig(epochs=2, held_out=0.2)


def draw(file: Path, seed: int, size: tuple[int, int] = (96, 80), **how) -> str:
    """A picture of a coloured disc, where and of which colour the seed says."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), 2) / size
    disc = np.linalg.norm(place - rng.uniform(0.25, 0.75, 2), axis=2) < rng.uniform(0.15, 0.3)
    pixels = np.where(disc[:, :, None], rng.integers(128, 256, 3), rng.integers(0, 128, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file, **how)
    return str(file)


def tone(seconds: float, seed: int, rate: int = 16_000) -> np.ndarray:
    """A tone whose height and loudness the seed says, with a little noise: float32 [samples]."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    sound = rng.uniform(0.1, 0.8) * np.sin(2 * np.pi * rng.uniform(200, 2000) * time)
    return (sound + rng.normal(0, 0.01, len(time))).astype(np.float32)


def play(file: Path, seed: int, seconds: float = 1.0, rate: int = 16_000) -> str:
    """A WAV of a tone."""
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes((tone(seconds, seed, rate) * 32767).astype("<i2").tobytes())
    return str(file)


def film(file: Path, seed: int, seconds: float = 2.0, fps: int = 10, pictures: bool = True, sound: bool = True) -> str:
    """An MP4: a square that crosses the picture, and a tone."""
    rng = np.random.default_rng(seed)
    colour, speed = rng.integers(80, 256, 3), rng.integers(1, 5)
    with av.open(str(file), "w") as out:
        if pictures:
            video = out.add_stream("libx264", rate=fps)
            video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        if sound:
            audio = out.add_stream("aac", rate=16_000)
            audio.layout = "mono"
        for number in range(round(seconds * fps) if pictures else 0):
            pixels = np.zeros((64, 96, 3), np.uint8)
            left = 20 + number * speed % 40
            pixels[20:44, left : left + 20] = colour
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        if pictures:
            out.mux(video.encode(None))
        if sound:
            samples = tone(seconds, seed)
            for start in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 16_000, start
                out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return str(file)


@pytest.fixture(scope="module")
def decoders():
    """Two children that stay for a module's tests."""
    with Decoders(LIMITS, workers=2) as children:
        yield children
