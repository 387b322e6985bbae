"""Media of a published set: entries of its archives become files of the log's folder `media`."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from emotide.convert.sources import find
from emotide.convert.tables import Tables
from emotide.errors import BadInput

FOLDER = "media"
LARGEST = 1 << 28  # bytes of a file
Entries = Mapping[str, tuple[Path, str]]  # the path in the log -> the archive, and the name in it


def media_path(column: str) -> pl.Expr:
    """The path in the log of the file that a column names."""
    return pl.format(f"{FOLDER}/{{}}", pl.col(column))


def media_entries(source: Path, archives: Sequence[str], tables: Tables) -> Entries:
    """Where each file lies that the posts name.

    Raises:
        BadInput: an archive is missing or broken, or a file is missing or too large.
    """
    if not archives:
        return {}
    held: dict[str, tuple[Path, str]] = {}
    sizes = {}
    for archive in (find(source, name) for name in archives):
        try:
            with zipfile.ZipFile(archive) as file:
                for entry in file.infolist():
                    path = f"{FOLDER}/{Path(entry.filename).name}"
                    held[path], sizes[path] = (archive, entry.filename), entry.file_size
        except (OSError, zipfile.BadZipFile) as error:
            raise BadInput(f"cannot be read as a zip: {error}", archive) from error
    posts = tables["posts"]
    named = [path for column in ("image", "audio", "video") if column in posts for path in posts[column].drop_nulls()]
    for path in named:
        if path not in held:
            raise BadInput(f"{Path(path).name!r} is in no archive ({', '.join(archives)})", source)
        if sizes[path] > LARGEST:
            raise BadInput(f"{Path(path).name!r} is larger than {LARGEST} bytes", held[path][0])
    return {path: held[path] for path in named}


def write_media(entries: Entries, out: Path) -> None:
    """Write each file to its path below `out`."""
    if entries:
        (out / FOLDER).mkdir(exist_ok=True)
    for archive in {archive for archive, _ in entries.values()}:
        try:
            with zipfile.ZipFile(archive) as file:
                for path, (its, name) in entries.items():
                    if its == archive:
                        (out / path).write_bytes(file.read(name))
        except (OSError, zipfile.BadZipFile) as error:
            raise BadInput(f"cannot be unpacked: {error}", archive) from error
