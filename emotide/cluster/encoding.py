"""Texts and media become vectors on many workers: Ray Data reads, decodes and encodes; what is done is kept (DESIGN 8).

Rows stream: no more blocks are under way than workers take and this process keeps, however many files there are. A
worker that dies is started anew and its blocks are tried again; a file that cannot be decoded is a reject.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.cluster.ray_data import Rows, worked
from emotide.cluster.session import ray_session
from emotide.errors import BadInput
from emotide.log.rejects import RejectFile, reject_rows
from emotide.train import Trained
from emotide.train.trained import vector_cache
from emotide.vectors.cache import Progress, VectorCache
from emotide.vectors.encoders import Contents
from emotide.vectors.media import MediaVectors, content_digest

BLOCK = 64  # texts or files that a worker takes at once
KEPT = 1024  # vectors that are written to the cache at once


class EncodeTexts:
    """A worker that encodes texts."""

    def __init__(self, encode: Callable[[list[str]], np.ndarray]) -> None:
        self.encode = encode

    def __call__(self, block: Rows) -> Rows:
        """The block with vectors."""
        return {**block, "vector": self.encode(list(block["item"]))}


class EncodeFiles:
    """A worker that decodes files, by children of its own, and encodes them."""

    def __init__(self, encoder: MediaVectors) -> None:
        self.encoder = encoder

    def __call__(self, block: Rows) -> Rows:
        """The block with vectors, digests of the contents, and faults ('' for none)."""
        digests, faults = [], []
        for place in block["item"]:
            try:
                digests.append(content_digest(place, self.encoder.limits))
                faults.append("")
            except BadInput as error:
                digests.append(b"")
                faults.append(error.reason)
        good = [k for k, fault in enumerate(faults) if not fault]
        vector = np.zeros((len(faults), self.encoder.width), np.float32)
        if good:
            found = self.encoder.encode([block["item"][k] for k in good])
            vector[good] = found.vectors
            for k, fault in zip(good, found.faults, strict=True):
                faults[k] = fault or ""
        return {**block, "vector": vector, "digest": digests, "fault": faults}


def encode_texts(
    ray: Any, trained: Trained, texts: Sequence[str], cache: VectorCache, workers: int, progress: Progress | None = None
) -> None:
    """Keep the vectors of texts, where the encoder is one whose vectors are kept."""
    encoder, found = trained.text, dict[str, np.ndarray]()

    def encode(missing: list[str]) -> np.ndarray:
        for rows in worked(ray, EncodeTexts, [encoder.encode], missing, workers, BLOCK, KEPT):
            found.update(zip(rows["item"], rows["vector"], strict=True))
        return np.stack([found.pop(text) for text in missing])

    cache.vectors(encoder.name, encoder.width, list(dict.fromkeys(texts)), encode, progress, block_size=16 * KEPT)


def encode_files(
    ray: Any,
    encoder: MediaVectors,
    places: Sequence[str | None],
    cache: VectorCache,
    workers: int,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Keep the vectors of files by their contents; why of those that have none, by location."""
    wanted = list(dict.fromkeys(place for place in places if place is not None))
    faults: dict[str, str] = {}
    name, done = f"{encoder.name}/{encoder.digest}", 0
    for rows in worked(ray, EncodeFiles, [encoder], wanted, workers, BLOCK, KEPT) if wanted else ():
        told = {str(place): str(fault) for place, fault in zip(rows["item"], rows["fault"], strict=True) if fault}
        good = [k for k, fault in enumerate(rows["fault"]) if not fault]
        vectors = {str(rows["item"][k]): (bytes(rows["digest"][k]), rows["vector"][k]) for k in good}
        _keep(cache, name, encoder.width, vectors)
        faults |= told
        done += len(rows["item"])
        if progress:
            progress(done, len(wanted), f"{encoder.name} files encoded")
    return faults


def _keep(cache: VectorCache, name: str, width: int, vectors: dict[str, tuple[bytes, np.ndarray]]) -> None:
    cache.vectors(
        name, width, list(vectors), lambda some: np.stack([vectors[place][1] for place in some]),
        content=lambda place: vectors[place][0],
    )  # fmt: skip


def encode_posts(
    trained: Trained,
    contents: Contents,
    address: str | None,
    workers: int,
    rejects: Path | None = None,
    progress: Progress | None = None,
) -> int:
    """All that a model reads of posts, in the cache; returns how many files are rejects.

    Args:
        trained: whose encoders.
        contents: of the posts.
        address, workers: of Ray.
        rejects: a folder for `media.rejects.csv`, where files are named that cannot be decoded.
        progress: called with (done, total, what).
    """
    cache, lost = vector_cache(), list[pl.DataFrame]()
    kinds = [kind for kind in trained.media.by_kind if kind in contents.files]
    texts = "text" in trained.layout.names and trained.text.name != "words"
    if not kinds and not texts:
        return 0
    with ray_session(address, workers) as ray:
        if texts:
            encode_texts(ray, trained, contents.texts, cache, workers, progress)
        for kind in kinds:
            places = contents.files[kind]
            faults = encode_files(ray, trained.media.by_kind[kind], places, cache, workers, progress)
            rows = [(k, place) for k, place in enumerate(places, 1) if place in faults]
            number, named = (pl.Series([row[column] for row in rows]) for column in (0, 1))
            if rows:
                why = pl.Series([faults[str(place)] for _, place in rows])
                lost.append(reject_rows("posts", number, kind, named, why))
    if rejects is not None:
        file = RejectFile(rejects, "media")
        for table in lost:
            file.write(table)
        if lost:
            warnings.warn(f"{file.rows} files cannot be decoded; kept in {file.path}", stacklevel=2)
    return sum(map(len, lost))
