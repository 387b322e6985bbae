"""The encoders of media, and their vectors computed once for each content (paper 2; DESIGN 3.7)."""

import hashlib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from emotide.errors import BadInput
from emotide.log.media import open_media
from emotide.vectors.audio import SoundVectors
from emotide.vectors.cache import Progress, VectorCache
from emotide.vectors.decode import MediaLimits
from emotide.vectors.encoded import Encoded
from emotide.vectors.image import ImageVectors
from emotide.vectors.video import VideoVectors
from emotide.vectors.workers import Decoders

MediaVectors = ImageVectors | SoundVectors | VideoVectors
MEDIA: dict[str, type[ImageVectors] | type[SoundVectors] | type[VideoVectors]] = {
    "image": ImageVectors,
    "audio": SoundVectors,
    "video": VideoVectors,
}


@runtime_checkable
class FileVectors(Protocol):
    """Whatever makes vectors of files."""

    @property
    def name(self) -> str:
        """The kind of files."""

    @property
    def width(self) -> int:
        """Of a vector."""

    @property
    def digest(self) -> str:
        """A name for all that the vectors depend on."""

    @property
    def limits(self) -> MediaLimits:
        """Of decoding."""

    def encode(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> Encoded:
        """The vector of each file; zeros where there is none or it cannot be decoded."""


BLOCK = 256  # files whose vectors are kept at a time


def encode_once(
    encoder: FileVectors,
    locations: Sequence[str | None],
    cache: VectorCache,
    progress: Progress | None = None,
    decoders: Decoders | None = None,
) -> Encoded:
    """The vector of each file as `encoder.encode` gives it, computed where the cache has none for its content.

    The key is a digest of the file's bytes and of the encoder; a file that could not be decoded is tried again.

    Args:
        encoder: of these files.
        locations: of them.
        cache: for vectors by content.
        progress: called with (done, total, what).
        decoders: children that are there already.
    """
    if decoders is None:
        with Decoders(encoder.limits) as own:
            return encode_once(encoder, locations, cache, progress, own)
    faults: dict[str, str] = {}
    contents = file_contents([place for place in locations if place is not None], encoder.limits, faults)
    spent = np.zeros(2)

    def encode(files: list[str]) -> np.ndarray:
        found = encoder.encode(files, decoders)
        spent[:] += found.decoding, found.encoding
        faults.update({file: fault for file, fault in zip(files, found.faults, strict=True) if fault})
        return np.where(found.present[:, None], found.vectors, np.nan)

    files = [place for place in locations if place in contents]
    name = f"{encoder.name}/{encoder.digest}"
    what = f"{encoder.name} vectors"
    rows = cache.vectors(name, encoder.width, files, encode, progress, contents.__getitem__, BLOCK, what)
    vectors = np.zeros((len(locations), encoder.width), np.float32)
    here = [k for k, place in enumerate(locations) if place in contents]
    vectors[here] = rows
    lost = np.asarray(np.isnan(vectors).any(1))
    present = np.zeros(len(locations), bool)
    present[here] = True
    reasons = {contents[place]: fault for place, fault in faults.items() if place in contents}  # of equal files one ran
    told = [None if place is None else faults.get(place, reasons.get(contents.get(place, b""))) for place in locations]
    vectors[lost] = 0
    return Encoded(vectors, present & ~lost, told, float(spent[0]), float(spent[1]))


def content_digest(location: str, limits: MediaLimits) -> bytes:
    """A digest of the bytes of a file.

    Raises:
        BadInput: it is not there, is empty or too large.
    """
    with open_media(location, limits.file_bytes) as file:
        digest = hashlib.blake2b(digest_size=16)
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.digest()


def file_contents(places: list[str], limits: MediaLimits, faults: dict[str, str]) -> dict[str, bytes]:
    """The digest of each file that can be read; why of the others goes to `faults`."""
    found = {}
    for place in dict.fromkeys(places):
        try:
            found[place] = content_digest(place, limits)
        except BadInput as error:
            faults[place] = error.reason
    return found
