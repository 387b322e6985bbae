"""Arrays that grow by rows: what is known of every person and of every pair, with no object of its own for any."""

from typing import Any

import numpy as np
from jaxtyping import Int

Kind = tuple[Any, tuple[int, ...], Any]
"""Type, shape behind the rows, and what a new row holds."""


class Columns:
    """Arrays of one length; a name of `kinds` is an attribute, a view of the rows that there are."""

    def __init__(self, kinds: dict[str, Kind]) -> None:
        self.kinds, self.rows, self._room = kinds, 0, 1024
        self._arrays = {name: self._new(name, self._room) for name in kinds}

    def __getattr__(self, name: str) -> np.ndarray:
        arrays = self.__dict__.get("_arrays", {})
        if name not in arrays:
            raise AttributeError(name)
        view: np.ndarray = arrays[name][: self.rows]
        return view

    def extend(self, rows: int) -> None:
        """Add rows that nothing is known of."""
        if self.rows + rows > self._room:
            self._room = max(2 * self._room, self.rows + rows)
            for name, old in self._arrays.items():
                self._arrays[name] = self._new(name, self._room)
                self._arrays[name][: self.rows] = old[: self.rows]
        self.rows += rows

    def blank(self, rows: Int[np.ndarray, " some"]) -> None:
        """Forget what is in these rows."""
        for name, (_, _, fill) in self.kinds.items():
            self._arrays[name][rows] = fill

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `saved` gave; what is not there is not known."""
        self.rows = 0
        self.extend(len(next(iter(arrays.values()))))
        for name, (_, _, fill) in self.kinds.items():
            self._arrays[name][: self.rows] = arrays.get(name, fill)

    def saved(self) -> dict[str, np.ndarray]:
        """Every array, by name."""
        return {name: np.ascontiguousarray(getattr(self, name)) for name in self.kinds}

    def _new(self, name: str, rows: int) -> np.ndarray:
        dtype, shape, fill = self.kinds[name]
        made = np.empty((rows, *shape), dtype)
        made[:] = fill
        return made


class Undo:
    """What stood in rows before they were tried out."""

    def __init__(self) -> None:
        self._kept: list[tuple[Columns, str, np.ndarray, np.ndarray]] = []

    def keep(self, columns: Columns, rows: Int[np.ndarray, " rows"], names: tuple[str, ...]) -> None:
        """Note what stands in these rows."""
        held = [name for name in names if name in columns.kinds]
        self._kept += [(columns, name, rows, getattr(columns, name)[rows].copy()) for name in held]

    def back(self) -> None:
        """Put it there again."""
        for columns, name, rows, before in reversed(self._kept):
            getattr(columns, name)[rows] = before


class Index:
    """From whole numbers (a pair's source and target in one) to rows: a large sorted array, and a small one of late."""

    def __init__(self) -> None:
        nothing = np.zeros(0, np.int64)
        self._parts = (nothing, nothing), (nothing, nothing)  # old and new; exchanged at once, for those who read

    def rows(self, keys: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The row of each key, -1 where there is none."""
        found = np.full(len(keys), -1, np.int64)
        for known, row in self._parts:
            if len(known):
                place = np.searchsorted(known, keys).clip(max=len(known) - 1)
                found = np.where(known[place] == keys, row[place], found)
        return found

    def add(self, keys: Int[np.ndarray, " some"], rows: Int[np.ndarray, " some"]) -> None:
        """Put different keys that are not there yet."""
        old, new = self._parts
        new = _merged(new, (keys, rows))
        if len(new[0]) ** 2 > 64 * len(old[0]) + 1_000_000:
            old, new = _merged(old, new), (new[0][:0], new[1][:0])
        self._parts = old, new


def _merged(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    keys, rows = (np.concatenate(parts) for parts in zip(one, other, strict=True))
    order = np.argsort(keys, kind="stable")
    return keys[order], rows[order]
