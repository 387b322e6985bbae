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
    """Vectors by the digest of what they were computed from, then of the encoder; it keeps no text and no file.

    One SQLite file, so that several processes may use it at once and a killed one spoils nothing.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        with closing(self._connect()) as connection, connection:
            columns = "digest BLOB PRIMARY KEY, vector BLOB"
            connection.execute("DROP TABLE IF EXISTS vectors")  # of versions whose keys could not be forgotten
            connection.execute(f"CREATE TABLE IF NOT EXISTS vectors_of ({columns}) WITHOUT ROWID")
            connection.execute("CREATE TABLE IF NOT EXISTS told (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def vectors(
        self,
        name: str,
        width: int,
        texts: Sequence[str],
        encode: Callable[[list[str]], np.ndarray],
        progress: Progress | None = None,
        content: Callable[[str], bytes] = str.encode,
        block_size: int = BLOCK,
        what: str = "text vectors",
    ) -> Float32[np.ndarray, "texts width"]:
        """The vector of each text, computed by `encode` where the cache has none.

        Args:
            name: of the encoder and whatever its vectors depend on.
            width: of a vector.
            texts: what to encode, or locations of files; what has equal content is encoded once.
            encode: texts to vectors [texts, width]. A row with nan says that there is none; it is not kept.
            progress: called with (done, total, what).
            content: of a text: its bytes, or for the location of a file a digest of what is in it.
            block_size: so many are computed, and kept, at a time.
            what: is computed, for `progress`.
        """
        encoder = hashlib.blake2b(name.encode(), digest_size=8).digest()
        digests = [content_key(content(text)) + encoder for text in texts]
        first: dict[bytes, int] = {}
        row = np.array([first.setdefault(digest, k) for k, digest in enumerate(digests)], np.int64)
        out, done = np.zeros((len(texts), width), np.float32), np.zeros(len(texts), bool)
        with closing(self._connect()) as connection:
            for digest, vector in self._known(connection, first):
                out[first[digest]], done[first[digest]] = np.frombuffer(vector, np.float32), True
            missing = [k for k in first.values() if not done[k]]
            for start in range(0, len(missing), block_size):
                block = missing[start : start + block_size]
                out[block] = encode([texts[k] for k in block])
                with connection:
                    rows = ((digests[k], out[k].tobytes()) for k in block if not np.isnan(out[k]).any())
                    connection.executemany("INSERT OR IGNORE INTO vectors_of VALUES (?, ?)", rows)
                if progress:
                    progress(min(start + block_size, len(missing)), len(missing), what)
        again = np.flatnonzero(row != np.arange(len(row)))
        out[again] = out[row[again]]
        return out

    def new(self, told: Iterable[str]) -> int:
        """How many of these were never told before; from now on they were. Digests of them are kept, not they."""
        with closing(self._connect()) as connection, connection:
            rows = [(content_key(one.encode()),) for one in told]
            return connection.executemany("INSERT OR IGNORE INTO told VALUES (?)", rows).rowcount if rows else 0

    def forget(self, contents: Iterable[bytes]) -> int:
        """Erase what any encoder made of these contents, and the pages it stood on; returns how many vectors."""
        gone = 0
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            with connection:
                for content in contents:
                    key = content_key(content)
                    between = (key, key + b"\xff" * 9)
                    gone += connection.execute("DELETE FROM vectors_of WHERE digest BETWEEN ? AND ?", between).rowcount
            connection.execute("VACUUM")
        return gone

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=60)

    @staticmethod
    def _known(connection: sqlite3.Connection, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        rest = iter(digests)
        while block := list(islice(rest, 500)):
            asked = f"SELECT digest, vector FROM vectors_of WHERE digest IN ({','.join('?' * len(block))})"
            yield from connection.execute(asked, block)


def content_key(content: bytes) -> bytes:
    """The first part of a key: what any encoder made of this content stands together."""
    return hashlib.blake2b(content, digest_size=16).digest()
