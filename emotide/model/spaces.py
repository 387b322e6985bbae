"""Emotion spaces: named sets of categories or dimensions, each a point of affect space (DESIGN 3.5)."""

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float
from pydantic import BaseModel, Field, model_validator
from torch import Tensor, nn

from emotide.errors import UnknownName
from emotide.log.settings import read_settings

Coordinates = tuple[float, float, float]
AXES = ("pleasure", "arousal", "dominance")


class Category(BaseModel, frozen=True, extra="forbid"):
    """A category and its published place."""

    pad: Coordinates = Field(description="pleasure, arousal, dominance, each -1 to 1")


class Dimension(BaseModel, frozen=True, extra="forbid"):
    """A dimension, the place of its high end, and its range."""

    pad: Coordinates = Field(description="pleasure, arousal, dominance of the high end, each -1 to 1")
    low: float = -1.0
    high: float = 1.0


class EmotionSpace(BaseModel, frozen=True, extra="forbid"):
    """A named set of categories, or of dimensions."""

    name: str
    categories: dict[str, Category] = {}
    dimensions: dict[str, Dimension] = {}
    multi: bool = Field(False, description="whether several categories may hold at once: each has a probability alone")

    @model_validator(mode="after")
    def _one_kind(self) -> "EmotionSpace":
        if bool(self.categories) == bool(self.dimensions):
            raise ValueError("a space has either categories or dimensions")
        if self.multi and self.dimensions:
            raise ValueError("multi is for categories: dimensions are all read at once anyway")
        if any(end.low >= end.high for end in self.dimensions.values()):
            raise ValueError("the low end of a dimension lies below its high end")
        return self

    @property
    def dimensional(self) -> bool:
        """Whether a reading is coordinates, not probabilities."""
        return bool(self.dimensions)

    @property
    def names(self) -> list[str]:
        """The categories or dimensions, in order."""
        return list(self.categories or self.dimensions)

    @property
    def pad(self) -> Float[Tensor, "names 3"]:
        """Pleasure, arousal and dominance of each name."""
        return torch.tensor([entry.pad for entry in (self.categories or self.dimensions).values()])

    def ends(self, like: Tensor) -> tuple[Float[Tensor, " names"], Float[Tensor, " names"]]:
        """The low and the high end of each dimension, of the type and on the device of `like`."""
        ends = list(self.dimensions.values())
        return like.new_tensor([end.low for end in ends]), like.new_tensor([end.high for end in ends])

    def shares(self, target: Float[Tensor, "rows names"]) -> Float[Tensor, "rows names"]:
        """Labels as shares of the categories, which sum to 1: with `multi` several categories may hold whole."""
        return target / target.sum(1, keepdim=True).clamp(min=1e-6) if self.multi else target

    def toml(self) -> str:
        """The space as the text of a file (`read_space`)."""
        kind = "dimensions" if self.dimensional else "categories"
        lines = [f"name = {json.dumps(self.name)}", f"multi = {json.dumps(self.multi)}"]
        for name, entry in (self.dimensions or self.categories).items():
            lines += ["", f"[{kind}.{json.dumps(name)}]"]
            lines += [f"{key} = {json.dumps(value)}" for key, value in entry.model_dump(mode="json").items()]
        return "\n".join(lines) + "\n"

    def ordered(self, names: Iterable[str]) -> "EmotionSpace":
        """The same space with just these names, in this order.

        Raises:
            UnknownName: the space has no such category or dimension.
        """
        mine, names = self.dimensions if self.dimensional else self.categories, list(names)
        for name in names:
            if name not in mine:
                raise UnknownName(f"category of space {self.name!r}", name, mine)
        kind = "dimensions" if self.dimensional else "categories"
        chosen = {name: mine[name] for name in names}
        return EmotionSpace.model_validate({"name": self.name, kind: chosen, "multi": self.multi})


def read_space(file: Path) -> EmotionSpace:
    """A space from a TOML file: `name`, and `[categories.NAME] pad = [p, a, d]` or `[dimensions.NAME]`.

    Raises:
        BadInput: the file cannot be read or is not a space.
    """
    return read_settings(file, EmotionSpace)


@cache
def built_in() -> Mapping[str, EmotionSpace]:
    """The spaces that come with Emotide, by name."""
    folder = files("emotide.model") / "spaces_files"
    found = [tomllib.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".toml")]
    spaces = [EmotionSpace.model_validate(space) for space in found]
    return {space.name: space for space in sorted(spaces, key=lambda space: space.name)}


def space_named(name: str, known: Mapping[str, EmotionSpace]) -> EmotionSpace:
    """The space of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in known:
        raise UnknownName("space", name, known)
    return known[name]


class LabelEncoder(nn.Module):
    """Every category of every space as a point of affect space, through one small shared encoder (DESIGN 3.5).

        point(c) = [pleasure, arousal, dominance, W · (vector of c's name − centre) / length]

    The centre is one for all spaces, so that an emotion has one point, whichever space it is read in. W starts with the
    directions in which the names that are known differ most (`start`), so that names alike are points alike.
    """

    centre: Tensor

    def __init__(self, name_width: int, affect: int) -> None:
        super().__init__()
        self.W = nn.Linear(name_width, affect - len(AXES), bias=False)
        # so that the point of a name of length 1 has about length 1 too
        nn.init.orthogonal_(self.W.weight, gain=math.sqrt(name_width / (affect - len(AXES))))
        self.sharpness = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("centre", torch.zeros(name_width))

    @torch.no_grad()
    def start(self, names: Float[Tensor, "names width"]) -> None:
        """Take the centre and the first directions of W from the vectors of all names that are known."""
        if not len(names):
            return
        self.centre.copy_(names.mean(0))
        axes = torch.linalg.svd(self.seen(names), full_matrices=False).Vh[: len(self.W.weight)]
        free = self.W.weight[len(axes) :]  # fewer names than directions: at random, across those of the names
        directions = torch.cat([axes, nn.functional.normalize(free - free @ axes.T @ axes, dim=1, eps=1e-3)])
        length = (self.seen(names) @ directions.T).norm(dim=1).mean()
        self.W.weight.copy_(directions / length.clamp(min=1e-6))  # points of names have about length 1

    def seen(self, names: Float[Tensor, "names width"]) -> Float[Tensor, "names width"]:
        """Names as directions from the centre."""
        return nn.functional.normalize(names - self.centre, dim=1)

    def points(
        self, pad: Float[Tensor, "names 3"], names: Float[Tensor, "names width"]
    ) -> Float[Tensor, "names affect"]:
        """The points of these categories; `names` are the text vectors of their names."""
        return torch.cat([pad, self.W(self.seen(names))], 1)

    def logits(
        self, Y: Float[Tensor, "rows affect"], points: Float[Tensor, "names affect"]
    ) -> Float[Tensor, "rows names"]:
        """How similar an affect vector is to each point: near in PAD, alike in the rest."""
        n = len(AXES)
        distance = (Y[:, None, :n] - points[None, :, :n]).square().sum(2)
        return Y[:, n:] @ points[:, n:].T - nn.functional.softplus(self.sharpness) * distance
