"""Erasing a person everywhere: store, caches, a model's words, files beside; and counting what is left (DESIGN 6)."""

import csv
import io
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.vectors import VectorCache, WordVectors, default_cache
from emotide.vectors.decode import MediaLimits
from emotide.vectors.media import content_digest
from emotide.vectors.words import tokens

CHUNK = 1 << 24  # bytes that are searched at a time


def forget(log: SocialLog, user: str, model: Path | None = None, also: Sequence[Path] = ()) -> pl.DataFrame:
    """Erase a person from the store, from all caches, from the words that a model keeps, and from files beside.

    What a network's weights have learned from somebody cannot be taken out of them: train again.

    Args:
        log: the store's.
        user: whose id; of all networks.
        model: a model's folder: words that nobody else wrote go from its vocabulary.
        also: files, or folders of them, such as rejected rows: rows of .csv and .jsonl that hold the id go.

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
    cache = default_cache()
    rows.append((str(cache), "timelines", _forget_timelines(cache / "timelines", user)))
    rows.append((str(cache), "vectors", _forget_vectors(cache / "vectors.sqlite", done.texts, done.media)))
    if model is not None:
        rows.append((str(model), "words", _forget_words(model / "text", log, [*done.texts, user])))
    for path in also:
        rows.append((str(path), "rows", sum(_forget_lines(file, user) for file in _files(path))))
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


def _forget_timelines(folder: Path, user: str) -> int:
    """Compiled timelines in which the person is; they are compiled anew when they are wanted."""
    gone = 0
    for users in folder.glob("*/users.parquet"):
        if (pl.scan_parquet(users).filter(pl.col("user_id") == user).collect()).height:
            shutil.rmtree(users.parent)
            gone += 1
    return gone


def _forget_vectors(file: Path, texts: Sequence[str], media: Sequence[str]) -> int:
    """What any encoder made of the person's texts and files."""
    if not file.exists():
        return 0
    contents = [text.encode() for text in texts]
    for place in media:
        with suppress(BadInput):  # a file that is gone, or was never read, has no vector
            contents.append(content_digest(place, MediaLimits()))
    return VectorCache(file).forget(contents)


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


def _forget_lines(file: Path, user: str) -> int:
    """Rows that hold the id as a whole word; the first of a .csv, its header, stays."""
    holds = re.compile(rf"(?<![\w-]){re.escape(user)}(?![\w-])")
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8") as source:
            rows = list(csv.reader(source))
        kept = [row for k, row in enumerate(rows) if k == 0 or not any(map(holds.search, row))]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(kept)
    elif file.suffix == ".jsonl":
        lines = file.read_text("utf-8").splitlines(keepends=True)
        kept, rows = [[line] for line in lines if not holds.search(line)], [[line] for line in lines]
        text = io.StringIO("".join(line for (line,) in kept))
    else:
        return 0
    if len(kept) < len(rows):
        part = file.with_name(f"{file.name}.part")
        part.write_text(text.getvalue(), "utf-8")
        part.replace(file)
    return len(rows) - len(kept)
