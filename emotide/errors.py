"""Every error that Emotide raises on purpose.

    EmotideError
    ├── BadInput         a file, row, column or value of the input is wrong
    ├── UnknownName      a name that is not in a closed list (space, loss, plan, converter …)
    ├── StoreError       the store cannot be opened, read or written
    ├── ModelMismatch    a saved model does not fit this version or this store
    ├── Busy             too much waits to be taken in: come again later
    └── NotYet           the answer is still being computed: come again later

Each carries one line that says where, what came, what was wanted, what now. The command line prints that line and exits
with code 1; the library raises the class.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

SHOWN = 30  # names of a list, at most: a log may have a million users


class EmotideError(Exception):
    """The family: catch this to catch every error raised on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # a process that hears of an error makes it from its line and attributes, not from its arguments
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[EmotideError], args: tuple[Any, ...], attributes: dict[str, Any]) -> EmotideError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


class BadInput(EmotideError):
    """A file, row, column or value of the input is wrong.

    Args:
        reason: what came and what was wanted.
        file, row, column: where, as far as it is known; rows count from 1 and leave the header out.
    """

    def __init__(
        self, reason: str, file: Path | str | None = None, row: int | None = None, column: str | None = None
    ) -> None:
        self.reason, self.file, self.row, self.column = reason, file, row, column
        place = [str(file)] if file is not None else []
        place += [f"row {row}"] if row is not None else []
        place += [f"column {column}"] if column is not None else []
        super().__init__(f"{', '.join(place)}: {reason}" if place else reason)


class UnknownName(EmotideError):
    """A name that is not in a closed list; the message names the nearest one and the list."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ";"
        shown = ", ".join(names[:SHOWN]) or "none"
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        super().__init__(f"{kind} {name!r} is not known{hint} known: {shown}{more}")

    @classmethod
    def said(cls, line: str) -> "UnknownName":
        """One that was met elsewhere, such as by a service that was asked."""
        error = cls("name", "", ())
        error.args = (line,)
        return error


class StoreError(EmotideError):
    """The store cannot be opened, read or written."""


class ModelMismatch(EmotideError):
    """A saved model does not fit this version of Emotide or this store."""


class Busy(EmotideError):
    """Too much waits already.

    Args:
        retry_after: seconds after which to try again.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"too much waits to be applied: try again in {retry_after:.1f} s")


class NotYet(EmotideError):
    """The answer is still being computed.

    Args:
        retry_after: seconds after which to ask again.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(f"this is still being computed: ask again in {retry_after:.1f} s")
