"""Files of settings (TOML, or JSON by their ending): read and checked, with one line for what is wrong."""

import json
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from emotide.errors import BadInput

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
    try:
        text = file.read_text("utf-8")
        return kind.model_validate(json.loads(text) if file.suffix == ".json" else tomllib.loads(text))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"not a readable {called}: {error}", file) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", file) from error
