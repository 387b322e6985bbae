"""Vectors are computed once: a cache by content (DESIGN 3.4, 3.7)."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        first: dict[bytes, int] = {}
        row = np.array([first.setdefault(digest, k) for k, digest in enumerate(digests)], np.int64)
        out, done = np.zeros((len(texts), width), np.float32), np.zeros(len(texts), bool)
        with closing(self._connect()) as connection:
            for digest, vector in self._known(connection, first):
                out[first[digest]], done[first[digest]] = np.frombuffer(vector, np.float32), True
            missing = [k for k in first.values() if not done[k]]
            for start in range(0, len(missing), BLOCK):
                block = missing[start : start + BLOCK]
                out[block] = encode([texts[k] for k in block])
                with connection:
                    rows = ((digests[k], out[k].tobytes()) for k in block)
                    connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
                if progress:
                    progress(min(start + BLOCK, len(missing)), len(missing), "text vectors")
        again = np.flatnonzero(row != np.arange(len(row)))
        out[again] = out[row[again]]
        return out

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=60)

    @staticmethod
    def _known(connection: sqlite3.Connection, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        rest = iter(digests)
        while block := list(islice(rest, 500)):
            asked = f"SELECT digest, vector FROM vectors WHERE digest IN ({','.join('?' * len(block))})"
            yield from connection.execute(asked, block)
