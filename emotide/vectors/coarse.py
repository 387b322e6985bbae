"""The coarse vector: the cheap view of a post, had before its media is decoded (paper 2; DESIGN 3.6)."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float32

from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits
from emotide.vectors.encoded import decoded
from emotide.vectors.glance import SPOTS, THUMBNAIL, glance_image, glance_sound, glance_video
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
    seconds: dict[str, float]  # kind of media -> mean time of a look, in a child


def coarse_vectors(
    posts: pl.DataFrame,
    limits: MediaLimits | None = None,
    decoders: Decoders | None = None,
    progress: Progress | None = None,
) -> Coarse:
    """The coarse vectors of posts.

    Args:
        posts: with any of the columns title, tags (commas between) and the locations image, audio, video.
        limits: of looking.
        decoders: children that are there already.
        progress: called with (done, total, what).
    """
    if decoders is None:
        with Decoders(limits) as own:
            return coarse_vectors(posts, limits, own, progress)
    found = np.zeros((posts.height, WIDTH), np.float32)
    for kind in ("title", "tags"):
        for k, text in enumerate(_column(posts, kind)):
            if text:
                found[k, PLACES[kind]] = _hashed(text.split(",") if kind == "tags" else tokens(text))
                found[k, list(NUMBERS).index(kind)] = 1
    faults: dict[str, list[str | None]] = {kind: [None] * posts.height for kind in GLANCES}
    seconds = {}
    for kind, glance in GLANCES.items():
        asked = [(k, place) for k, place in enumerate(_column(posts, kind)) if place]
        jobs = [(glance, (place, limits or decoders.limits)) for _, place in asked]
        took = []
        for (k, _), outcome in zip(asked, decoded(jobs, decoders, progress), strict=True):
            faults[kind][k] = outcome.fault
            took.append(outcome.seconds)
            if outcome.fault is None:
                found[k, PLACES[kind]] = outcome.arrays[0]
                found[k, list(NUMBERS).index(kind)] = 1
        if took:
            seconds[kind] = float(np.mean(took))
    return Coarse(found, faults, seconds)


def _column(posts: pl.DataFrame, name: str) -> list[str | None]:
    return posts[name].to_list() if name in posts.columns else [None] * posts.height


def _hashed(words: Sequence[str]) -> Float32[np.ndarray, " words"]:
    """Words, each at a place and with a sign that its hash tells (Weinberger et al. 2009); of length at most 1."""
    found = np.zeros(WORDS, np.float32)
    for word in (word.strip().lower() for word in words):
        number = zlib.crc32(word.encode())
        found[number // 2 % WORDS] += 1 if number % 2 else -1
    return found / max(1, len(words))
