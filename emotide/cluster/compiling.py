"""A log's contacts are compiled by workers, so that no process ever holds them all as text, or looks at all pairs.

Three passes of Ray Data over the store's interactions, by far its largest table; what one leaves for the next lies in
files of a room that all see:

    ReadPieces   a range of the table's key → a file of rows, whom they name, how many there are of each kind
    Deal         such a file → contacts in numbers, each to the part of its target and to that of its source
    SeePart      all that a part was dealt → who of its users is active, and the pairs in their sight (`Sight`)

Pairs live with their targets, so that nothing of one part hangs on another; `merging` lays the parts together.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl
from jaxtyping import Int8, Int64

from emotide.cluster.merging import Merge
from emotide.cluster.ray_data import Rows, worked
from emotide.cluster.session import ray_session
from emotide.errors import EmotideError
from emotide.store import Store
from emotide.timeline import Timeline, TimelineConfig
from emotide.timeline.clock import Ticks
from emotide.timeline.compile import (
    Ground,
    Tables,
    active_columns,
    active_rows,
    between,
    common_kinds,
    contact_columns,
    kind_number,
    named,
    places_of,
)
from emotide.timeline.events import array_file
from emotide.timeline.neighbours import compile_pairs, lots_of

PIECE = 1 << 18  # interactions, about, that are read at once
PART = 1 << 19  # contacts of a part, about, where there are more than workers have parts for
READ = ["network", "source_id", "target_id", "time", "kind"]
Work = Callable[
    [type["Pass"], Sequence[object], Sequence[object]], list[str]
]  # (worker, its arguments, items) -> what it made


class Pass(ABC):
    """A worker of one pass: items become names of files or folders in the room."""

    @abstractmethod
    def made(self, item: Any) -> str:
        """The name of what an item becomes. It is new each time: a worker that was given up may still write."""

    def __call__(self, block: Rows) -> Rows:
        """The names for a block of items, and what was wrong with each ('' for nothing)."""
        made, faults = [], []
        for item in block["item"]:
            try:
                made.append(self.made(item))
                faults.append("")
            except EmotideError as error:
                made.append("")
                faults.append(str(error))
        return {"made": made, "fault": faults}


class ReadPieces(Pass):
    """A worker that reads pieces of the interactions of a store; each becomes three files under a name of its own."""

    def __init__(self, store: Store, pieces: Sequence[Any], room: Path) -> None:
        self.store, self.pieces, self.room = store, pieces, room

    def made(self, item: Any) -> str:
        """The files of a piece, given by its number."""
        rows = self.store.piece("interactions", READ, self.pieces[item])
        others = rows.filter(pl.col("source_id") != pl.col("target_id"))
        name = uuid4().hex
        rows.write_parquet(self.room / f"{name}.rows")
        named(rows).write_parquet(self.room / f"{name}.people")
        others["kind"].value_counts().write_parquet(self.room / f"{name}.kinds")
        return name


class Deal(Pass):
    """A worker that turns interactions into contacts, and gives each to the parts of both its ends.

    Args:
        room: with the files that were read, and `users`.
        parts: how many there are.
        kinds: names of the kinds, in order.
        ticks: from times to steps.
    """

    def __init__(self, room: Path, parts: int, kinds: list[str], ticks: Ticks) -> None:
        self.room, self.parts, self.ticks, self.kind = room, parts, ticks, kind_number(kinds)
        self.users = pl.read_parquet(room / "users")

    def made(self, item: Any) -> str:
        """The contacts of a piece that was read, sorted by part, and where those of each end."""
        rows = between(pl.read_parquet(self.room / f"{item}.rows"), self.users)
        contacts = rows.with_columns(self.kind, step=self.ticks.step(rows["time"]))
        contacts = contacts.select("network_row", "step", "source", "target", "kind", pl.col("time").to_physical())
        part = {end: (pl.col(end) % self.parts).alias("part") for end in ("target", "source")}
        across = contacts.filter(part["target"] != part["source"])
        twice = [contacts.with_columns(part["target"]), across.with_columns(part["source"])]
        dealt, name = pl.concat(twice).sort("part"), uuid4().hex
        np.save(self.room / f"{name}.ends.npy", np.searchsorted(dealt["part"].to_numpy(), np.arange(self.parts + 1)))
        np.save(self.room / f"{name}.contacts.npy", dealt.drop("part").to_numpy(structured=True))
        return name


@dataclass(frozen=True)
class SeePart(Pass):
    """A worker that looks at parts: everything about their users, in a folder of numbers.

    Attributes:
        room: with the contacts dealt, `users`, `posts`, `labels`, `ties` and `lots.npy`.
        dealt: the names of the files of contacts.
        parts: how many there are.
        kinds: how many kinds of interaction there are.
        config: of the timeline.
    """

    room: Path
    dealt: list[str]
    parts: int
    kinds: int
    config: TimelineConfig

    def made(self, item: Any) -> str:
        """The folder of a part, given by its number."""
        part = int(item)
        folder = self.room / uuid4().hex
        folder.mkdir()
        contacts = pl.concat([self._dealt(name, part) for name in self.dealt])
        users, posts, labels = (self._own(name, "user", part) for name in ("users", "posts", "labels"))
        active = active_rows(posts, contacts, labels, users)
        lots = np.load(self.room / "lots.npy", mmap_mode="r")
        ties = self._own("ties", "source", part)
        pairs = compile_pairs(contacts, ties, active, lots, self.kinds, self.config, folder)
        pairs["pair"].flush()
        mine = contacts.filter(of_part("target", part, self.parts)).sort("network_row", "step")
        columns = active_columns(active) | contact_columns(mine) | {"contact_time": mine["time"].to_numpy()}
        for name, column in (columns | {"met": _met(pairs, lots.shape[1])}).items():
            np.save(folder / array_file(name), column)
        seen = pl.DataFrame({"user": pairs["pair_target"], "step": pairs["pair_step"]}).join(users, on="user")
        _counted(places_of(active), contact=mine, pair=seen).write_parquet(folder / "places")
        return folder.name

    def _dealt(self, name: str, part: int) -> pl.DataFrame:
        start, end = np.load(self.room / f"{name}.ends.npy")[part : part + 2]
        return pl.DataFrame(np.load(self.room / f"{name}.contacts.npy", mmap_mode="r")[start:end])

    def _own(self, name: str, column: str, part: int) -> pl.DataFrame:
        return pl.scan_parquet(self.room / name).filter(of_part(column, part, self.parts)).collect()


def _met(pairs: Mapping[str, np.ndarray], users: int) -> Int64[np.ndarray, " pairs"]:
    """A number for each pair, in their order; so are pairs sorted by source and target, whatever part they are of."""
    first = np.flatnonzero(pairs["pair_elapsed"] < 0)
    met = np.empty(len(first), np.int64)
    met[pairs["pair"][first]] = pairs["pair_source"][first].astype(np.int64) * users + pairs["pair_target"][first]
    return met


def _counted(places: pl.DataFrame, **rows: pl.DataFrame) -> pl.DataFrame:
    """Places, sorted, with how many of some rows each holds; none lies elsewhere."""
    place = ["network_row", "step"]
    for name, some in rows.items():
        held = some.group_by(place).agg(pl.len().cast(pl.Int64).alias(name))
        places = places.join(held, on=place, how="left").with_columns(pl.col(name).fill_null(0))
    return places.sort(place)


def of_part(column: str, part: int, parts: int) -> pl.Expr:
    """Whether the users of a column are of a part: dealt in turn, so that networks and names do not matter."""
    return pl.col(column) % parts == part


def names_made(blocks: Iterable[Rows]) -> list[str]:
    """What workers made.

    Raises:
        EmotideError: what was wrong with an item, if anything was.
    """
    names = []
    for block in blocks:
        for name, fault in zip(block["made"], block["fault"], strict=True):
            if fault:
                raise EmotideError(str(fault))
            names.append(str(name))
    return names


def compile_in_parts(
    work: Work,
    store: Store,
    tables: Tables,
    config: TimelineConfig,
    room: Path,
    parts: int,
    names: Mapping[str, list[str]] | None = None,
    kinds: list[str] | None = None,
    digest: str = "",
    multi: Collection[str] = (),
    folder: Path | None = None,
) -> Timeline:
    """The timeline of a store's log, array for array that of `compile_timeline`.

    Args:
        work: gives items to workers of a class and returns what they made.
        store: whose interactions are read.
        tables: posts, ties, labels and feedback.
        config: how to cut the log; not in turns.
        room: a folder that all workers see.
        parts: how many at least; more where they would be too large.
        names, kinds, digest, multi, folder: see `compile_timeline`.

    Raises:
        BadInput: the log holds no event at all, or a space mixes categories and coordinates.
        UnknownName: a label is of a category or dimension that is not in `names`.
    """
    pieces = store.pieces("interactions", PIECE)
    read = work(ReadPieces, (store, pieces, room), range(len(pieces)))
    counts = _all(room, read, "kinds").group_by("kind").agg(pl.col("count").sum()).collect()
    times = _all(room, read, "rows").select(pl.col("time").to_physical())
    happened = (times if config.events else times.min()).collect()["time"]
    ground = Ground.of(tables, config, _all(room, read, "people").unique().collect(), happened)
    kinds = kinds if kinds is not None else common_kinds(counts, config.max_kinds)
    parts = max(parts, -(-2 * int(counts["count"].sum()) // PART))
    _lay_out(ground, room)
    dealt = work(Deal, (room, parts, kinds, ground.clock.ticks), read)
    seen = work(SeePart, (room, dealt, parts, len(kinds), config), range(parts))
    merge = Merge([room / name for name in seen], folder)
    columns = merge.columns(_split(ground, merge.places))
    return ground.timeline(columns, merge.places, kinds, names, digest, multi)


def _all(room: Path, names: Sequence[str], what: str) -> pl.LazyFrame:
    return pl.scan_parquet([room / f"{name}.{what}" for name in names])


def _lay_out(ground: Ground, room: Path) -> None:
    """All that workers need of the ground."""
    ground.users.write_parquet(room / "users")
    ground.posts.select("user", "step").write_parquet(room / "posts")
    ground.labels.select("user", "step").write_parquet(room / "labels")
    ground.ties.select("source", "target", "begin", "end").write_parquet(room / "ties")
    np.save(room / "lots.npy", lots_of(ground.users["user_id"]))


def _split(ground: Ground, places: pl.DataFrame) -> Int8[np.ndarray, " places"]:
    """The split of the contacts of each place."""
    split, held = np.zeros(len(places), np.int8), (places["contact"] > 0).to_numpy()
    split[held] = ground.contact_split(places.filter(held), places)
    return split


class ClusterCompile:
    """`compile_timeline` of a store's log on Ray workers, see `compile_in_parts`.

    Args:
        address: of a cluster; None or '' starts one here.
        workers: how many.
        room: a folder that all machines see, in which the log lies meanwhile; a temporary one by default.
    """

    def __init__(self, address: str | None = None, workers: int = 2, room: Path | None = None) -> None:
        self.address, self.workers, self.room = address, workers, room

    def __call__(
        self, store: Store, tables: Tables, config: TimelineConfig, names: Mapping[str, list[str]] | None = None,
        kinds: list[str] | None = None, digest: str = "", multi: Collection[str] = (), folder: Path | None = None,
    ) -> Timeline:  # fmt: skip
        """The timeline.

        Raises:
            BadInput: the log holds no event at all, or a space mixes categories and coordinates.
            EmotideError: a worker cannot read the store, or dies again and again.
        """
        with (
            TemporaryDirectory(prefix="emotide-log-", dir=self.room) as room,
            ray_session(self.address, self.workers) as ray,
        ):

            def work(worker: type[Pass], arguments: Sequence[object], items: Sequence[object]) -> list[str]:
                try:
                    return names_made(worked(ray, worker, arguments, items, self.workers, 1))
                except ray.exceptions.RayActorError as error:
                    raise EmotideError("the log is not compiled: a worker died again and again") from error

            return compile_in_parts(
                work, store, tables, config, Path(room), self.workers, names, kinds, digest, multi, folder
            )
