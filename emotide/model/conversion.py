"""Readings made elsewhere, from one space to another, through the places of both in affect space (DESIGN 3.5).

    p(t) = Σ_c p(c) p(t | c)            the posterior to be expected
    p(t | c) ∝ exp(−‖place of t − place of c‖² / 2 s²)

A category that both spaces have keeps its probability whole. Ratings of one term differ from person to person by about
s = 0.3 on each axis (the standard deviations in Russell & Mehrabian 1977). Coordinates come from the mean place
Σ_c p(c) place(c), and go as if that place were a category.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from emotide.model.spaces import EmotionSpace

SPREAD = 0.3**2  # s²


def converted(
    reading: Float[Tensor, "rows names"], source: EmotionSpace, target: EmotionSpace
) -> Float[Tensor, "rows others"]:
    """Readings of `source` as readings of `target`; no model is asked.

    Args:
        reading: probabilities of the categories (of a multi-label space: each alone; they are taken for shares), or
            coordinates along the dimensions in their own range, NaN where not known: the middle.
        source, target: the spaces.

    Returns:
        Probabilities that sum to 1, or coordinates in the target's own ranges.
    """
    if source.dimensional:
        place = _place(reading, source)
        return _along(place, target) if target.dimensional else _near(place, target)
    shares = reading / reading.sum(1, keepdim=True).clamp(min=1e-9)
    if target.dimensional:
        return _along(shares @ source.pad.to(reading), target)
    return shares @ _transition(source, target).to(reading)


def _transition(source: EmotionSpace, target: EmotionSpace) -> Float[Tensor, "names others"]:
    """p(t | c), a row for each category of the source."""
    known = torch.tensor([[name == other for other in target.names] for name in source.names]).float()
    found: Tensor = torch.where(known.any(1, keepdim=True), known, _near(source.pad, target))
    return found


def _near(place: Float[Tensor, "rows 3"], target: EmotionSpace) -> Float[Tensor, "rows others"]:
    distance = (place[:, None] - target.pad.to(place)).square().sum(2)
    return torch.softmax(-distance / (2 * SPREAD), 1)


def _place(reading: Float[Tensor, "rows names"], space: EmotionSpace) -> Float[Tensor, "rows 3"]:
    """The place of coordinates: the least move from the origin that has them; where axes are given, they themselves."""
    low, high = space.ends(reading)
    signed = (2 * (reading - low) / (high - low) - 1).nan_to_num(0.0)
    place: Tensor = signed @ torch.linalg.pinv(space.pad.to(reading)).T
    return place.clamp(-1, 1)


def _along(place: Float[Tensor, "rows 3"], target: EmotionSpace) -> Float[Tensor, "rows others"]:
    """Coordinates of places: how far along the direction of each dimension, whose high end is its own place."""
    ends = target.pad.to(place)
    own = (place @ ends.T / ends.square().sum(1).clamp(min=1e-9)).clamp(-1, 1)
    low, high = target.ends(place)
    return low + (high - low) * (own + 1) / 2
