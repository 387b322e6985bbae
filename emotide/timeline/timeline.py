"""A timeline: a social log compiled to steps of flat arrays, mapped into memory (DESIGN 1, 3.4)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.errors import BadInput
from emotide.timeline.config import TimelineConfig
from emotide.timeline.events import Events, Labels
from emotide.timeline.group import Group, grouped, network_bounds

FORMAT = 4
TABLES = ("users", "networks", "posts", "clock")


@dataclass(frozen=True)
class Timeline:
    """A log compiled to steps.

    Attributes:
        config: how it was cut.
        digest: of the log it was compiled from.
        kinds: names of the kinds of interaction, by column of `pair_kinds`.
        spaces: space -> names of its categories or dimensions, in the order of the columns of its labels.
        dimensional: the spaces whose labels are coordinates.
        users: user_id, network (name), network_row; one row a user of a network.
        networks: network, first_step, steps, time (of the first step, null for turns).
        posts: post_id, time, in the order of `Events.post`.
        events, labels: the arrays.
    """

    config: TimelineConfig
    digest: str
    kinds: list[str]
    spaces: dict[str, list[str]]
    dimensional: list[str]
    users: pl.DataFrame
    networks: pl.DataFrame
    posts: pl.DataFrame
    clock: pl.DataFrame  # network_row, step, time: when each step that holds something begins
    events: Events
    labels: dict[str, Labels]

    def group(self, networks: Sequence[int] | None = None) -> Group:
        """These networks (rows of the table of networks; all of them by default) side by side."""
        chosen = range(len(self.networks)) if networks is None else sorted({int(network) for network in networks})
        return grouped(self.events, self.labels, self._bounds, np.asarray(chosen, np.int64))

    @cached_property
    def _bounds(self) -> dict[str, np.ndarray]:
        """The first row of each network, and the end, in the table of users and in each array of events and labels."""
        of_user = self.users["network_row"].to_numpy()
        return network_bounds(self.events, self.labels, of_user, len(self.networks))

    def batches(self, networks: Sequence[int], events: int) -> Iterator[list[int]]:
        """The networks in their order, cut into batches of about this many active rows each."""
        sizes = self.networks["active"].to_numpy()
        batch: list[int] = []
        held = 0
        for network in networks:
            if batch and held + sizes[network] > events:
                yield batch
                batch, held = [], 0
            batch.append(int(network))
            held += sizes[network]
        if batch:
            yield batch

    def networks_with(self, split: int, space: str) -> list[int]:
        """The networks that hold a label of this split."""
        known = self.labels[space]
        users = np.unique(known.user[known.split == split])
        return sorted(set(self.users["network_row"].to_numpy()[users].tolist()))

    def save(self, folder: Path) -> None:
        """Write everything below `folder`: tables as Parquet, arrays as .npy, the rest as timeline.json."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self, name).write_parquet(folder / f"{name}.parquet")
        for name, array in _arrays(self).items():
            file = folder / f"{name}.npy"
            if isinstance(array, np.memmap) and file.exists() and file.samefile(str(array.filename)):
                array.flush()  # it was compiled into this folder
            else:
                np.save(file, array, allow_pickle=False)
        head = {
            "format": FORMAT,
            "config": self.config.model_dump(),
            "digest": self.digest,
            "kinds": self.kinds,
            "spaces": self.spaces,
            "dimensional": self.dimensional,
        }
        # last, so that an interrupted write leaves no timeline that can be opened
        (folder / "timeline.json").write_text(json.dumps(head, indent=1))

    @classmethod
    def load(cls, folder: Path) -> "Timeline":
        """A saved timeline, its arrays mapped and not read.

        Raises:
            BadInput: there is none, it is damaged, or it has another format.
        """
        try:
            head = json.loads((folder / "timeline.json").read_text())
        except (OSError, ValueError) as error:
            raise BadInput(f"no timeline here: {error}", folder) from error
        if not isinstance(head, dict) or head.pop("format", None) != FORMAT:
            raise BadInput("this timeline was compiled by another version of Emotide; compile it again", folder)

        try:
            return cls._of(head, folder)
        except (OSError, EOFError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
            raise BadInput(f"this timeline is damaged ({error}); compile it again", folder) from error

    @classmethod
    def _of(cls, head: dict[str, Any], folder: Path) -> "Timeline":
        def read(name: str) -> np.ndarray:
            array: np.ndarray = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            return array

        events = Events(
            step={name: read(f"step.{name}") for name in ("active", "post", "pair", "contact")},
            **{name: read(name) for name in Events.__annotations__ if name != "step"},
        )
        labels = {
            space: Labels(**{name: read(f"labels.{k}.{name}") for name in Labels.__annotations__})
            for k, space in enumerate(head["spaces"])
        }
        tables: dict[str, Any] = {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}
        config = TimelineConfig(**head.pop("config"))
        return cls(config=config, events=events, labels=labels, **head, **tables)


def _arrays(timeline: Timeline) -> dict[str, np.ndarray]:
    events = {name: getattr(timeline.events, name) for name in Events.__annotations__ if name != "step"}
    steps = {f"step.{name}": step for name, step in timeline.events.step.items()}
    labels = {
        f"labels.{k}.{name}": getattr(timeline.labels[space], name)
        for k, space in enumerate(timeline.spaces)
        for name in Labels.__annotations__
    }
    return events | steps | labels
