"""What lies in an export: a folder, a zip of one, or one file; packed or not, read within limits."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from emotide.errors import BadInput
from emotide.log.archive import open_archive, unpack, unpack_gzip, unpack_zstd
from emotide.log.rejects import LONGEST_VALUE
from emotide.log.scan import LONGEST_LINE

LONGEST_DOCUMENT = 1 << 29  # bytes of one JSON document, which is held in memory
PACKED = ("", ".gz", ".zst")
Line = tuple[int, Any, str | None]  # its number from 1, what it holds; where that is nothing, its text and the reason


class Export:
    """The files of an export by their names, each unpacked when it is opened."""

    def __init__(self, source: Path, entries: dict[str, Path | None], room: Path) -> None:
        self.source, self._entries, self._room = source, entries, room

    def names(self, *patterns: str) -> list[str]:
        """The names, sorted, of files that are called like one of these patterns, in any folder of the export."""
        wanted = [pattern + packed for pattern in patterns for packed in PACKED]
        return sorted(
            name for name in self._entries if any(fnmatch(name.rsplit("/", 1)[-1].lower(), each) for each in wanted)
        )

    def one(self, *patterns: str) -> list[str]:
        """As `names`; of an export that is one file, that file, whatever it is called.

        Raises:
            BadInput: there is none.
        """
        if self.source.is_file() and len(self._entries) == 1:
            return list(self._entries)
        found = self.names(*patterns)
        if not found:
            raise BadInput(f"no such file (nor {', '.join([*patterns[1:], '.gz', '.zst'])})", self.source / patterns[0])
        return found

    def file(self, name: str) -> Path:
        """Where its unpacked bytes lie."""
        path = self._entries[name]
        target = self._room / f"{len(list(self._room.iterdir()))}-{Path(name).name}"
        if path is None:
            with open_archive(self.source) as archive:
                path = unpack(archive, name, target)
        unpackers = {".gz": unpack_gzip, ".zst": unpack_zstd}
        unpacker = unpackers.get(path.suffix.lower())
        return path if unpacker is None else unpacker(path, target.with_name(target.name + ".unpacked"))

    def text(self, name: str) -> str:
        """A whole file as text.

        Raises:
            BadInput: it is larger than LONGEST_DOCUMENT, or no UTF-8.
        """
        path = self.file(name)
        if path.stat().st_size > LONGEST_DOCUMENT:
            raise BadInput(f"is larger than {LONGEST_DOCUMENT >> 20} MB: refused", name)
        try:
            return path.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadInput("is not UTF-8", name) from error

    def json(self, name: str) -> Any:
        """A whole file as JSON.

        Raises:
            BadInput: it is none, or too large.
        """
        return parsed(self.text(name), name)

    def rows(self, name: str) -> Iterator[Line]:
        """The objects of a file: of JSON lines by its name, else of a JSON list, or the one document that it is."""
        if _plain(name).endswith((".jsonl", ".ndjson")):
            return self.lines(name)
        document = self.json(name)
        return ((k, row, None) for k, row in enumerate(document if isinstance(document, list) else [document], 1))

    def lines(self, name: str) -> Iterator[Line]:
        """The objects of a file of JSON lines; of a line that holds none its beginning, with the reason."""
        with self.file(name).open("rb") as source:
            number = 0
            while line := source.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    while (rest := source.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                        pass
                    yield number, _beginning(line), f"is longer than {LONGEST_LINE >> 20} MB"
                elif not line.isspace():
                    yield number, *_line(line)


@contextmanager
def open_export(source: Path) -> Iterator[Export]:
    """The files of an export; what was packed is unpacked while the context is open.

    Raises:
        BadInput: an archive that is refused (see `emotide.log.archive`).
    """
    with tempfile.TemporaryDirectory(prefix="emotide-") as room:
        entries: dict[str, Path | None]
        if source.is_dir():
            top = source.resolve()
            files = (path for path in sorted(source.rglob("*")) if path.is_file())
            inside = [path for path in files if path.resolve().is_relative_to(top)]  # a link may lead elsewhere
            entries = {path.relative_to(source).as_posix(): path for path in inside}
        elif source.suffix.lower() == ".zip":
            with open_archive(source) as archive:
                entries = {entry.filename: None for entry in archive.infolist() if not entry.is_dir()}
        else:
            entries = {source.name: source}
        yield Export(source, entries, Path(room))


def parsed(text: str, name: str) -> Any:
    """A JSON document.

    Raises:
        BadInput: it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON ({error})", name) from error


def _plain(name: str) -> str:
    """The name without what says how it is packed."""
    return name.lower().removesuffix(".gz").removesuffix(".zst")


def _line(line: bytes) -> tuple[Any, str | None]:
    try:
        return json.loads(line.decode("utf-8-sig")), None
    except UnicodeError:
        return _beginning(line), "is not UTF-8"
    except (ValueError, RecursionError) as error:
        return _beginning(line), f"is no JSON ({error})"


def _beginning(line: bytes) -> str:
    """As much of a line as a reject quotes."""
    return line[: 4 * LONGEST_VALUE].decode("utf-8", "backslashreplace").strip()
