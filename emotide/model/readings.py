"""Readings: an affect vector read in any emotion space (paper 3.3, f_Y; DESIGN 3.5)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.model.spaces import AXES, EmotionSpace, LabelEncoder, space_named


class Readings(nn.Module):
    """From affect vectors to readings in any space, and from labels back to points of affect space.

    Args:
        affect: width of the affect vector.
        name_width: width of the vectors of names.
        trained: the spaces that have labels in training; they also learn how frequent each of their names is.
    """

    def __init__(self, affect: int, name_width: int, trained: Mapping[str, EmotionSpace]) -> None:
        super().__init__()
        self.encoder = LabelEncoder(name_width, affect)
        self.spaces: dict[str, EmotionSpace] = {}
        self.trained = list(trained)
        self.bias = nn.ParameterList(torch.zeros(len(space.names)) for space in trained.values())
        self._names: dict[str, Tensor] = {}

    def add(self, space: EmotionSpace, names: Float[Tensor, "names width"]) -> None:
        """Make a space readable at once, with no retraining; `names` are the text vectors of its names."""
        self.spaces[space.name] = space
        self._names[space.name] = names

    def points(self, space: str) -> Float[Tensor, "names affect"]:
        """The points of a space's categories or dimensions.

        Raises:
            UnknownName: no such space was added.
        """
        known = space_named(space, self.spaces)
        weight = self.encoder.W.weight
        return self.encoder.points(known.pad.to(weight), self._names[space].to(weight))

    def scores(self, space: str, Y: Float[Tensor, "rows affect"]) -> Float[Tensor, "rows names"]:
        """Logits of a space's categories, or coordinates along its dimensions in their own range."""
        known = space_named(space, self.spaces)
        points = self.points(space)
        bias = self.bias[self.trained.index(space)] if space in self.trained else Y.new_zeros(len(points))
        if not known.dimensional:
            return self.encoder.logits(Y, points) + bias
        low, high = (
            Y.new_tensor([getattr(known.dimensions[name], end) for name in known.names]) for end in ("low", "high")
        )
        along = (Y @ points.T + bias).tanh()
        axes = [AXES.index(name) if name in AXES else -1 for name in known.names]
        own = torch.stack([Y[:, axis] if axis >= 0 else along[:, k] for k, axis in enumerate(axes)], 1)
        return low + (high - low) * (own + 1) / 2

    def read(self, space: str, Y: Float[Tensor, "rows affect"]) -> Float[Tensor, "rows names"]:
        """Probabilities of a space's categories, or coordinates, which end where their dimension does."""
        scores, known = self.scores(space, Y), space_named(space, self.spaces)
        if not known.dimensional:
            return scores.softmax(1)
        ends = [known.dimensions[name] for name in known.names]
        low, high = (scores.new_tensor([getattr(end, which) for end in ends]) for which in ("low", "high"))
        return scores.clamp(low, high)

    def reported(self, space: str, target: Float[Tensor, "rows names"]) -> Float[Tensor, "rows affect"]:
        """Labels as points: the mean of the categories' points by their shares, or of the dimensions' by coordinate."""
        known, points = self.spaces[space], self.points(space)
        if not known.dimensional:
            return target @ points
        ends = [known.dimensions[name] for name in known.names]
        low, high = (target.new_tensor([getattr(end, which) for end in ends]) for which in ("low", "high"))
        signed = (2 * (target - low) / (high - low) - 1).nan_to_num(0.0)
        reached = signed @ points
        if not any(name in AXES for name in known.names):
            reached = reached / len(known.names)
        return reached
