"""Whatever goes wrong is said in one shape, made here alone: problem details (RFC 9457).

Nothing of the request's content is said back but names of fields; of a person, only whoever asked knows the id.
"""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from math import ceil
from traceback import extract_tb
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from emotide.errors import BadInput, Busy, EmotideError, ModelMismatch, NotYet, StoreError, UnknownName

MEDIA_TYPE = "application/problem+json"
SHOWN = 20  # fields that are named, at most
AGAIN = 5.0  # seconds after which to try again where nothing better is known
log = logging.getLogger("emotide.serve")


def described(about: str) -> dict[str, Any]:
    """An answer of this shape in the words of OpenAPI."""
    return {"description": about, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


LATER: dict[int | str, dict[str, Any]] = {
    503: described("this is still being computed, or the service is not ready")
    | {"headers": {"Retry-After": {"description": "seconds after which to ask again", "schema": {"type": "integer"}}}}
}
"""What a route says that is answered from what is computed beside."""


class FieldProblem(BaseModel):
    """One field, and what is wrong with it."""

    field: str = Field(examples=["body.events.0.time"])
    reason: str = Field(examples=["is missing"])
    index: int | None = Field(None, description="of the event, or row, in what was sent; from 0", examples=[0])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["this user is not known"])
    errors: list[FieldProblem] = []


class Refused(HTTPException):
    """A request that is turned away.

    Args:
        status: of HTTP.
        detail: one line: what came, what was wanted, what now.
        again: seconds after which to try again.
        errors: what is wrong with which field.
        headers: further ones.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        again: float | None = None,
        errors: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.errors = list(errors)
        more = {"Retry-After": str(max(1, ceil(again)))} if again is not None else {}
        super().__init__(status, detail, {**(headers or {}), **more})

    @property
    def response(self) -> Response:
        """What the client is told."""
        return answer(self.status_code, self.detail, self.errors, self.headers)


def answer(
    status: int, detail: str, errors: Iterable[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Problem details as a response."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=list(errors))
    return Response(problem.model_dump_json(), status, headers, MEDIA_TYPE)


def refused(error: Exception) -> Refused:
    """What an error is to the client; one that nobody foresaw is written to the log, by its place alone."""
    match error:
        case Refused():
            return error
        case Busy():
            return Refused(429, "too much waits to be applied; try again later", error.retry_after)
        case NotYet():
            return Refused(503, "this is still being computed; ask again later", error.retry_after)
        case UnknownName():
            known = "" if error.kind == "user" else f": {error}"
            return Refused(404, f"this {error.kind} is not known{known}")
        case BadInput():
            return Refused(422, error.reason)
        case ModelMismatch():
            return Refused(409, str(error))
        case StoreError():
            log.error("the store cannot be read or written (%s)", _place(error))
            return Refused(503, "the store cannot be read or written now; try again later", AGAIN)
        case EmotideError():
            return Refused(422, str(error))
        case HTTPException():
            return Refused(error.status_code, str(error.detail), headers=error.headers)
        case _:
            log.error("a request failed: %s (%s)", type(error).__name__, _place(error))
            return Refused(500, "this should not have happened; the log says where it did")


def install(app: FastAPI) -> None:
    """Answer every error of an app in this shape."""

    async def told(request: Request, error: Exception) -> Response:
        return refused(error).response

    for kind in (HTTPException, EmotideError, Exception):
        app.add_exception_handler(kind, told)


def printable(text: str) -> str:
    """A text of which every letter can be shown."""
    return text.encode("ascii", "backslashreplace").decode() if not text.isprintable() else text


def _place(error: BaseException) -> str:
    """File and line where it was raised; never its message, which may name people."""
    frames = extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('emotide/')[2]}:{frames[-1].lineno}" if frames else "no place"
