"""What is wrong with a request, field by field, in plain words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from emotide.serve.bodies import KINDS
from emotide.serve.problems import SHOWN, FieldProblem, answer, printable

BATCHES = {"events": "event", "rows": "row"}
FORMS = {"/v1/events": '{"events": [...]}', "/v1/feedback": '{"rows": [...]}'}  # of bodies, by route
Why = Callable[[Mapping[str, Any]], str]


def _less(told: Mapping[str, Any]) -> str:
    return f"has fewer than {told['min_length']} characters" if told["min_length"] > 1 else "is empty"


REASONS: dict[str, str | Why] = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this",
    "json_invalid": "is no JSON",
    "model_attributes_type": "is no object",
    "model_type": "is no object",
    "dict_type": "is no object",
    "list_type": "is no list",
    "too_short": "holds nothing",
    "too_long": lambda told: f"holds more than {told['max_length']}",
    "string_type": "is no text",
    "string_unicode": "is no text in UTF-8",
    "string_too_short": _less,
    "string_too_long": lambda told: f"is longer than {told['max_length']} characters",
    "string_pattern_mismatch": "holds a character that may not be there",
    "int_type": "is no whole number",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "float_type": "is no number",
    "float_parsing": "is no number",
    "finite_number": "is no finite number",
    "greater_than": lambda told: f"is not more than {told['gt']:g}",
    "greater_than_equal": lambda told: f"is less than {told['ge']:g}",
    "less_than_equal": lambda told: f"is more than {told['le']:g}",
    "literal_error": lambda told: f"is none of {told['expected']}",
    "enum": lambda told: f"is none of {told['expected']}",
    "union_tag_not_found": f"has no type: wanted one of {', '.join(KINDS)}",
    "union_tag_invalid": f"is of a type that is none of {', '.join(KINDS)}",
}
"""By pydantic's name of the error; what is not here keeps pydantic's words."""


def install(app: FastAPI) -> None:
    """Answer a request that is of no right form with all that is wrong with it."""

    async def invalid(request: Request, error: Exception) -> Response:
        known: Any = error
        fields = wrong_fields(known.errors(), FORMS.get(request.url.path, "a JSON object"))
        return answer(422, in_one_line(fields), fields)

    app.add_exception_handler(RequestValidationError, invalid)


def wrong_fields(errors: Sequence[Mapping[str, Any]], form: str) -> list[FieldProblem]:
    """Pydantic's errors, one a field: of an event without its kind, of a time without the forms that were tried.

    Args:
        errors: as pydantic tells them.
        form: of the body that is wanted.
    """
    found: dict[str, FieldProblem] = {}
    for error in errors:
        path, index = _path(error["loc"]) if error["type"] != "json_invalid" else (["body"], None)
        name = ".".join(printable(str(part))[:60] for part in path)
        reason = "is no time: wanted ISO 8601, or seconds since 1970" if name in found else _reason(error)
        if tuple(error["loc"]) == ("body",):
            reason += f": wanted {form}, sent as application/json"
        found[name] = FieldProblem(field=name, reason=reason, index=index)
    return list(found.values())[:SHOWN]


def in_one_line(fields: Sequence[FieldProblem]) -> str:
    """The first of them, and how many there are besides."""
    first = fields[0]
    _, _, rest = first.field.partition(f".{first.index}")
    batch = BATCHES.get(first.field.split(".")[1] if "." in first.field else "", "")
    place = first.field if first.index is None else f"{batch} {first.index}{rest.replace('.', ', ', 1)}"
    more = f"; {len(fields) - 1} more" if len(fields) > 1 else ""
    return f"{place}: {first.reason}{more}"


def _path(place: Sequence[Any]) -> tuple[list[Any], int | None]:
    """The way to a field, and the number of the event or row in its batch."""
    if len(place) > 2 and place[1] in BATCHES and isinstance(place[2], int):
        rest = list(place[3:])
        return [*place[:3], *(rest[1:2] if rest[:1] and rest[0] in KINDS else rest[:1])], place[2]
    return list(place[:2]), None


def _reason(error: Mapping[str, Any]) -> str:
    why = REASONS.get(error["type"])
    if why is None:
        return printable(str(error["msg"]))
    return why if isinstance(why, str) else why(error["ctx"])
