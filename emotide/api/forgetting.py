"""Erasing a person everywhere: store, caches, a model's words, files beside; and counting what is left (DESIGN 6)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from emotide.api.caches import forget_in_caches
from emotide.api.files_beside import forget_in_file
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.vectors import WordVectors, default_cache
from emotide.vectors.words import tokens

CHUNK = 1 << 24  # bytes that are searched at a time


def forget(log: SocialLog, user: str, model: Path | None = None, also: Sequence[Path] = ()) -> pl.DataFrame:
    """Erase a person from the store, from all caches, from the words that a model keeps, and from files beside.

    What a network's weights have learned from somebody cannot be taken out of them: train again.

    Args:
        log: the store's.
        user: whose id; of all networks.
        model: a model's folder: words that nobody else wrote go from its vocabulary.
        also: files, or folders of them, such as rejected rows, tables, audits and reports: see files_beside.py.

    Returns:
        place, what, erased (rows, timelines, vectors, words), left (how often the letters of the id still stand
        in the place's files; of a short id also within other words).

    Raises:
        UnknownName: nobody of this id is or was in the store.
        BadInput: no such file, folder or model.
    """
    for path in (*also, *([model] if model else [])):
        if not path.exists():
            raise BadInput("is not there: nothing can be erased from it", path)
    done = log.store.forget(user)
    rows = [(log.store.url, what, number) for what, number in done.rows.items() if number]
    rows += [(str(default_cache()), *found) for found in forget_in_caches(user, done.texts, done.media).items()]
    if model is not None:
        rows.append((str(model), "words", _forget_words(model / "text", log, [*done.texts, user])))
    for path in also:
        rows.append((str(path), "rows", sum(forget_in_file(file, user) for file in _files(path))))
    rows += [(place, "media file, still there", 0) for place in done.media]
    found = pl.DataFrame(rows, ["place", "what", "erased"], orient="row")
    left = {place: bytes_left(Path(place), user) for place in found["place"].unique() if Path(place).exists()}
    database = log.store.file
    if database is not None:
        beside = [database, *(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm"))]
        left[log.store.url] = sum(bytes_left(file, user) for file in beside if file.exists())
    return found.with_columns(pl.col("place").replace_strict(left, default=None, return_dtype=pl.Int64).alias("left"))


def bytes_left(path: Path, user: str) -> int:
    """How often the letters of an id stand in a file, or in all files of a folder and in their names."""
    wanted, found = user.encode(), 0
    for file in _files(path):
        found += file.name.count(user)
        with file.open("rb") as source:
            before = b""
            while part := source.read(CHUNK):
                block = before + part
                found += block.count(wanted)
                before = block[max(len(block) - len(wanted) + 1, 0) :]
    return found


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _forget_words(folder: Path, log: SocialLog, texts: Iterable[str]) -> int:
    """Words of the person that stand in nobody else's posts go from a vocabulary."""
    if not (folder / "words.json").exists():
        return 0
    found = WordVectors.load(folder)
    alone = {word for text in texts for word in tokens(text)} & found.words.keys()
    for said in log.store.table("posts", ["title", "text"]).iter_rows():
        if not alone:
            break
        alone -= {word for part in said if part for word in tokens(part)}
    if alone:
        found.without(alone).save(folder)
    return len(alone)
