"""Video becomes a vector: the image autoencoder on frames, the sound method over them, its sound beside (paper 2)."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from emotide.vectors.audio import SoundVectors
from emotide.vectors.autoencoder import Learned, LearningConfig, state_digest
from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits, decode_frames
from emotide.vectors.encoded import Encoded, chosen, decoded, encoded_in_order, load_network, save_network
from emotide.vectors.image import SIZE, ImageVectors
from emotide.vectors.sequence import SequenceAutoencoder, fit_sequences
from emotide.vectors.workers import Decoders, Job

RATE = 2.0  # frames a second
FRAMES = 64  # of a video, at most; a longer one is looked at in as many places
STEPS = 16  # frames of a stretch: 8 s
BATCH = 8


class VideoVectors:
    """The vector of a video is the code of its sequence of frames, and beside it the code of its sound track.

    Args:
        image, sound: encoders of frames and of the sound track; zeros stand for a track that is not there.
        network: taught on sequences of frames' vectors.
        learned: how that went.
        limits: of decoding.
    """

    name = "video"

    def __init__(
        self, image: ImageVectors, sound: SoundVectors, network: SequenceAutoencoder, learned: Learned,
        limits: MediaLimits,
    ) -> None:  # fmt: skip
        self.image, self.sound = image, sound
        self.network, self.learned, self.limits = network.eval(), learned, limits

    @property
    def width(self) -> int:
        """Width of a vector."""
        return len(self.network.linear.there) + self.sound.width

    @cached_property
    def digest(self) -> str:
        """A name for these weights, those of both other encoders, and for how files are decoded."""
        return state_digest(self.network, self.name, self.image.digest, self.sound.digest, str((RATE, FRAMES)))

    @classmethod
    def fit(
        cls,
        locations: Sequence[str],
        image: ImageVectors,
        sound: SoundVectors,
        width: int = 64,
        seed: int = 0,
        config: LearningConfig | None = None,
        limits: MediaLimits | None = None,
        progress: Progress | None = None,
    ) -> "VideoVectors":
        """Teach on these videos, without labels; files that cannot be decoded are left out."""
        config, limits = config or LearningConfig(), limits or MediaLimits()
        jobs = [_job(place, limits) for place in chosen(locations, config.examples, seed)]
        with Decoders(limits) as decoders:
            found = [image.vectors(one.arrays[0]) for one in decoded(jobs, decoders, progress) if not one.fault]
        taught = fit_sequences(found, image.width, STEPS, width, seed, config, progress, "video autoencoder")
        return cls(image, sound, *taught, limits)

    def encode(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> Encoded:
        """The vector of each video; zeros where there is none or its pictures cannot be decoded."""
        jobs = [None if place is None else _job(place, self.limits) for place in locations]
        if decoders is None:
            with Decoders(self.limits) as own:
                return self.encode(locations, own, progress)
        seen = encoded_in_order(
            jobs, self.width - self.sound.width, lambda found: self.vectors([frames for (frames,) in found]),
            self.limits, decoders, progress, BATCH,
        )  # fmt: skip
        heard = self.sound.encode(
            [place if there else None for place, there in zip(locations, seen.present, strict=True)], decoders, progress
        )
        both = np.concatenate([seen.vectors, heard.vectors], 1)
        decoding, encoding = seen.decoding + heard.decoding, seen.encoding + heard.encoding
        return Encoded(both, seen.present, seen.faults, decoding, encoding)

    def vectors(self, videos: Sequence[UInt8[np.ndarray, "_ size size 3"]]) -> Float32[np.ndarray, "videos width"]:
        """The vectors of decoded frames, without sound."""
        return self.network.vectors([self.image.vectors(frames) for frames in videos])

    def save(self, folder: Path) -> None:
        """Write weights as safetensors, and the rest as JSON; the other encoders save themselves."""
        facts = {
            "width": self.width - self.sound.width,
            "image": self.image.digest,
            "sound": self.sound.digest,
            "learned": asdict(self.learned),
            "limits": self.limits.model_dump(),
        }
        save_network(folder, self.name, self.network, facts)

    @classmethod
    def load(cls, folder: Path) -> "VideoVectors":
        """What `save` wrote, with the image and sound encoders that were saved in the same folder."""
        facts, weights = load_network(folder, cls.name)
        image, sound = ImageVectors.load(folder), SoundVectors.load(folder)
        network = SequenceAutoencoder(image.width, STEPS, facts["width"])
        network.load_state_dict(weights)
        return cls(image, sound, network, Learned(**facts["learned"]), MediaLimits(**facts["limits"]))


def _job(place: str, limits: MediaLimits) -> Job:
    return decode_frames, (place, SIZE, RATE, FRAMES, limits)
