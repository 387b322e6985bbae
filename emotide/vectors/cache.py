"""Vectors are computed once: a cache by content (DESIGN 3.4, 3.7)."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float32

Progress = Callable[[int, int, str], None]
BLOCK = 2048


def default_cache() -> Path:
    """The user's cache folder: `$EMOTIDE_CACHE`, or emotide below the usual one."""
    usual = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "emotide"
    return Path(os.environ.get("EMOTIDE_CACHE", usual))


class VectorCache:
    """Vectors by the digest of what they were computed from; it keeps no text.

    One SQLite file, so that several processes may use it at once and a killed one spoils nothing.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        with closing(self._connect()) as connection, connection:
            columns = "digest BLOB PRIMARY KEY, vector BLOB"
            connection.execute(f"CREATE TABLE IF NOT EXISTS vectors ({columns}) WITHOUT ROWID")

    def vectors(
        self,
        name: str,
        width: int,
        texts: Sequence[str],
        encode: Callable[[list[str]], np.ndarray],
        progress: Progress | None = None,
    ) -> Float32[np.ndarray, "texts width"]:
        """The vector of each text, computed by `encode` where the cache has none.

        Args:
            name: of the encoder and whatever its vectors depend on.
            width: of a vector.
            texts: what to encode; equal texts are encoded once.
            encode: texts to vectors [texts, width].
            progress: called with (done, total, what).
        """
        digests = [hashlib.blake2b(f"{name}\0{text}".encode(), digest_size=16).digest() for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        with closing(self._connect()) as connection:
            known = self._known(connection, by_digest)
            missing = [digest for digest in by_digest if digest not in known]
            for start in range(0, len(missing), BLOCK):
                block = missing[start : start + BLOCK]
                found = encode([by_digest[digest] for digest in block]).astype(np.float32)
                known |= dict(zip(block, found, strict=True))
                with connection:
                    rows = ((digest, row.tobytes()) for digest, row in zip(block, found, strict=True))
                    connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
                if progress:
                    progress(min(start + BLOCK, len(missing)), len(missing), "text vectors")
        return np.stack([known[digest] for digest in digests]) if digests else np.zeros((0, width), np.float32)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=60)

    @staticmethod
    def _known(connection: sqlite3.Connection, digests: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        known: dict[bytes, np.ndarray] = {}
        rest = iter(digests)
        while block := list(islice(rest, 500)):
            asked = f"SELECT digest, vector FROM vectors WHERE digest IN ({','.join('?' * len(block))})"
            known |= {digest: np.frombuffer(vector, np.float32) for digest, vector in connection.execute(asked, block)}
        return known
