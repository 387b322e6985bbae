"""A mapping file says how a foreign log is named: which file is which table, which column is which.

[posts]
file = "tweets.csv"
columns = { post_id = "id", user_id = "author", time = "created_at" }   # ours = theirs
constants = { network = "twitter" }

[[labels]]                       # a table may come from several files, a file may give several tables
file = "tweets.csv"
columns = { user_id = "author", time = "created_at", category = "mood", post_id = "id" }
constants = { space = "ekman" }
"""

from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from emotide.errors import BadInput
from emotide.log.settings import first_fault, read_table
from emotide.log.tables import TABLES


class TableMapping(BaseModel, frozen=True, extra="forbid"):
    """Where one table comes from."""

    file: str = Field(min_length=1, description="the file inside the log")
    columns: dict[str, str] = Field(default_factory=dict, description="our name = the file's name")
    constants: dict[str, str | int | float] = Field(
        default_factory=dict, description="columns with one value for all rows"
    )


Mapping = dict[str, list[TableMapping]]


def read_mapping(path: Path) -> Mapping:
    """The mapping of each table that the file names.

    Raises:
        BadInput: no such file, no TOML, an unknown table, column or option, or one of the wrong type.
    """
    tables = read_table(path, "mapping file")
    return {name: [_table(path, name, entry) for entry in _entries(tables[name])] for name in tables}


def _entries(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _table(path: Path, name: str, entry: object) -> TableMapping:
    if name not in TABLES:
        raise BadInput(f"table {name!r} is not known{near(name, TABLES)}; known: {', '.join(TABLES)}", path)
    try:
        mapping = TableMapping.model_validate(entry)
    except ValidationError as error:
        raise BadInput(first_fault(error, TableMapping, "mapping file", (name,)), path) from error
    known = [column for column in TABLES[name].names if column != "dimensions"]
    for column in {**mapping.columns, **mapping.constants}:
        if column not in known and name != "labels":  # labels may have any dimension
            raise BadInput(
                f"{name}: column {column!r} is not known{near(column, known)}; known: {', '.join(known)}", path
            )
    return mapping


def near(name: str, known: object) -> str:
    """'; did you mean …?' where a known name is close, else nothing."""
    close = get_close_matches(name.lower(), [str(other) for other in known], n=1)  # type: ignore[attr-defined]
    return f"; did you mean {close[0]!r}?" if close else ""
