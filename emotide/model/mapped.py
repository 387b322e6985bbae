"""Tables that are files mapped into memory: the system holds the rows in use, and may put any of them aside."""

import math
import mmap
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

BLOCK = 1 << 16  # rows that are written at once


def mapped(file: Path, row: Float[Tensor, " width"], rows: int) -> Float[Tensor, "rows width"]:
    """A table of so many times a row, of its type, in a new file.

    What is written into the table is in the file; on Unix the table stays of use when the file's name is deleted.

    Raises:
        OSError: the file cannot be made, or the disk is full.
        ValueError: the row is not in the memory of the processor.
    """
    if row.device.type != "cpu":
        raise ValueError(f"a table on {row.device} cannot be mapped from a file")
    row = row.detach()
    file.unlink(missing_ok=True)  # whoever has mapped the older one keeps it
    with file.open("wb") as out:
        for first in range(0, rows, BLOCK):
            out.write(row.expand(min(BLOCK, rows - first), -1).contiguous().numpy().data)
    if not rows * len(row):
        return row.new_empty(rows, len(row))
    return torch.from_file(str(file), shared=True, size=math.prod((rows, len(row))), dtype=row.dtype).view(rows, -1)


def let_go(array: object) -> None:
    """Hold no page of the file that an array only reads; what is read again is mapped again; others stay."""
    while isinstance(array, np.ndarray) and not array.flags.writeable:
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)
