"""The page's own files: read once, served under fixed names, with headers that let nothing else in."""

from functools import cache
from importlib.resources import files

from fastapi import Response

ROOM = "/dashboard/"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@cache
def contents() -> dict[str, tuple[bytes, str]]:
    """Path -> bytes and type of every file, by the path under which it is served; there are no others."""
    root = files("emotide.serve.dashboard") / "static"
    found: dict[str, tuple[bytes, str]] = {}
    for folder in ("", "js/", "words/"):
        place = root / folder if folder else root
        for file in place.iterdir():
            kind = TYPES.get("." + file.name.rpartition(".")[2])
            if file.is_file() and kind is not None:
                found[ROOM + folder + file.name] = (file.read_bytes(), kind)
    return found | {"/": found[ROOM + "index.html"]}


def page(path: str) -> Response:
    """The file that stands at a path; 404 where there is none."""
    body, kind = contents().get(path, (b"there is no such page", "text/plain"))
    return Response(body, 200 if path in contents() else 404, {**HEADERS, "Content-Type": kind})


PUBLIC = tuple(sorted(contents()))
"""The paths of the page's own files: they say nothing of anybody, and need no token."""
