"""Vectors of several modalities side by side, with a mask for what is absent (DESIGN 3.7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

TEXT = "text"


@dataclass(frozen=True)
class Layout:
    """Where each modality stands in a row of the table of vectors: a block each, then a column each that marks it.

    A row is of one modality: its block and its mark are filled, all else is nought. Where there is text alone, rows are
    its vectors and nothing more.

    Attributes:
        widths: of each modality, in order.
    """

    widths: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """The modalities, in order."""
        return list(self.widths)

    @property
    def plain(self) -> bool:
        """Whether there is text alone."""
        return self.names == [TEXT]

    @property
    def width(self) -> int:
        """Of a row."""
        return sum(self.widths.values()) + (0 if self.plain else len(self.widths))

    def block(self, name: str) -> slice:
        """The columns of a modality's vectors."""
        place = self.names.index(name)
        end = list(accumulate(self.widths.values()))[place]
        return slice(end - self.widths[name], end)

    def mark(self, name: str) -> int:
        """The column that is 1 in the rows of a modality."""
        return sum(self.widths.values()) + self.names.index(name)
