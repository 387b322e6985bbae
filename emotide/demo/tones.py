"""Short tunes whose pitch, loudness, tempo and roughness carry a mood, made."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

RATE = 16_000  # samples per second
SECONDS = 1.5


@dataclass(frozen=True)
class Tune:
    """How a mood sounds."""

    pitch: float  # hertz
    steps: tuple[int, ...]  # semitones of its notes, over and over
    tempo: float  # notes per second
    loudness: float  # 0 to 1
    roughness: float  # share of the overtones, 0 to 1


TUNES = {
    "anger": Tune(330.0, (0, 1, 0, -1), 7.0, 0.8, 0.9),
    "disgust": Tune(150.0, (0, -1), 2.5, 0.4, 0.7),
    "fear": Tune(620.0, (0, 1, 2, 1), 9.0, 0.25, 0.3),
    "joy": Tune(440.0, (0, 4, 7, 12), 5.0, 0.5, 0.2),
    "neutral": Tune(280.0, (0, 0, 2, 0), 2.0, 0.3, 0.2),
    "sadness": Tune(230.0, (0, -1, -3, -5), 1.5, 0.15, 0.1),
    "surprise": Tune(380.0, (0, 7, 16), 3.0, 0.65, 0.3),
}


def tune(rng: np.random.Generator, mood: str) -> Float32[np.ndarray, " samples"]:
    """Somebody in that mood, in [−1, 1]: each higher or lower, quicker or slower than others, with a little noise."""
    usual = TUNES[mood]
    pitch = usual.pitch * 2 ** rng.normal(0, 0.12)
    tempo, loudness = usual.tempo * 2 ** rng.normal(0, 0.15), usual.loudness * 2 ** rng.normal(0, 0.25)
    time = np.arange(round(RATE * SECONDS)) / RATE
    note = np.floor(time * tempo).astype(int)
    hertz = pitch * 2 ** (np.array(usual.steps)[note % len(usual.steps)] / 12)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    overtone = np.arange(1, 7)[:, None]
    sound = (usual.roughness ** (overtone - 1) / overtone * np.sin(overtone * phase)).sum(0)
    envelope = np.exp(-2 * (time * tempo - note))
    heard = loudness * envelope * sound + rng.normal(0, 0.003, len(time))
    return np.asarray(np.clip(heard, -1, 1), np.float32)


def write_wav(sound: Float32[np.ndarray, " samples"], file: Path) -> None:
    """Write a sound of `RATE` samples per second as 16 bits each."""
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes((sound * 32767).astype("<i2").tobytes())
