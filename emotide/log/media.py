"""Pictures, sound and video beside the tables: paths stay inside the log, and open from a folder or a zip."""

import io
import os
import zipfile
from pathlib import Path

import polars as pl

from emotide.errors import BadInput

INSIDE = "::"  # between a zip and the name of its entry
MISSING = "no such file"  # how the reason begins where a path is sound, and nothing lies there
MAX_MEDIA = 2 << 30  # bytes of one media file in a zip


class MediaFolder:
    """The media of a log that is a folder.

    Args:
        root: the folder; media paths are relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def locate(self, path: str) -> tuple[str | None, str | None]:
        """Where the file lies (absolute), or else the reason why the path is refused."""
        fault = _shape_fault(path)
        if fault:
            return None, fault
        try:
            place = os.path.realpath(self.root / path)
        except (OSError, ValueError) as error:
            return None, f"is no path ({error})"
        if not place.startswith(f"{self.root}{os.sep}"):
            return None, "leaves the folder of the log"
        return (place, None) if os.path.isfile(place) else (None, f"{MISSING} in {self.root.name}")


class MediaArchive:
    """The media of a log that is a zip.

    Args:
        archive: the zip.
        prefix: the folder inside it in which the tables lie; "" or ending in "/".
    """

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        self.path, self.prefix = Path(str(archive.filename)).resolve(), prefix
        self.sizes = {entry.filename: entry.file_size for entry in archive.infolist()}

    def locate(self, path: str) -> tuple[str | None, str | None]:
        """Where the file lies (`/a/log.zip::images/1.jpg`), or else the reason why the path is refused."""
        name = self.prefix + os.path.normpath(path).replace(os.sep, "/")
        fault = _shape_fault(path)
        if not fault and name not in self.sizes:
            fault = f"{MISSING} in {self.path.name}"
        if not fault and self.sizes[name] > MAX_MEDIA:
            fault = f"is larger than {MAX_MEDIA} bytes"
        return (None, fault) if fault else (f"{self.path}{INSIDE}{name}", None)


class NoMedia:
    """The media of rows that lie in no folder: there are none."""

    def locate(self, path: str) -> tuple[str | None, str | None]:
        """The reason why any path is refused."""
        return None, "names media, which come with the folder of a log, by ingest"


Media = MediaFolder | MediaArchive | NoMedia


def open_media(location: str, largest: int = MAX_MEDIA) -> io.BufferedReader | io.BytesIO:
    """The bytes of a media file, by the location that the store keeps.

    Args:
        location: as `locate` gave it.
        largest: bytes; of an entry of a zip, those that it unpacks to, looked at before it is unpacked.

    Raises:
        BadInput: it is not there any more, is empty, or larger.
    """
    archive, inside, entry = location.partition(f".zip{INSIDE}")
    try:
        if not inside:
            if not os.path.isfile(location):  # a pipe in its place would never end
                raise BadInput("is no file any more", location)
            _check_size(os.path.getsize(location), largest, location)
            return open(location, "rb")
        with zipfile.ZipFile(f"{archive}.zip") as file:
            _check_size(file.getinfo(entry).file_size, largest, location)
            return io.BytesIO(file.read(entry))  # no more than the size told, or it is a bad zip
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"the media file cannot be opened any more ({error})", location) from error


def _check_size(size: int, largest: int, location: str) -> None:
    if size == 0:
        raise BadInput("the media file is empty", location)
    if size > largest:
        raise BadInput(f"has {size} bytes; at most {largest} are read", location)


def locate_media(paths: pl.Series, media: Media) -> tuple[pl.Series, pl.Series]:
    """The location of every path and the reason where there is none; each different path is looked up once."""
    different = paths.drop_nulls().unique()
    found = [media.locate(path) for path in different]
    table = pl.DataFrame(
        {"path": different, "location": [place for place, _ in found], "reason": [reason for _, reason in found]},
        schema={"path": pl.String, "location": pl.String, "reason": pl.String},
    )
    joined = paths.to_frame("path").join(table, on="path", how="left", maintain_order="left")
    return joined["location"].alias(paths.name), joined["reason"]


def _shape_fault(path: str) -> str | None:
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "\\", "~")) or ":" in parts[0]:
        return "is not relative to the folder of the log"
    return "leaves the folder of the log" if ".." in parts else None
