"""Readings: an affect vector read in any emotion space (paper 3.3, f_Y; DESIGN 3.5)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from emotide.model.conversion import converted
from emotide.model.sharpen import KEPT, Sharpened
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
        self.taught = {name: space.names for name, space in trained.items()}  # names that were there in training
        self.bias = nn.ParameterList(torch.zeros(len(space.names)) for space in trained.values())
        self.sharpened: dict[str, Sharpened] = {}
        self._names: dict[str, Tensor] = {}

    @property
    def trained(self) -> list[str]:
        """The spaces that had labels in training."""
        return list(self.taught)

    def add(self, space: EmotionSpace, names: Float[Tensor, "names width"]) -> None:
        """Make a space readable at once, with no retraining; `names` are the text vectors of its names.

        A trained space may come again with more emotions, or fewer: the others keep their scores.
        """
        if space.name in self.spaces and self.spaces[space.name] != space:
            self.sharpened.pop(space.name, None)  # it was about other names
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

    def vocabulary(self) -> tuple[Float[Tensor, "names 3"], Float[Tensor, "names width"]]:
        """The places and the vectors of all categories of all spaces, each name once."""
        weight, known = self.encoder.W.weight, {}
        for space in self.spaces.values():
            for k, name in enumerate(space.categories):
                known[name] = space.categories[name].pad, self._names[space.name][k]
        pads, names = zip(*known.values(), strict=True) if known else ((), ())
        pad = torch.tensor(pads).reshape(len(pads), len(AXES))
        return pad.to(weight), torch.stack(names).to(weight) if names else weight.new_zeros(0, weight.shape[1])

    def scores(self, space: str, Y: Float[Tensor, "rows affect"]) -> Float[Tensor, "rows names"]:
        """Logits of a space's categories, or coordinates along its dimensions in their own range.

        An untrained space with no more categories than a trained one is read through that, as `conversion` has it: so
        it knows how frequent they are. Others are read by likeness and nearness to their points.

        Raises:
            UnknownName: no such space was added.
        """
        known = space_named(space, self.spaces)
        if space in self.sharpened:
            return self.sharpened[space].scores(Y)
        through = self._through(known)
        if through is not None:
            return converted(self.read(through, Y), self.spaces[through], known).clamp(min=1e-9).log()
        points, bias = self.points(space), self._bias(known).to(Y)
        if not known.dimensional:
            return self.encoder.logits(Y, points) + bias
        low, high = known.ends(Y)
        along = (Y @ points.T + bias).tanh()
        place, axis = known.pad.to(Y), torch.eye(len(AXES)).to(Y)
        on_axis = (place[:, None] == axis).all(2).any(1)  # such a dimension is read off Y, whatever its name
        own = torch.where(on_axis, Y[:, : len(AXES)] @ place.T, along)
        return low + (high - low) * (own + 1) / 2

    def read(self, space: str, Y: Float[Tensor, "rows affect"]) -> Float[Tensor, "rows names"]:
        """Probabilities of a space's categories, or coordinates, which end where their dimension does.

        Probabilities sum to 1, but where a trained space has `multi`: there each category has one of its own.

        Raises:
            UnknownName: no such space was added.
        """
        scores, known = self.scores(space, Y), space_named(space, self.spaces)
        if known.dimensional:
            return scores.clamp(*known.ends(Y))
        alone = known.multi and space in self.taught and space not in self.sharpened
        return scores.sigmoid() if alone else scores.softmax(1)

    def reported(self, space: str, target: Float[Tensor, "rows names"]) -> Float[Tensor, "rows affect"]:
        """Labels as points: the mean of the categories' points by their shares, or of the dimensions' by coordinate.

        Raises:
            UnknownName: no such space was added.
        """
        points, known = self.points(space), self.spaces[space]
        if not known.dimensional:
            return known.shares(target) @ points
        low, high = known.ends(target)
        signed = (2 * (target - low) / (high - low) - 1).nan_to_num(0.0)
        reached = signed @ points
        if not any((row == 1).any() for row in known.pad):
            reached = reached / len(known.names)
        return reached

    def sharpened_tensors(self) -> dict[str, Tensor]:
        """What a few labels taught, as tensors to be kept beside the weights (`sharpen.taken`)."""
        found = self.sharpened.items()
        return {
            f"{KEPT}{space}.{part}": getattr(one, part).cpu().contiguous()
            for space, one in found
            for part in one._fields
        }

    def _through(self, space: EmotionSpace) -> str | None:
        """The trained space through which this one is read: the finest that is no coarser, if there is one."""
        if space.name in self.taught or space.dimensional:
            return None
        finer = {name: len(self.spaces[name].names) for name in self.taught if self.spaces[name].categories}
        best = max(finer, key=lambda name: finer[name], default=None)
        return best if best is not None and finer[best] >= len(space.names) else None

    def _bias(self, space: EmotionSpace) -> Float[Tensor, " names"]:
        """How frequent each name is: as learned; a name that came later is as frequent as the others are on average."""
        if space.name not in self.taught:
            return torch.zeros(len(space.names))
        taught = self.taught[space.name]
        learned: Tensor = self.bias[self.trained.index(space.name)]
        if space.names == taught:
            return learned
        place = torch.tensor([taught.index(name) if name in taught else len(taught) for name in space.names])
        return torch.cat([learned, learned.mean().reshape(1)]).index_select(0, place.to(learned.device))
