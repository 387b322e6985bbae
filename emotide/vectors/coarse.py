"""The coarse vector: the cheap view of a post, had before its media is decoded (paper 2; DESIGN 3.6)."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float32

from emotide.vectors.cache import Progress, VectorCache
from emotide.vectors.decode import MediaLimits
from emotide.vectors.encoded import decoded
from emotide.vectors.glance import SPOTS, THUMBNAIL, glance_image, glance_sound, glance_video
from emotide.vectors.media import BLOCK, file_contents
from emotide.vectors.words import tokens
from emotide.vectors.workers import Decoders

WORDS = 32  # numbers that the words of a title, or tags, are hashed to
GLANCES = {"image": glance_image, "audio": glance_sound, "video": glance_video}
NUMBERS = {
    "title": WORDS,
    "tags": WORDS,
    "image": 3 * THUMBNAIL**2 + 3,
    "audio": SPOTS + 2,
    "video": 3 * THUMBNAIL**2 + 3,
}


def _places() -> dict[str, slice]:
    ends = np.cumsum([len(NUMBERS), *NUMBERS.values()]).tolist()
    return {kind: slice(start, end) for kind, start, end in zip(NUMBERS, ends, ends[1:], strict=False)}


PLACES = _places()  # where each kind stands in a coarse vector; before them stands which of them there are
WIDTH = len(NUMBERS) + sum(NUMBERS.values())


class Coarse(NamedTuple):
    """The coarse vectors of posts, and what they cost."""

    vectors: Float32[np.ndarray, "posts width"]  # zeros where something is absent, or cannot be looked at
    faults: dict[str, list[str | None]]  # kind of media -> for each post why it cannot be looked at
    seconds: dict[str, float]  # kind of media -> mean time of a look, in a child; no kind of which all was known


def coarse_vectors(
    posts: pl.DataFrame,
    limits: MediaLimits | None = None,
    decoders: Decoders | None = None,
    progress: Progress | None = None,
    cache: VectorCache | None = None,
) -> Coarse:
    """The coarse vectors of posts.

    Args:
        posts: with any of the columns title, tags (commas between) and the locations image, audio, video.
        limits: of looking.
        decoders: children that are there already.
        progress: called with (done, total, what).
        cache: for looks by content, so that no file is looked at twice; without one all are looked at.
    """
    if decoders is None:
        with Decoders(limits) as own:
            return coarse_vectors(posts, limits, own, progress, cache)
    found = np.zeros((posts.height, WIDTH), np.float32)
    for kind in ("title", "tags"):
        for k, text in enumerate(_column(posts, kind)):
            if text:
                found[k, PLACES[kind]] = _hashed(text.split(",") if kind == "tags" else tokens(text))
                found[k, list(NUMBERS).index(kind)] = 1
    faults: dict[str, list[str | None]] = {kind: [None] * posts.height for kind in GLANCES}
    seconds = {}
    for kind in GLANCES:
        asked = [(k, place) for k, place in enumerate(_column(posts, kind)) if place]
        looks = _Looks(kind, limits or decoders.limits, decoders, progress)
        for (k, place), look in zip(asked, looks.of([place for _, place in asked], cache), strict=True):
            faults[kind][k] = looks.faults.get(place)
            if not np.isnan(look).any():
                found[k, PLACES[kind]] = look
                found[k, list(NUMBERS).index(kind)] = 1
        if looks.took:
            seconds[kind] = float(np.mean(looks.took))
    return Coarse(found, faults, seconds)


class _Looks:
    """Looks at files of a kind, what was wrong with some, and how long they took."""

    def __init__(self, kind: str, limits: MediaLimits, decoders: Decoders, progress: Progress | None) -> None:
        self.kind, self.limits, self.decoders, self.progress = kind, limits, decoders, progress
        self.faults: dict[str, str] = {}
        self.took: list[float] = []

    def of(self, places: list[str], cache: VectorCache | None) -> Float32[np.ndarray, "files numbers"]:
        """What each look tells; nan where a file cannot be looked at."""
        if cache is None:
            return self._taken(places)
        contents = file_contents(places, self.limits, self.faults)
        there = [place for place in places if place in contents]
        name, width = f"look/{self.kind}/{THUMBNAIL}/{SPOTS}", NUMBERS[self.kind]
        out = np.full((len(places), width), np.nan, np.float32)
        out[[place in contents for place in places]] = cache.vectors(
            name, width, there, self._taken, None, contents.__getitem__, BLOCK
        )
        reasons = {contents[place]: fault for place, fault in self.faults.items() if place in contents}
        self.faults |= {place: reasons[contents[place]] for place in there if contents[place] in reasons}
        return out

    def _taken(self, places: list[str]) -> Float32[np.ndarray, "files numbers"]:
        out = np.full((len(places), NUMBERS[self.kind]), np.nan, np.float32)
        jobs = [(GLANCES[self.kind], (place, self.limits)) for place in places]
        for k, outcome in enumerate(decoded(jobs, self.decoders, self.progress)):
            self.took.append(outcome.seconds)
            if outcome.fault is None:
                out[k] = outcome.arrays[0]
            else:
                self.faults[places[k]] = outcome.fault
        return out


def _column(posts: pl.DataFrame, name: str) -> list[str | None]:
    return posts[name].to_list() if name in posts.columns else [None] * posts.height


def _hashed(words: Sequence[str]) -> Float32[np.ndarray, " words"]:
    """Words, each at a place and with a sign that its hash tells (Weinberger et al. 2009); of length at most 1."""
    found = np.zeros(WORDS, np.float32)
    for word in (word.strip().lower() for word in words):
        number = zlib.crc32(word.encode())
        found[number // 2 % WORDS] += 1 if number % 2 else -1
    return found / max(1, len(words))
