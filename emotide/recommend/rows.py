"""Records whose fields are columns of one length: cut and counted the same way."""

from dataclasses import fields
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Int


class Rows:
    """A frozen dataclass of columns; a column that is None stays so."""

    item: np.ndarray

    def __len__(self) -> int:
        return len(self.item)

    def __getitem__(self, rows: slice | Int[np.ndarray, " rows"] | Bool[np.ndarray, " n"]) -> Self:
        """Some rows."""
        columns: list[Any] = [getattr(self, field.name) for field in fields(self)]  # type: ignore[arg-type]
        return type(self)(*(None if column is None else column[rows] for column in columns))
