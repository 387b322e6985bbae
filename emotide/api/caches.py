"""What the caches hold of a person, and of texts and files, is forgotten."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from emotide.errors import BadInput
from emotide.vectors import VectorCache, default_cache
from emotide.vectors.decode import MediaLimits
from emotide.vectors.media import content_digest


def forget_in_caches(user: str | None, texts: Sequence[str], media: Sequence[str]) -> dict[str, int]:
    """What is cached of a person, or with None of everybody, and what any encoder made of texts and files.

    Returns:
        How many `timelines` and `vectors` went; both are made anew when they are wanted.
    """
    cache = default_cache()
    timelines = _forget_timelines(cache / "timelines", user)
    return {"timelines": timelines, "vectors": _forget_vectors(cache / "vectors.sqlite", texts, media)}


def _forget_timelines(folder: Path, user: str | None) -> int:
    """Compiled timelines in which the person is."""
    gone = 0
    for users in folder.glob("*/users.parquet"):
        if user is None or (pl.scan_parquet(users).filter(pl.col("user_id") == user).collect()).height:
            shutil.rmtree(users.parent)
            gone += 1
    return gone


def _forget_vectors(file: Path, texts: Sequence[str], media: Sequence[str]) -> int:
    """What any encoder made of texts and files."""
    if not file.exists():
        return 0
    contents = [text.encode() for text in texts]
    for place in media:
        with suppress(BadInput):  # a file that is gone, or was never read, has no vector
            contents.append(content_digest(place, MediaLimits()))
    return VectorCache(file).forget(contents)
