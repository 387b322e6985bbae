"""Files of which only the parts that matter for the code are decoded at full size and encoded (paper 2; DESIGN 3.6)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits
from emotide.vectors.encoded import Encoded
from emotide.vectors.inside import CELLS, SEGMENT
from emotide.vectors.salience import MediaVectors, Salience, encode_inside
from emotide.vectors.video import VideoVectors
from emotide.vectors.workers import Decoders


@dataclass(frozen=True)
class Partly:
    """Stands in the place of an encoder of media, and reads a share of the parts of every file.

    Attributes:
        encoder: of whole files.
        salience: of the parts of images, sounds and videos, by kind; that of the encoder's kind is there, and for
            videos that of sounds, for their tracks.
        share: of the parts that are read.
    """

    encoder: MediaVectors
    salience: Mapping[str, Salience]
    share: float

    @property
    def name(self) -> str:
        """The kind of files."""
        return self.encoder.name

    @property
    def width(self) -> int:
        """Of a vector."""
        return self.encoder.width

    @property
    def limits(self) -> MediaLimits:
        """Of decoding."""
        return self.encoder.limits

    @property
    def digest(self) -> str:
        """A name for the encoder's weights, the share, and what decides which parts are read."""
        told = [
            self.encoder.digest,
            self.share,
            SEGMENT,
            CELLS,
            {kind: one.weights.tolist() for kind, one in self._needed().items()},
        ]
        return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).hexdigest()

    def encode(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> Encoded:
        """The vector of each file; zeros where there is none or it cannot be decoded."""
        return self.read(locations, decoders, progress)[0]

    def read(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> tuple[Encoded, float]:
        """The same, and the share of parts that were skipped; of videos, of the moments."""
        if decoders is None:
            with Decoders(self.limits) as own:
                return self.read(locations, own, progress)
        found, skipped = encode_inside(
            self.encoder, self.salience[self.name], locations, self.share, decoders, progress
        )
        if not isinstance(self.encoder, VideoVectors):
            return found, skipped
        tracks = [place if there else None for place, there in zip(locations, found.present, strict=True)]
        heard, _ = encode_inside(self.encoder.sound, self.salience["audio"], tracks, self.share, decoders, progress)
        both = np.concatenate([found.vectors, heard.vectors], 1)
        decoding, encoding = found.decoding + heard.decoding, found.encoding + heard.encoding
        return Encoded(both, found.present, found.faults, decoding, encoding), skipped

    def _needed(self) -> dict[str, Salience]:
        kinds = {self.name, "audio"} if isinstance(self.encoder, VideoVectors) else {self.name}
        return {kind: one for kind, one in self.salience.items() if kind in kinds}
