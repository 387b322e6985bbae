"""Shortcut plans: which earlier layer feeds which later one (paper 3.1, Fig. 2; DESIGN 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from emotide.errors import BadInput, UnknownName


def _regular(depth: int) -> Iterable[tuple[int, int]]:
    """Every second layer, as a residual network of two-layer blocks."""
    return ((j - 2, j) for j in range(2, depth + 1, 2))


def _dense(depth: int) -> Iterable[tuple[int, int]]:
    """Every pair that is not already joined by the stack itself."""
    return ((i, j) for j in range(2, depth + 1) for i in range(j - 1))


PLANS = {"none": lambda depth: (), "regular": _regular, "dense": _dense}


@dataclass(frozen=True)
class ShortcutPlan:
    """A set S of shortcuts (i, j): the output of layer i is added to the input of what follows layer j - 1.

    Layers count from 1 to depth; 0 is the projected input, depth + 1 the output layer. A shortcut must skip at least
    one layer: 0 <= i < j - 1 <= depth.

    Raises:
        BadInput: a shortcut that goes backwards, skips nothing or leaves the stack.
    """

    depth: int
    shortcuts: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for i, j in self.shortcuts:
            if not 0 <= i < j - 1 <= self.depth:
                raise BadInput(f"shortcut {i} -> {j} does not skip a layer of a stack of depth {self.depth}")
        if len(set(self.shortcuts)) != len(self.shortcuts):
            raise BadInput("a shortcut plan names the same shortcut twice")

    @classmethod
    def named(cls, name: str, depth: int) -> "ShortcutPlan":
        """The plan of that name ('none', 'regular', 'dense') for a stack of this depth.

        Raises:
            UnknownName: no such plan.
        """
        if name not in PLANS:
            raise UnknownName("shortcut plan", name, PLANS)
        # the output layer counts as one more, so that a shortcut can reach it
        return cls(depth, tuple(PLANS[name](depth + 1)))

    def into(self, layer: int) -> list[tuple[int, int]]:
        """(position in the plan, source layer) of every shortcut that feeds `layer`."""
        return [(k, i) for k, (i, j) in enumerate(self.shortcuts) if j == layer]
