"""A recipe: everything that decides what a model becomes, as one TOML file."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emotide.errors import BadInput
from emotide.log.settings import first_fault
from emotide.recommend import QConfig
from emotide.train import RunConfig
from emotide.train.screening import ScreeningConfig


class Recipe(RunConfig, frozen=True, extra="forbid"):
    """A run, how its recommender learns, and whether and how it learns which posts are worth opening."""

    recommend: QConfig = QConfig()
    screening: ScreeningConfig | None = None

    def base(self) -> RunConfig:
        """The part that makes the model of emotions."""
        return RunConfig.model_validate(self.model_dump(exclude={"recommend", "screening"}))

    @classmethod
    def read(cls, file: Path) -> "Recipe":
        """A recipe from a TOML file.

        Raises:
            BadInput: the file cannot be read, or a field is unknown or out of its range.
        """
        return cls.model_validate(super().read(file).model_dump())

    def toml(self) -> str:
        """The recipe as TOML: what `read` reads."""
        values = self.model_dump(mode="json", exclude_none=True)
        plain = [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, dict)]
        sections = [
            "\n".join([f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items())])
            for name, section in values.items()
            if isinstance(section, dict)
        ]
        return "\n\n".join(["\n".join(plain), *sections]) + "\n"

    def changed(self, fields: dict[str, Any], **sections: dict[str, Any]) -> "Recipe":
        """The same recipe with other values, where these are not None.

        Raises:
            BadInput: a value is out of its range.
        """
        values = self.model_dump()
        for held, new in ((values, fields), *((values[name], section) for name, section in sections.items())):
            held.update({key: value for key, value in new.items() if value is not None})
        try:
            return Recipe.model_validate(values)
        except ValidationError as error:
            raise BadInput(first_fault(error, Recipe, "recipe")) from error


def _toml(value: Any) -> str:
    """A value on one line; numbers, strings, truth and lists are written as in JSON."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(one)}' for key, one in value.items())}}}"
    return json.dumps(value)
