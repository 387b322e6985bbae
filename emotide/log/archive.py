"""Packed logs are unpacked within limits: an archive that grows without end, or leaves its folder, is refused."""

import gzip
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from emotide.errors import BadInput

MAX_RATIO = 200  # unpacked to packed; tables reach 20, simulated ones 60
SMALL = 16 << 20  # bytes below which the ratio does not matter
MAX_UNPACKED = 64 << 30  # bytes of one file
MAX_ENTRIES = 1_000_000
CHUNK = 1 << 20
MAX_WINDOW = 1 << 31  # bytes that a .zst may look back; dumps of Reddit want all of them


def open_archive(path: Path) -> zipfile.ZipFile:
    """An archive whose entries are safe to read.

    Raises:
        BadInput: no zip, too many entries, or one that is encrypted, a link, outside the folder, or far too large.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"is no zip that can be read ({error})", path) from error
    entries = archive.infolist()
    fault = f"holds more than {MAX_ENTRIES} entries" if len(entries) > MAX_ENTRIES else None
    for entry in entries:
        fault = fault or _entry_fault(entry)
    if fault:
        archive.close()
        raise BadInput(fault, path)
    return archive


def unpack(archive: zipfile.ZipFile, entry: str, target: Path) -> Path:
    """One entry as the file `target`; a truncated or damaged entry is a BadInput."""
    info = archive.getinfo(entry)
    with archive.open(info) as source:
        return _copy(source.read, target, info.compress_size, f"{archive.filename}, {entry}")


def unpack_gzip(path: Path, target: Path) -> Path:
    """A `.gz` as the file `target`."""
    with gzip.open(path) as source:
        return _copy(source.read, target, path.stat().st_size, str(path))


def unpack_zstd(path: Path, target: Path) -> Path:
    """A `.zst` as the file `target`; wants the extra `zst`."""
    try:
        import zstandard
    except ImportError:
        raise BadInput("a .zst wants the extra: pip install 'emotide[zst]', or unpack it yourself", path) from None
    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    with path.open("rb") as packed, unpacker.stream_reader(packed, read_across_frames=True) as source:
        try:
            return _copy(source.read, target, path.stat().st_size, str(path))
        except zstandard.ZstdError as error:
            raise BadInput(f"is damaged ({error})", path) from error


def _entry_fault(entry: zipfile.ZipInfo) -> str | None:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in entry.filename.split("/")[0]:
        return f"entry {entry.filename!r} leaves the folder"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return f"entry {entry.filename!r} is a link; put the file itself into the archive"
    if entry.flag_bits & 1:
        return f"entry {entry.filename!r} is encrypted"
    if _too_large(entry.file_size, entry.compress_size):
        return f"entry {entry.filename!r} unpacks to {entry.file_size} bytes from {entry.compress_size}: refused"
    return None


def _too_large(unpacked: int, packed: int) -> bool:
    return unpacked > MAX_UNPACKED or (unpacked > SMALL and unpacked > MAX_RATIO * packed)


def _copy(read: Callable[[int], bytes], target: Path, packed: int, name: str) -> Path:
    unpacked = 0
    try:
        with target.open("wb") as sink:
            while chunk := read(CHUNK):
                unpacked += len(chunk)
                if _too_large(unpacked, packed):
                    raise BadInput(f"unpacks to more than {unpacked} bytes from {packed}: refused", name)
                if shutil.disk_usage(target.parent).free < CHUNK:
                    raise BadInput(f"no room to unpack it in {target.parent}", name)
                sink.write(chunk)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise BadInput(f"is damaged ({error})", name) from error
    return target
