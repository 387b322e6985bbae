"""Files of settings (TOML, or JSON by their ending): read and checked, with one line for what is wrong."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from emotide.errors import BadInput, UnknownName

Settings = TypeVar("Settings", bound=BaseModel)


def read_settings(file: Path, kind: type[Settings], called: str = "TOML file") -> Settings:
    """The settings of a file.

    Args:
        file: .toml or .json.
        kind: what they are checked by.
        called: what a message calls such a file.

    Raises:
        BadInput: the file cannot be read, or a field is unknown or out of its range.
    """
    told = read_table(file, called)
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        raise BadInput(first_fault(error, kind, called), file) from error


def read_table(file: Path, called: str) -> dict[str, Any]:
    """What a file holds, unchecked.

    Raises:
        BadInput: the file cannot be read, or is of another form.
    """
    try:
        text = file.read_text("utf-8")
        told = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise BadInput(f"not a readable {called}: {reason}", file) from error
    except ValueError as error:  # no UTF-8, no TOML, no JSON
        raise BadInput(f"not a readable {called}: {error}", file) from error
    if not isinstance(told, dict):
        raise BadInput(f"not a readable {called}: it holds no table", file)
    return told


def first_fault(error: ValidationError, kind: type[BaseModel], called: str, within: Sequence[str] = ()) -> str:
    """The first thing that is wrong, of all an unknown field: where it stands, and why, or the nearest that there is.

    Args:
        error: what `kind` said.
        kind: what was checked.
        called: what a message calls it.
        within: the place of what was checked.
    """
    faults = error.errors()  # a misspelt field is missing too
    first = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    place = first["loc"]
    where = ".".join(map(str, [*within, *place]))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        reason = str(UnknownName(f"field of a {called}", str(place[-1]), _holder(kind, place[:-1]).model_fields))
    return f"{where}: {reason}" if where else reason


def _holder(kind: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel]:
    """What checks what stands at a place."""
    for name in place:  # a key of a table of many, or a number in a list, leads no further
        if name in kind.model_fields:
            kind = _checked_by(kind.model_fields[str(name)].annotation) or kind
    return kind


def _checked_by(annotation: Any) -> type[BaseModel] | None:
    """The settings in a type, such as those of `dict[str, Category]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _checked_by(part))), None)
