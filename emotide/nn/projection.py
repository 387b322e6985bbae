"""The first product of a network: parts of an input, each with rows of the weights of its own, gradients written out.

    P = Σ_parts u_k W_k + b,        u_k = rows of a batch, or rows `index` of a table (`Gathered`)

A part that is gathered from a table with fewer rows than the batch is multiplied first, once per row of the table:
(table W_k)[index]; all others lie side by side in one matrix, `local`, and are one product. Backwards, with dP given:

    dW_k = u_kᵀ dP      du_k = dP W_kᵀ      db = Σ_rows dP;  of a table first  G = Σ_{rows with this index} dP,  then
    dW_k = tableᵀ G     dtable = G W_kᵀ
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from emotide.nn.products import across, added, product


@dataclass(frozen=True)
class Gathered:
    """Rows of a table, by index: `values[index]`, but projected before they are gathered (DESIGN 3.4)."""

    values: Float[Tensor, "table width"]
    index: Int[Tensor, " rows"]


Part = Tensor | Gathered


def dtype_of(part: Part) -> torch.dtype:
    """Of the part's values."""
    return part.values.dtype if isinstance(part, Gathered) else part.dtype


def taken_apart(parts: Sequence[Part], dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor | None]]:
    """Values and index of each part; a table longer than what is gathered from it is gathered at once.

    Values are brought to the dtype of the weights, which is not theirs where `rounded` made the network.
    """
    values: list[Tensor] = []
    index: list[Tensor | None] = []
    for part in parts:
        if not isinstance(part, Gathered):
            values.append(part.to(dtype))
            index.append(None)
        elif len(part.values) >= len(part.index):
            values.append(part.values.index_select(0, part.index).to(dtype))
            index.append(None)
        else:
            values.append(part.values.to(dtype))
            index.append(part.index)
    return values, index


class Projection:
    """The products of one call: what the way back needs of the way there.

    Args:
        values: of each part.
        index: of each part that is gathered after its product, else None.
        weight: one block of rows for each part, on end.
        local: the parts that are not gathered side by side, where that was made before.
    """

    def __init__(
        self,
        values: Sequence[Tensor],
        index: Sequence[Tensor | None],
        weight: Tensor,
        local: Tensor | None = None,
    ) -> None:
        self.values, self.index, self.weight = values, index, weight
        self.widths = [value.shape[1] for value in values]
        self.blocks = weight.split_with_sizes(self.widths)
        self.plain = [k for k, rows in enumerate(index) if rows is None]
        self.tables = [(k, rows) for k, rows in enumerate(index) if rows is not None]
        self.local = self._beside([values[k] for k in self.plain], 1) if local is None else local
        self.local_weight = self._beside([self.blocks[k] for k in self.plain], 0)

    def saved(self) -> list[Tensor | None]:
        """What autograd is to keep, so that it can be freed, or made again."""
        return [self.weight, self.local, *self.values, *self.index]

    @classmethod
    def restored(cls, saved: Sequence[Any]) -> "Projection":
        """The projection that `saved` this."""
        weight, local, *rest = saved
        half = len(rest) // 2
        return cls(rest[:half], rest[half:], weight, local)

    def gathered(self) -> Tensor | None:
        """Σ of the parts that are multiplied before they are gathered."""
        if not self.tables:
            return None
        made = [_times(self.values[k], self.blocks[k]) for k, _ in self.tables]
        if len(made) == 1:
            return made[0].index_select(0, self.tables[0][1])
        first, places = 0, []
        for table, (_, rows) in zip(made, self.tables, strict=True):
            places.append(rows + first if first else rows)
            first += len(table)
        return functional.embedding_bag(torch.stack(places, 1), torch.cat(made), mode="sum")

    def forward(self, bias: Tensor) -> Tensor:
        """P, for every row."""
        summed = self.gathered()
        if self.local is None or self.local_weight is None:
            return (
                bias.expand(len(summed) if summed is not None else 0, -1).clone() if summed is None else summed + bias
            )
        if summed is None:
            return product(
                self.local, self.local_weight, self.local.new_empty(self.local.shape[0], bias.shape[0]), bias
            )
        return added(self.local, self.local_weight, summed.add_(bias))

    def backward(self, d: Tensor, wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
        """Gradients of the weights, and of the values of those parts for which they are wanted."""
        dweight, dvalues = torch.empty_like(self.weight), list[Tensor | None]([None] * len(self.values))
        parts = dweight.split_with_sizes(self.widths)
        if self.local is not None and self.local_weight is not None:
            widths = [self.widths[k] for k in self.plain]
            whole = across(self.local, d, torch.empty_like(self.local_weight))
            for k, block in zip(self.plain, whole.split_with_sizes(widths), strict=True):
                parts[k].copy_(block)
            if any(wanted[k] for k in self.plain):
                dlocal = product(d, self.local_weight.T, torch.empty_like(self.local))
                for k, value in zip(self.plain, dlocal.split_with_sizes(widths, 1), strict=True):
                    dvalues[k] = value if wanted[k] else None
        for k, rows in self.tables:
            summed = d.new_zeros(len(self.values[k]), d.shape[1]).index_add_(0, rows, d)
            across(self.values[k], summed, parts[k])
            dvalues[k] = _times(summed, self.blocks[k].T) if wanted[k] else None
        return dweight, dvalues

    @staticmethod
    def _beside(parts: list[Tensor], along: int) -> Tensor | None:
        return None if not parts else parts[0] if len(parts) == 1 else torch.cat(parts, along)


def _times(x: Tensor, weight: Tensor) -> Tensor:
    return product(x, weight, x.new_empty(x.shape[0], weight.shape[1]))
