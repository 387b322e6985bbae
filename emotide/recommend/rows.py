"""Records whose fields are columns of one length: cut and counted the same way."""

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Int

Record = TypeVar("Record")


class Rows:
    """A frozen dataclass of columns; a column that is None stays so."""

    item: np.ndarray

    def __len__(self) -> int:
        return len(self.item)

    def __getitem__(self: Record, rows: slice | Int[np.ndarray, " rows"] | Bool[np.ndarray, " n"]) -> Record:
        """Some rows."""
        columns: list[Any] = [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]
        return type(self)(*(None if column is None else column[rows] for column in columns))
