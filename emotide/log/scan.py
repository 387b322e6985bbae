"""One cheap pass over a file before it is parsed: its digest, its lines, and whether a line is too long."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from emotide.errors import BadInput

LONGEST_LINE = 8 << 20  # bytes
CHUNK = 1 << 20


@dataclass(frozen=True)
class Scan:
    """What the pass found.

    Attributes:
        digest: SHA-256 of the bytes, hexadecimal.
        lines: number of lines.
        quotes_pair: whether the number of quotation marks is even.
    """

    digest: str
    lines: int
    quotes_pair: bool


def scan(path: Path, name: str, is_text: bool = True) -> Scan:
    """Read a file once, in pieces.

    Raises:
        BadInput: it cannot be read, is UTF-16, or (for text) has a line longer than LONGEST_LINE.
    """
    digest, lines, quotes, open_line = sha256(), 0, 0, 0
    last = b"\n"
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                if not is_text:
                    continue
                if lines == open_line == 0 and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    raise BadInput("is UTF-16; save it as UTF-8", name)
                ends = chunk.count(b"\n")
                longest = open_line + (chunk.find(b"\n") if ends else len(chunk))
                if longest > LONGEST_LINE:
                    raise BadInput(f"line {lines + 1} is longer than {LONGEST_LINE >> 20} MB; is it a table?", name)
                open_line = len(chunk) - 1 - chunk.rfind(b"\n") if ends else open_line + len(chunk)
                lines, quotes, last = lines + ends, quotes + chunk.count(b'"'), chunk[-1:]
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})", name) from error
    return Scan(digest.hexdigest(), lines + (last != b"\n"), quotes % 2 == 0)
