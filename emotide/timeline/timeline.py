"""A timeline: a social log compiled to steps of flat arrays, mapped into memory (DESIGN 1, 3.4)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Bool, Float32, Int, Int8, Int32, UInt8

from emotide.errors import BadInput
from emotide.timeline.config import TimelineConfig

FORMAT = 4
TABLES = ("users", "networks", "posts", "clock")


@dataclass(frozen=True)
class Events:
    """What happens in one step or several, one row an event; users and pairs are rows of tables beside it.

    Sorted by network, step and user (posts: owner; pairs: target), or by step alone within a `Group`.
    """

    step: dict[str, np.ndarray]  # int32 step of each row of: active, post, pair, contact
    active_user: Int32[np.ndarray, " active"]  # whom something touched
    active_elapsed: Float32[np.ndarray, " active"]  # steps since then last, -1 for never
    active_counts: Float32[np.ndarray, "active 3"]  # posts written, contacts made, contacts received in the step
    post_user: Int32[np.ndarray, " posts"]  # owner
    post: Int32[np.ndarray, " posts"]  # row of the table of posts
    contact_source: Int32[np.ndarray, " contacts"]  # who turned to somebody
    contact_target: Int32[np.ndarray, " contacts"]  # to whom; in the order of time within a step
    contact_split: Int8[np.ndarray, " contacts"]  # 0 train, 1 dev, 2 test
    pair: Int32[np.ndarray, " pairs"]  # row of the table of pairs
    pair_source: Int32[np.ndarray, " pairs"]  # user
    pair_target: Int32[np.ndarray, " pairs"]  # user
    pair_elapsed: Float32[np.ndarray, " pairs"]  # steps since the pair was last active, -1 for never
    pair_known: Bool[np.ndarray, " pairs"]  # neighbours already by what came before this step
    pair_chance: Float32[np.ndarray, "pairs 2"]  # that the neighbour was drawn: with the step seen, from before it
    pair_kinds: UInt8[np.ndarray, "pairs kinds"]  # contacts by kind, from source to target, then back


@dataclass(frozen=True)
class Labels:
    """What was reported in one emotion space; one row per user and step, sorted by network, step and user."""

    step: Int32[np.ndarray, " labels"]
    user: Int32[np.ndarray, " labels"]
    target: Float32[np.ndarray, "labels names"]  # shares of categories, or coordinates (NaN where not given)
    latest: Int32[np.ndarray, " labels"]  # category reported last among the most frequent, -1 for coordinates
    weight: Float32[np.ndarray, " labels"]
    split: Int8[np.ndarray, " labels"]  # 0 train, 1 dev, 2 test


@dataclass(frozen=True)
class Group:
    """Some networks side by side, their users and pairs numbered from 0, their events sorted by step."""

    users: Int32[np.ndarray, " users"]  # row in the timeline's table of users
    network: Int[np.ndarray, " users"]  # which network of the group each user is of, from 0
    networks: int
    pairs: int
    first_step: int
    steps: int
    events: Events
    labels: dict[str, Labels]
    label_row: dict[str, Int[np.ndarray, " labels"]]  # space -> row of the timeline's labels
    bounds: dict[str, np.ndarray]  # first row of each step, and the end: active, post, pair, contact, and each space


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
        network_of_user = self.users["network_row"].to_numpy()
        chosen = np.ones(len(self.networks), bool)
        if networks is not None:
            chosen = np.zeros(len(self.networks), bool)
            chosen[np.asarray(networks, int)] = True
        users = np.flatnonzero(chosen[network_of_user]).astype(np.int32)
        local_user = np.full(len(network_of_user), -1, np.int32)
        local_user[users] = np.arange(len(users), dtype=np.int32)

        def rows(owner: np.ndarray, step: np.ndarray) -> np.ndarray:
            kept = np.flatnonzero(local_user[owner] >= 0) if networks is not None else np.arange(len(owner))
            return kept[np.argsort(step[kept], kind="stable")]

        e = self.events
        active, post, pair, contact = (
            rows(owner, e.step[name])
            for name, owner in (
                ("active", e.active_user),
                ("post", e.post_user),
                ("pair", e.pair_target),
                ("contact", e.contact_target),
            )
        )
        pairs, local_pair = np.unique(e.pair[pair], return_inverse=True)
        events = Events(
            step={
                name: e.step[name][rows]
                for name, rows in (("active", active), ("post", post), ("pair", pair), ("contact", contact))
            },
            active_user=local_user[e.active_user[active]],
            active_elapsed=e.active_elapsed[active],
            active_counts=e.active_counts[active],
            post_user=local_user[e.post_user[post]],
            post=e.post[post],
            contact_source=local_user[e.contact_source[contact]],
            contact_target=local_user[e.contact_target[contact]],
            contact_split=e.contact_split[contact],
            pair=local_pair.astype(np.int32),
            pair_source=local_user[e.pair_source[pair]],
            pair_target=local_user[e.pair_target[pair]],
            pair_elapsed=e.pair_elapsed[pair],
            pair_known=e.pair_known[pair],
            pair_chance=e.pair_chance[pair],
            pair_kinds=e.pair_kinds[pair],
        )
        labels, label_row = {}, {}
        for space, known in self.labels.items():
            kept = label_row[space] = rows(known.user, known.step)
            labels[space] = Labels(
                known.step[kept], local_user[known.user[kept]], known.target[kept], known.latest[kept],
                known.weight[kept], known.split[kept],
            )  # fmt: skip
        first = int(events.step["active"].min(initial=np.iinfo(np.int32).max)) if len(active) else 0
        end = int(events.step["active"].max(initial=-1)) + 1
        ticks = np.arange(first, end + 1)
        bounds = {name: np.searchsorted(step, ticks) for name, step in events.step.items()}
        bounds |= {space: np.searchsorted(known.step, ticks) for space, known in labels.items()}
        kept, network = np.unique(network_of_user[users], return_inverse=True)
        return Group(users, network, len(kept), len(pairs), first, end - first, events, labels, label_row, bounds)

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
