"""The media encoders of one model: taught on a log together, kept together (paper 2; DESIGN 3.7)."""

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from emotide.vectors.media import MEDIA, FileVectors, MediaVectors, encode_once
from emotide.vectors.partly import Partly
from emotide.vectors.salience import Salience
from emotide.vectors.video import VideoVectors
from emotide.vectors.workers import Decoders

PARTS = "{kind}.parts.json"  # beside the encoders, where files are read in parts
PLURAL = {"text": "texts", "image": "images", "audio": "sounds", "video": "videos"}
Files = Mapping[str, Sequence[str | None]]  # kind -> for each post the location of its file


class Contents(NamedTuple):
    """What posts hold, in the order of a timeline."""

    texts: list[str]  # title and text, "" for none
    files: dict[str, list[str | None]]  # image, audio, video -> locations; only kinds that some post has


class MediaConfig(BaseModel, frozen=True, extra="forbid"):
    """How images, sounds and videos become vectors."""

    width: int = Field(64, ge=1, le=1024, description="width of a code; that of a video has its sound's beside it")
    inside: float | None = Field(
        None,
        gt=0,
        le=1,
        description="share of the regions of an image, segments of a sound and frames of a video that are decoded at "
        "full size and encoded, those that matter for the code; by default files are read whole",
    )
    learning: LearningConfig = LearningConfig()
    limits: MediaLimits = MediaLimits()


@dataclass(frozen=True)
class MediaEncoders:
    """An encoder for each kind of media that a log taught.

    Attributes:
        by_kind: in the order of `MEDIA`; empty where the log has text alone.
        salience: by kind, what parts of a file matter; empty where that was never learned.
        inside: share of the parts that are read; files are read whole where None.
    """

    by_kind: dict[str, MediaVectors]
    salience: dict[str, Salience] = field(default_factory=dict)
    inside: float | None = None

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

    def only(self, kinds: Collection[str]) -> "MediaEncoders":
        """Those of these kinds."""
        return replace(self, by_kind={kind: one for kind, one in self.by_kind.items() if kind in kinds})

    def reading(self, inside: float | None, files: Files, seed: int) -> "MediaEncoders":
        """The same encoders, reading this share of the parts of a file; what matters is learned where it is not known.

        Args:
            inside: share of the parts, None for whole files.
            files: that may teach which parts matter.
            seed: of which of them do.
        """
        salience = dict(self.salience)
        if inside is not None:
            with Decoders(next((one.limits for one in self.by_kind.values()), None)) as decoders:
                for kind, encoder, places in self._teachers(files):
                    if kind not in salience:
                        salience[kind] = Salience.learned(encoder, places, decoders, seed)
        return replace(self, salience=salience, inside=inside)

    def _teachers(self, files: Files) -> Iterator[tuple[str, MediaVectors, list[str]]]:
        """Each kind of parts, its encoder, and the files that have such parts."""
        by_kind = dict(self.by_kind)
        video = by_kind.get("video")
        if isinstance(video, VideoVectors) and "audio" not in by_kind:
            by_kind["audio"] = video.sound
        for kind, encoder in by_kind.items():
            kinds = ("audio", "video") if kind == "audio" else (kind,)
            yield kind, encoder, [place for name in kinds for place in files.get(name, ()) if place is not None]

    def reader(self, kind: str) -> FileVectors:
        """What makes vectors of the files of a kind."""
        encoder = self.by_kind[kind]
        return encoder if self.inside is None else Partly(encoder, self.salience, self.inside)

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
        unless it is `quiet` or told of all of them before.
        """
        found = {}
        for kind in self.by_kind:
            if kind not in files:
                continue
            done = encode_once(self.reader(kind), files[kind], cache, progress, decoders)
            found[kind] = done.vectors, done.present
            lost = [k for k, fault in enumerate(done.faults) if fault is not None]
            if lost and not quiet and cache.new(f"{files[kind][k]}: {done.faults[k]}" for k in lost):
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
        """A name for the weights of each encoder, and for the parts that it reads."""
        return {kind: self.reader(kind).digest for kind in self.by_kind}

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
        if self.inside is not None:
            for kind, one in self.salience.items():
                one.save(folder / PARTS.format(kind=kind))

    @classmethod
    def load(cls, folder: Path, digests: Mapping[str, str], inside: float | None = None) -> "MediaEncoders":
        """What `save` wrote.

        Args:
            folder: of all of them.
            digests: of the encoders that the model was trained with.
            inside: share of the parts that they read.

        Raises:
            ModelMismatch: one is not there, not whole, or another than that.
        """
        made = cls({kind: MEDIA[kind].load(folder) for kind in digests}, inside=inside)
        if inside is not None:
            salience = {kind: Salience.load(folder / PARTS.format(kind=kind)) for kind, _, _ in made._teachers({})}
            made = replace(made, salience=salience)
        for kind, digest in made.digests.items():
            if digest != digests[kind]:
                raise ModelMismatch(f"{folder}: the {kind} encoder is not the one that the model was trained with")
        return made
