"""The command line: one command, one function, each a thin shell around `emotide.api` (DESIGN 5)."""

import sys
import warnings
from typing import Any, NoReturn

# The order of --help.
# isort: off
from emotide.cli import logs, following, learning, asking, recommending, serving, people, measuring  # noqa: F401

# isort: on
from emotide.cli.options import app
from emotide.errors import EmotideError
from emotide.terminal import plain


def main() -> None:
    """Run the command line: 0 done, 1 the input or the request is wrong (one line), 2 wrong usage."""
    with warnings.catch_warnings():
        warnings.showwarning = _warn  # type: ignore[assignment]
        try:
            app()
        except EmotideError as error:
            _fail(str(error))
        except OSError as error:  # a full disk, a folder that may not be written
            _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _warn(message: Warning | str, *place: Any, file: Any = None, line: str | None = None) -> None:
    print(plain(f"emotide: warning: {message}"), file=sys.stderr)


def _fail(reason: str) -> NoReturn:
    print(plain(f"emotide: {reason}"), file=sys.stderr)
    sys.exit(1)
