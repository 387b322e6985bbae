"""The states of a checkpoint, whoever wrote them: one process in one file, or parts of a network in a file each."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from safetensors.numpy import load_file, save_file

from emotide.live.people import Census

ARRAYS = "states.safetensors"
FELT, ENDS = ("H", "M", "Y", "pleasure"), ("source", "target")


class Kept(NamedTuple):
    """States on disk.

    Attributes:
        folder: of the checkpoint.
        parts: that wrote a file each; 0: one process wrote all, and ids are rows.
        ids: under which each person (by row of the checkpoint's census) was kept. Of n parts, part id % n held the
            person in its row id // n.
    """

    folder: Path
    parts: int
    ids: Int[np.ndarray, " people"]

    def gathered(
        self, ids: Int[np.ndarray, " people"], source: Int[np.ndarray, " pairs"], target: Int[np.ndarray, " pairs"]
    ) -> dict[str, np.ndarray]:
        """H, M, Y and pleasure of people, and A of pairs, by the ids under which they and their ends were kept."""
        files = [_file(number) for number in range(self.parts)] or [ARRAYS]
        source, target = source.astype(np.int64), target.astype(np.int64)
        found: dict[str, np.ndarray] = {}
        for number, name in enumerate(files):
            held = load_file(self.folder / name)
            mine, own = (np.flatnonzero(of % len(files) == number) for of in (ids, target))
            there = held["pairs.source"].astype(np.int64) << 32 | held["pairs.target"]
            order = np.argsort(there)
            key = source[own] << 32 | target[own] // len(files)
            pair = order[np.searchsorted(there, key, sorter=order)]
            rows = {name: (len(ids), mine, held[f"people.{name}"], ids[mine] // len(files)) for name in FELT}
            rows["A"] = (len(target), own, held["pairs.A"], pair)
            for kind, (every, into, table, row) in rows.items():
                found.setdefault(kind, np.empty((every, *table.shape[1:]), table.dtype))[into] = table[row]
        return found


def write_part(folder: Path, number: int, census: Census) -> None:
    """The states of one part."""
    arrays = {f"people.{name}": getattr(census.people, name) for name in FELT}
    arrays |= {f"pairs.{name}": getattr(census.pairs, name) for name in ("A", *ENDS)}
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / _file(number))


def _file(number: int) -> str:
    return f"states-{number}.safetensors"
