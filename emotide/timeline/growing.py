"""Arrays that grow by pieces: straight into .npy files, or in memory where there is no folder."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy


class GrowingArray:
    """Rows of one type, appended piece by piece; in a file no more than a piece is ever in memory.

    Args:
        dtype: of the elements.
        width: of a row; () for plain numbers.
        file: the .npy file to write; None keeps the pieces in memory.
    """

    def __init__(self, dtype: Any, width: tuple[int, ...] = (), file: Path | None = None) -> None:
        self._dtype, self._width, self._file, self._rows = np.dtype(dtype), width, file, 0
        self._pieces: list[np.ndarray] = []
        self._open: BinaryIO | None = None
        if file is not None:
            self._open = file.open("wb")
            self._head()

    def add(self, piece: np.ndarray) -> None:
        """Append rows."""
        piece = np.ascontiguousarray(piece, self._dtype)
        self._rows += len(piece)
        if self._open is not None:
            self._open.write(piece.data)
        else:
            self._pieces.append(piece)

    def whole(self) -> np.ndarray:
        """All rows: mapped from the file, which may be written to, or in memory; nothing can be added any more."""
        if self._open is None:
            return np.concatenate([np.zeros((0, *self._width), self._dtype), *self._pieces])
        self._open.seek(0)
        self._head()
        self._open.close()
        mapped: np.ndarray = np.load(str(self._file), mmap_mode="r+", allow_pickle=False)
        return mapped

    def _head(self) -> None:
        """The header; NumPy leaves room in it for any number of rows, so that the last fits over the first."""
        if self._open is not None:
            shape, descr = (self._rows, *self._width), npy.dtype_to_descr(self._dtype)
            npy.write_array_header_1_0(self._open, {"descr": descr, "fortran_order": False, "shape": shape})
