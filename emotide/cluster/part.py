"""A part of a network: the users whose states it holds, the pairs that point at them, and what it reads of others."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32

from emotide.errors import BadInput
from emotide.timeline import Group, Guests, Timeline

FORMAT = 1
GUESTS = ("pair_source", "pair_target", "pair_begun", "ends")
LINES = ("give_user", "give_pair", "take_user", "take_pair")


@dataclass(frozen=True)
class Part:
    """One part, with a timeline like any other: local numbers, all networks in one, guests behind those who are here.

    Attributes:
        number, parts: which it is, of how many.
        timeline: of the part.
        inner: users below this need nobody's state but of this part, in any step.
        guests: of the part.
        network: of each user, from 0.
        first_step, steps: of the whole, the same in all parts.
        lines: what is exchanged before a step: give_user, give_pair, take_user, take_pair; each [3, rows]: step, the
            other part, row of the state table here. Sorted by step and part; both sides have a line's rows in the same
            order. Those of the step after the last are for every step beyond.
        user: [users] row of each user in the whole timeline.
        label_row: space -> row of each label in the whole timeline.
        vectors: of the posts of the part.
    """

    number: int
    parts: int
    timeline: Timeline
    inner: int
    guests: Guests
    network: Int32[np.ndarray, " users"]
    first_step: int
    steps: int
    lines: dict[str, Int32[np.ndarray, "3 _"]]
    user: Int32[np.ndarray, " users"]
    label_row: dict[str, Int32[np.ndarray, " labels"]]
    vectors: Float32[np.ndarray, "posts width"]

    def group(self) -> Group:
        """All steps of the part."""
        e, labels = self.timeline.events, self.timeline.labels
        ticks = np.arange(self.first_step, self.first_step + self.steps + 1)
        bounds = {name: np.searchsorted(step, ticks) for name, step in e.step.items()}
        bounds |= {space: np.searchsorted(held.step, ticks) for space, held in labels.items()}
        pairs = self.guests.pairs + len(self.guests.pair_source)
        users = np.arange(len(self.user), dtype=np.int32)
        return Group(
            users, self.network, len(self.guests.ends), pairs, self.first_step, self.steps, e, labels, self.label_row,
            bounds, self.guests,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write the part: its timeline, and arrays beside it."""
        self.timeline.save(folder / "timeline")
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        facts = {name: getattr(self, name) for name in ("number", "parts", "inner", "first_step", "steps")}
        facts |= {"users": self.guests.users, "pairs": self.guests.pairs}
        (folder / "part.json").write_text(json.dumps({"format": FORMAT, **facts}))

    @classmethod
    def load(cls, folder: Path) -> "Part":
        """What `save` wrote, its arrays mapped and not read.

        Raises:
            BadInput: there is none, or it is damaged.
        """
        try:
            head = json.loads((folder / "part.json").read_text())
            if head.pop("format", None) != FORMAT:
                raise BadInput("this part was cut by another version of Emotide; cut it again", folder)
            timeline = Timeline.load(folder / "timeline")

            def read(name: str) -> np.ndarray:
                array: np.ndarray = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                return array

            guests = Guests(head.pop("users"), head.pop("pairs"), *(read(f"guests.{name}") for name in GUESTS))
            return cls(
                timeline=timeline,
                guests=guests,
                network=read("network"),
                lines={name: read(f"lines.{name}") for name in LINES},
                user=read("user"),
                label_row={space: read(f"label_row.{k}") for k, space in enumerate(timeline.spaces)},
                vectors=read("vectors"),
                **head,
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"no whole part of a network here ({error}); cut it again", folder) from error

    def _arrays(self) -> dict[str, np.ndarray]:
        guests = {f"guests.{name}": getattr(self.guests, name) for name in GUESTS}
        lines = {f"lines.{name}": rows for name, rows in self.lines.items()}
        rows = {f"label_row.{k}": self.label_row[space] for k, space in enumerate(self.timeline.spaces)}
        return guests | lines | rows | {"network": self.network, "user": self.user, "vectors": self.vectors}
