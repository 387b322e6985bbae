"""Lines of JSON as events: a file that grows, is rotated or cut off; and whatever comes on standard input."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from emotide.errors import BadInput
from emotide.live.sources.source import LONGEST_EVENT, Batch, Event, read_event

CHUNK = 1 << 20
HEAD = 1024  # bytes at the beginning by which a file is known again, since numbers of files are used again
LINES = 500  # of a batch
SPARE = (".place", ".part", ".gz", ".zst")  # endings that a file rotated away and not yet packed does not have


class Place(NamedTuple):
    """How far a file was read."""

    inode: int
    offset: int  # bytes
    length: int  # bytes of the beginning that `head` is the digest of
    head: str


class FileTail:
    """The lines of a file, and of the files that take its name when it is rotated.

    The place is kept beside the file (`NAME.place`), written anew whole. A file that was rotated away meanwhile
    (`NAME.1`, `NAME-20240101` …) is found again by its number and its beginning, and read to its end first; then come
    those that were written after it. A line without an end waits for it, unless its file was rotated away or `wait` is
    false. A file that became shorter is read from its beginning.

    Args:
        path: of the file; it may come later.
        place: the file of the place.
        wait: whether to wait for more at the end, or to end there.
        poll: seconds between two looks.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        path: Path,
        place: Path | None = None,
        wait: bool = True,
        poll: float = 0.5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path, self.place_file = path, place or path.with_name(f"{path.name}.place")
        self.wait, self.poll, self.sleep = wait, poll, sleep
        self._file: BinaryIO | None = None
        if not wait and not path.is_file():
            raise BadInput("no such file", path)

    def __iter__(self) -> Iterator[Batch]:
        """Batches of at most LINES lines; without `wait` until the end of the file."""
        self._resume()
        while True:
            if self._file is None and not self._open(self.path, 0):
                if not self.wait:
                    return
                self.sleep(self.poll)
                continue
            last = self._replaced()  # asked before reading: what was written until then is read
            lines = self._lines(whole=last or not self.wait)
            if lines:
                yield _batch(self.path.name, lines, self._now())
            elif last:
                self._next()
            elif not self.wait:
                return
            else:
                self.sleep(self.poll)

    def done(self, batch: Batch) -> None:
        """Keep the place behind a batch."""
        part = self.place_file.with_name(f"{self.place_file.name}.part")
        with part.open("w") as file:
            json.dump(batch.place._asdict(), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.place_file)

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _resume(self) -> None:
        """Open the file in which the place lies, whatever it is called now."""
        self.close()
        if not self.place_file.exists():
            return
        try:
            place = Place(**json.loads(self.place_file.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"is no place ({error}); delete it to read the file from its beginning", self.place_file
            ) from error
        for file in self._rotated():
            if _is_that(file, place):
                self._open(file, place.offset)
                return

    def _rotated(self) -> list[Path]:
        """The file and those that bore its name before."""
        others = sorted(self.path.parent.glob(f"{self.path.name}[.-]*"))
        return [file for file in [self.path, *others] if file.is_file() and file.suffix not in SPARE]

    def _next(self) -> None:
        """Leave this file for the one that was written after it."""
        mine = os.fstat(self._open_file().fileno())
        there = [(file.stat(), file) for file in self._rotated()]
        later = [(known.st_mtime_ns, file) for known, file in there if known.st_ino != mine.st_ino]
        later = [(written, file) for written, file in later if written > mine.st_mtime_ns]
        self.close()
        if later:
            self._open(min(later)[1], 0)

    def _open(self, path: Path, offset: int) -> bool:
        try:
            self._file = path.open("rb")
        except OSError:
            return False
        self._file.seek(offset)
        return True

    def _replaced(self) -> bool:
        """Whether the name belongs to another file by now; one that was cut off is begun again."""
        file = self._open_file()
        try:
            there = self.path.stat()
        except OSError:
            return False  # renamed, and the next is not there yet
        mine = os.fstat(file.fileno())
        if there.st_ino != mine.st_ino:
            return True
        if mine.st_size < file.tell():
            file.seek(0)
        return False

    def _lines(self, whole: bool) -> list[bytes]:
        """Whole lines from here on; with `whole` also what stands at the end without one."""
        file, lines = self._open_file(), list[bytes]()
        while len(lines) < LINES:
            start = file.tell()
            line = file.readline(LONGEST_EVENT + 2)
            if not line.endswith(b"\n") and len(line) > LONGEST_EVENT:
                while (rest := file.readline(CHUNK)) and not rest.endswith(b"\n"):
                    pass  # too long to be an event: the batch tells
            elif not line.endswith(b"\n") and not (whole and line):
                file.seek(start)
                break
            lines.append(line)
        return lines

    def _now(self) -> Place:
        file = self._open_file()
        offset = file.tell()
        length = min(offset, HEAD)
        head = hashlib.sha256(os.pread(file.fileno(), length, 0)).hexdigest()
        return Place(os.fstat(file.fileno()).st_ino, offset, length, head)

    def _open_file(self) -> BinaryIO:
        assert self._file is not None
        return self._file


class StandardInput:
    """Lines as they come from a pipe; there is no place to come back to.

    Args:
        file: what is read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __iter__(self) -> Iterator[Batch]:
        """What there is, as soon as there is some."""
        rest, number = b"", 0
        while chunk := os.read(self.file.fileno(), CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_EVENT:
                lines, rest = [*lines, rest], b""
            for k in range(0, len(lines), LINES):
                yield _batch("standard input", lines[k : k + LINES], None, number + k)
            number += len(lines)
        if rest:
            yield _batch("standard input", [rest], None, number)

    def done(self, batch: Batch) -> None:
        """Nothing can be noted of a pipe."""

    def close(self) -> None:
        """The pipe is not ours to close."""


def _batch(name: str, lines: list[bytes], place: Place | None, before: int = 0) -> Batch:
    events, wrong = list[Event](), list[tuple[str, str]]()
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        try:
            events.append(read_event(line))
        except ValueError as error:
            where = f"line {number}" if place is None else f"a line before byte {place.offset}"
            wrong.append((f"{name}, {where}", str(error)))
    return Batch(events, place, wrong)


def _is_that(file: Path, place: Place) -> bool:
    """Whether this is the file of the place."""
    try:
        with file.open("rb") as source:
            known = os.fstat(source.fileno())
            head = hashlib.sha256(source.read(place.length)).hexdigest()
    except OSError:
        return False
    return known.st_ino == place.inode and known.st_size >= place.offset and head == place.head
