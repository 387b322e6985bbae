"""Parts of a log that workers have compiled are laid together: the arrays of the log compiled at once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Int8, Int32

from emotide.timeline.events import Events, array_file
from emotide.timeline.growing import GrowingArray
from emotide.timeline.neighbours import runs

PIECE = 1 << 20  # rows that are laid at once; it changes nothing
BY = {  # what the rows of each kind are sorted by within a step of a network
    "active": ("active_user",),
    "contact": ("contact_time", "contact_source", "contact_target"),
    "pair": ("pair_target", "pair_source"),
}


class Merge:
    """Folders of parts as one.

    Args:
        folders: each with the arrays of `Events` but those of posts, sorted by network and step, and `contact_time`;
            `met.npy`, for each of its pairs in order a number by which pairs of all parts are sorted; and `places`, how
            many rows each step of a network holds.
        into: the folder of the timeline; None keeps the arrays in memory.

    Attributes:
        places: network, network_row, step, active, contact, pair (numbers of rows); sorted, of all parts.
    """

    def __init__(self, folders: Sequence[Path], into: Path | None) -> None:
        self.folders, self.into = folders, into
        held = [pl.read_parquet(folder / "places") for folder in folders]
        place = ["network", "network_row", "step"]
        self.places = pl.concat(held).group_by(place).agg(pl.col(list(BY)).sum()).sort("network_row", "step")
        self._held = [self.places.select(place).join(own, on=place, how="left", maintain_order="left") for own in held]

    def columns(self, split: Int8[np.ndarray, " places"]) -> dict[str, np.ndarray]:
        """The arrays of the timeline.

        Args:
            split: of the contacts of each place.
        """
        numbers = self._numbers()
        active = self._laid("active", lambda name, part, rows: rows)
        pairs = self._laid("pair", lambda name, part, rows: numbers[part][rows] if name == "pair" else rows)
        contacts = self._laid("contact", lambda name, part, rows: rows, {"contact_split": split})
        return active | pairs | contacts

    def _numbers(self) -> list[Int32[np.ndarray, " pairs"]]:
        """For each part the numbers of its pairs among those of all."""
        met = [np.load(folder / "met.npy") for folder in self.folders]
        key = np.concatenate(met)
        number = np.empty(len(key), np.int32)
        number[np.argsort(key)] = np.arange(len(key), dtype=np.int32)
        return np.split(number, np.cumsum([len(part) for part in met])[:-1])

    def _laid(
        self,
        kind: str,
        read: Callable[[str, int, np.ndarray], np.ndarray],
        of_place: Mapping[str, np.ndarray] | None = None,
    ) -> dict[str, np.ndarray]:
        """The arrays of one kind.

        Args:
            kind: a key of `BY`.
            read: from the name of an array, a part and rows of the array as they stand there to those wanted.
            of_place: arrays that are to be, by what they hold for all rows of a place.
        """
        of_place = of_place or {}
        held = [f"{kind}_step", *(name for name in Events.__annotations__ if name.split("_")[0] == kind)]
        parts = [
            {name: np.load(folder / array_file(name), mmap_mode="r") for name in {*held, *BY[kind]} - {*of_place}}
            for folder in self.folders
        ]
        grown = {name: self._growing(name, like) for name, like in (parts[0] | dict(of_place)).items() if name in held}
        counts = np.stack([own[kind].fill_null(0).to_numpy() for own in self._held])
        ends = np.cumsum(counts, 1)
        for run in runs(counts.sum(0), PIECE):
            own = [slice(end[run][0] - count[run][0], end[run][-1]) for end, count in zip(ends, counts, strict=True)]
            piece = {
                name: np.concatenate([read(name, k, part[name][own[k]]) for k, part in enumerate(parts)])
                for name in parts[0]
            }
            place = np.concatenate([np.repeat(np.arange(run.start, run.stop), count[run]) for count in counts])
            order = np.lexsort((*(piece[name] for name in reversed(BY[kind])), place))
            for name, array in grown.items():
                array.add(of_place[name][place[order]] if name in of_place else piece[name][order])
        return {name: array.whole() for name, array in grown.items()}

    def _growing(self, name: str, like: np.ndarray) -> GrowingArray:
        return GrowingArray(like.dtype, like.shape[1:], None if self.into is None else self.into / array_file(name))
