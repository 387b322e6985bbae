"""A few labels sharpen the readings of a space that was never trained on, in closed form (DESIGN 3.5).

What the readings say before is taken for labels too, worth κ real ones in all. On both together:

    categories   linear discriminants (Fisher 1936): scores = Y Σ⁻¹ μ_c − ½ μ_c Σ⁻¹ μ_c + log π_c
    dimensions   least squares: coordinates = Y B + b

With no label at all this is the reading of before, made linear; more labels mean more.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

WORTH = 3.0  # labels, for each name, that the readings of before are worth: κ
KEPT = "sharpened."
SHRINKAGE = 0.1  # of the covariance towards its diagonal


class Sharpened(NamedTuple):
    """A linear reading: scores = Y · weight + bias."""

    weight: Float[Tensor, "affect names"]
    bias: Float[Tensor, " names"]

    def scores(self, Y: Float[Tensor, "rows affect"]) -> Float[Tensor, "rows names"]:
        """Logits, or coordinates."""
        return Y @ self.weight.to(Y) + self.bias.to(Y)


def sharpened(
    Y: Float[Tensor, "rows affect"],
    before: Float[Tensor, "rows names"],
    labelled: Float[Tensor, "labels affect"],
    target: Float[Tensor, "labels names"],
    weight: Float[Tensor, " labels"],
    dimensional: bool,
) -> Sharpened:
    """The reading that these labels ask for.

    Args:
        Y: affect vectors of the log, at least one.
        before: what is read from them without the labels: probabilities that sum to 1, or coordinates.
        labelled: affect vectors of the labels.
        target: shares of the categories, which sum to 1, or coordinates, NaN where not given.
        weight: of the labels; 1 is one label.
        dimensional: which of the two.
    """
    worth = WORTH * before.shape[1] / len(Y)
    rows, truth = torch.cat([Y, labelled]).double(), torch.cat([before, target]).double()
    counts = torch.cat([torch.full((len(Y),), worth, device=Y.device), weight]).double()
    found = _least_squares(rows, truth, counts) if dimensional else _discriminants(rows, truth, counts)
    return Sharpened(*(part.to(Y) for part in found))


def _discriminants(Y: Tensor, shares: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    each = shares * counts[:, None]
    frequency = each.sum(0).clamp(min=1e-9)
    mean = (each.T @ Y) / frequency[:, None]
    total = (Y * counts[:, None]).T @ Y
    covariance = _shrunk((total - (mean * frequency[:, None]).T @ mean) / counts.sum())
    weight = torch.linalg.solve(covariance, mean.T)
    return weight, frequency.log() - counts.sum().log() - (mean * weight.T).sum(1) / 2


def _least_squares(Y: Tensor, truth: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    weights, biases = [], []
    for column in truth.T:  # each dimension has labels of its own
        given = counts * ~column.isnan()
        share = given / given.sum()
        mean, level = share @ Y, share @ column.nan_to_num()
        off = Y - mean
        slope = torch.linalg.solve(
            _shrunk((off * share[:, None]).T @ off), off.T @ (share * (column.nan_to_num() - level))
        )
        weights.append(slope)
        biases.append(level - mean @ slope)
    return torch.stack(weights, 1), torch.stack(biases)


def _shrunk(covariance: Tensor) -> Tensor:
    """The covariance drawn to its diagonal, so that it can be inverted, however few the rows."""
    spread = torch.diagonal(covariance)
    floor = 1e-6 + 1e-3 * spread.mean()
    return (1 - SHRINKAGE) * covariance + torch.diag(SHRINKAGE * spread + floor)


def taken(tensors: dict[str, Tensor]) -> dict[str, Sharpened]:
    """The readings that a saved model keeps beside its weights, by space; they are taken out of these."""
    kept = {name: tensors.pop(name) for name in list(tensors) if name.startswith(KEPT)}
    spaces = [name.removeprefix(KEPT).removesuffix(".bias") for name in kept if name.endswith(".bias")]
    return {space: Sharpened(kept[f"{KEPT}{space}.weight"], kept[f"{KEPT}{space}.bias"]) for space in spaces}
