"""Shortcut plans: which earlier layer feeds which later one (paper 3.1, Fig. 2; DESIGN 3.1)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from emotide.errors import BadInput, UnknownName

Shortcuts = tuple[tuple[int, int], ...]
Plan = str | Shortcuts  # a name, or the shortcuts themselves


def _regular(depth: int) -> Iterable[tuple[int, int]]:
    """Around the first layer, then around every two: a residual network of two-layer blocks."""
    return ((max(j - 2, 0), j) for j in range(1, depth + 1, 2))


def _dense(depth: int) -> Iterable[tuple[int, int]]:
    """Every shortcut there is."""
    return ((i, j) for j in range(1, depth + 1) for i in range(j))


PLANS: dict[str, Callable[[int], Iterable[tuple[int, int]]]] = {
    "none": lambda depth: (),
    "regular": _regular,
    "dense": _dense,
}


@dataclass(frozen=True)
class ShortcutPlan:
    """A set S of shortcuts (i, j): what leaves layer i is added to what leaves layer j, around the layers i + 1 … j.

    Layers count from 1 to depth; 0 is the projected input: 0 <= i < j <= depth. Shortcuts are kept in the order of
    (j, i), whatever the order in which they came.

    Raises:
        BadInput: a shortcut that goes backwards, skips nothing or leaves the stack, or one that comes twice.
    """

    depth: int
    shortcuts: Shortcuts

    def __post_init__(self) -> None:
        for i, j in self.shortcuts:
            if not 0 <= i < j <= self.depth:
                raise BadInput(
                    f"shortcut {i} -> {j} leads around no layer of a stack of depth {self.depth}: "
                    f"0 <= from < to <= {self.depth} is wanted"
                )
        if len(set(self.shortcuts)) != len(self.shortcuts):
            raise BadInput("a shortcut plan names the same shortcut twice")
        ordered = tuple(sorted(self.shortcuts, key=lambda shortcut: shortcut[::-1]))
        object.__setattr__(self, "shortcuts", ordered)

    @classmethod
    def named(cls, name: str, depth: int) -> "ShortcutPlan":
        """The plan of that name ('none', 'regular', 'dense') for a stack of this depth.

        Raises:
            UnknownName: no such plan.
        """
        if name not in PLANS:
            raise UnknownName("shortcut plan", name, PLANS)
        return cls(depth, tuple(PLANS[name](depth)))

    @classmethod
    def of(cls, plan: Plan, depth: int) -> "ShortcutPlan":
        """The plan that is named, or given as its shortcuts.

        Raises:
            UnknownName: no such plan.
            BadInput: a shortcut that is none in a stack of this depth.
        """
        return cls.named(plan, depth) if isinstance(plan, str) else cls(depth, plan)

    @cached_property
    def into(self) -> tuple[tuple[int, ...], ...]:
        """For every layer 0 … depth the sources of the shortcuts that arrive there, in the order of the plan."""
        found: list[list[int]] = [[] for _ in range(self.depth + 1)]
        for i, j in self.shortcuts:
            found[j].append(i)
        return tuple(map(tuple, found))

    @property
    def joined(self) -> list[int]:
        """The layers at which a shortcut arrives."""
        return [layer for layer, sources in enumerate(self.into) if sources]
