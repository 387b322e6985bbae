"""The media encoders of one model: taught on a log together, kept together (paper 2; DESIGN 3.7)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32
from pydantic import BaseModel, Field

from emotide.errors import ModelMismatch
from emotide.vectors.audio import SoundVectors
from emotide.vectors.autoencoder import Learned, LearningConfig
from emotide.vectors.cache import Progress, VectorCache
from emotide.vectors.decode import MediaLimits
from emotide.vectors.image import ImageVectors
from emotide.vectors.media import MEDIA, MediaVectors, encode_once
from emotide.vectors.video import VideoVectors
from emotide.vectors.workers import Decoders

PLURAL = {"text": "texts", "image": "images", "audio": "sounds", "video": "videos"}
Files = Mapping[str, Sequence[str | None]]  # kind -> for each post the location of its file


class Contents(NamedTuple):
    """What posts hold, in the order of a timeline."""

    texts: list[str]  # title and text, "" for none
    files: dict[str, list[str | None]]  # image, audio, video -> locations; only kinds that some post has


class MediaConfig(BaseModel, frozen=True, extra="forbid"):
    """How images, sounds and videos become vectors."""

    width: int = Field(64, ge=1, le=1024, description="width of a code; that of a video has its sound's beside it")
    learning: LearningConfig = LearningConfig()
    limits: MediaLimits = MediaLimits()


@dataclass(frozen=True)
class MediaEncoders:
    """An encoder for each kind of media that a log taught.

    Attributes:
        by_kind: in the order of `MEDIA`; empty where the log has text alone.
    """

    by_kind: dict[str, MediaVectors]

    @classmethod
    def fit(cls, files: Files, config: MediaConfig, seed: int, progress: Progress | None = None) -> "MediaEncoders":
        """Teach on these files without labels; a kind of which not one file can be decoded is left out.

        Frames and sound tracks of videos teach the encoders of images and sounds too.
        """
        places = {kind: [place for place in files.get(kind, ()) if place is not None] for kind in MEDIA}
        common: dict[str, Any] = {"seed": seed, "config": config.learning, "limits": config.limits}
        common |= {"width": config.width, "progress": progress}
        found: dict[str, MediaVectors] = {}
        if places["image"] or places["video"]:
            found["image"] = image = ImageVectors.fit(places["image"], videos=places["video"], **common)
        if places["audio"] or places["video"]:
            found["audio"] = sound = SoundVectors.fit([*places["audio"], *places["video"]], **common)
        if places["video"]:
            found["video"] = VideoVectors.fit(places["video"], image, sound, **common)
        return cls({kind: one for kind, one in found.items() if places[kind] and one.learned.examples})

    def encode(
        self,
        files: Files,
        cache: VectorCache,
        progress: Progress | None = None,
        quiet: bool = False,
        decoders: Decoders | None = None,
    ) -> dict[str, tuple[Float32[np.ndarray, "posts width"], Bool[np.ndarray, " posts"]]]:
        """The codes of the files of each kind that was taught, and which there are.

        A file that cannot be decoded is as one that is not there; a warning counts them and tells the first reason,
        unless it is `quiet`.
        """
        found = {}
        for kind, encoder in self.by_kind.items():
            if kind not in files:
                continue
            done = encode_once(encoder, files[kind], cache, progress, decoders)
            found[kind] = done.vectors, done.present
            lost = [k for k, fault in enumerate(done.faults) if fault is not None]
            if lost and not quiet:
                named = sum(place is not None for place in files[kind])
                first = f"{files[kind][lost[0]]}: {done.faults[lost[0]]}"
                what = f"{len(lost)} of {named} {PLURAL[kind]} cannot be read and count as absent"
                warnings.warn(f"{what}; the first: {first}", stacklevel=2)
        return found

    @property
    def widths(self) -> dict[str, int]:
        """Width of the codes of each kind."""
        return {kind: encoder.width for kind, encoder in self.by_kind.items()}

    @property
    def digests(self) -> dict[str, str]:
        """A name for the weights of each encoder."""
        return {kind: encoder.digest for kind, encoder in self.by_kind.items()}

    @property
    def learned(self) -> dict[str, Learned]:
        """How teaching each of them went."""
        return {kind: encoder.learned for kind, encoder in self.by_kind.items()}

    def save(self, folder: Path) -> None:
        """Write weights as safetensors, and the rest as JSON; a video's encoder has two others below it."""
        for encoder in self.by_kind.values():
            if isinstance(encoder, VideoVectors):
                encoder.image.save(folder)
                encoder.sound.save(folder)
            encoder.save(folder)

    @classmethod
    def load(cls, folder: Path, digests: Mapping[str, str]) -> "MediaEncoders":
        """What `save` wrote.

        Args:
            folder: of all of them.
            digests: of the encoders that the model was trained with.

        Raises:
            ModelMismatch: one is not there, not whole, or another than that.
        """
        made = cls({kind: MEDIA[kind].load(folder) for kind in digests})
        for kind, digest in made.digests.items():
            if digest != digests[kind]:
                raise ModelMismatch(f"{folder}: the {kind} encoder is not the one that the model was trained with")
        return made
