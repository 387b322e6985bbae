"""A log is compiled to a timeline: once, in bulk (DESIGN 1, 3.4, 4)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.errors import BadInput
from emotide.timeline.clock import Clock, Ticks
from emotide.timeline.config import TimelineConfig
from emotide.timeline.events import Events
from emotide.timeline.labels import compile_labels
from emotide.timeline.neighbours import compile_pairs, lots_of
from emotide.timeline.splits import SPLITS, contact_split, split_of
from emotide.timeline.timeline import Timeline

Tables = Mapping[str, pl.DataFrame]
PLACE = ["network", "user_id"]
OTHER = "other"


def compile_timeline(
    tables: Tables,
    config: TimelineConfig,
    names: Mapping[str, list[str]] | None = None,
    kinds: list[str] | None = None,
    digest: str = "",
    multi: Collection[str] = (),
    folder: Path | None = None,
) -> Timeline:
    """The timeline of a log.

    Args:
        tables: posts, interactions, ties, labels and feedback with the columns of DESIGN 4; times as
            Datetime("us", "UTC"). Of the feedback only the users are taken, so that each has a state.
        config: how to cut it.
        names: of the categories or dimensions of spaces, in the order wanted; others are taken from the labels.
        kinds: of interaction, in the order wanted; from the log by default.
        digest: of the log, kept with the timeline.
        multi: the spaces in which several categories may hold at once.
        folder: where the largest arrays are written piece by piece, and the timeline may be saved; None: in memory.

    Raises:
        BadInput: the log holds no event at all, or a space mixes categories and coordinates.
        UnknownName: a label is of a category or dimension that is not in `names`.
    """
    ground = Ground.of(tables, config, named(tables["interactions"]), tables["interactions"]["time"].to_physical())
    contacts, kinds = _contacts(tables["interactions"], ground, kinds)
    del tables  # they may be most of the memory, and the caller's only ones
    active = active_rows(ground.posts, contacts, ground.labels, ground.users)
    lots = lots_of(ground.users["user_id"])
    pairs = compile_pairs(contacts, ground.ties, active, lots, len(kinds), config, folder)
    contacts, places = contacts.sort("network_row", "step", maintain_order=True), places_of(active)
    columns = active_columns(active) | contact_columns(contacts) | pairs
    columns["contact_split"] = ground.contact_split(contacts, places)
    return ground.timeline(columns, places, kinds, names, digest, multi)


@dataclass(frozen=True)
class Ground:
    """All of a log but its contacts, in numbers: people, posts, labels and ties, on one clock.

    Attributes:
        config: how the log is cut.
        users: user (number), user_id, network, network_row; everybody whom the log names, sorted by network and name.
        clock: from times to steps.
        posts: network, network_row, post_id, user, time, step, split; sorted by network, step, user, time and name.
        labels: network_row, user, time, step and what was said, with `split` as the log has it and `split_code`.
        ties: source (who looks), target (whom), begin, end.
    """

    config: TimelineConfig
    users: pl.DataFrame
    clock: Clock
    posts: pl.DataFrame
    labels: pl.DataFrame
    ties: pl.DataFrame

    @classmethod
    def of(cls, tables: Tables, config: TimelineConfig, met: pl.DataFrame, happened: pl.Series) -> "Ground":
        """The ground of a log.

        Args:
            tables: posts, ties, labels and feedback.
            config: how to cut it.
            met: network, user_id; whom interactions name.
            happened: times of interactions, microseconds; where steps are windows, the first is enough.

        Raises:
            BadInput: the log names nobody.
        """
        users = _numbered([met, *(named(tables[name]) for name in ("posts", "labels", "feedback", "ties"))])
        if users.is_empty():
            raise BadInput("the log holds no posts, interactions or labels: nothing to compile")
        posts = _posts(tables["posts"], users)
        happened = pl.concat([tables["posts"]["time"].to_physical(), happened])
        clock = Clock(config, posts, Ticks.of(config, happened, tables["labels"]["time"].to_physical()))
        posts = clock.placed(posts, own_post=True).sort("network_row", "step", "user", "time", "post_id")
        labels = clock.placed(_joined(tables["labels"], users, "user_id", "user"))
        labels = labels.join(posts.select("network", "post_id", "split"), on=["network", "post_id"], how="left")
        labels = labels.with_columns(split_code=split_of(labels, "time" if config.turns else "step"))
        return cls(config, users, clock, posts, labels, clock.ties(between(tables["ties"], users)))

    def contact_split(self, contacts: pl.DataFrame, places: pl.DataFrame) -> np.ndarray:
        """int8 per contact: 0 train, 1 dev, 2 test (see `splits.contact_split`); those of one place are of one split.

        Args:
            contacts: network_row, step.
            places: see `places_of`.
        """
        return contact_split(contacts, self.posts, self.labels, self.clock.starts(places))

    def timeline(
        self,
        columns: Mapping[str, Any],
        places: pl.DataFrame,
        kinds: list[str],
        names: Mapping[str, list[str]] | None,
        digest: str,
        multi: Collection[str],
    ) -> Timeline:
        """The timeline that stands on this ground, see `compile_timeline`.

        Args:
            columns: the arrays of `Events` but those of posts; steps are `active_step`, `contact_step`, `pair_step`.
            places: see `places_of`.
            kinds, names, digest, multi: see `compile_timeline`.
        """
        by_space = {
            str(space): compile_labels(rows, (names or {}).get(str(space)), space in multi)
            for (space,), rows in sorted(self.labels.group_by("space"))
        }
        return Timeline(
            config=self.config,
            digest=digest,
            kinds=kinds,
            spaces={space: names for space, (names, _, _) in by_space.items()},
            dimensional=[space for space, (_, dimensional, _) in by_space.items() if dimensional],
            users=self.users.select("user_id", "network", "network_row"),
            networks=_networks(self.users, places),
            posts=_taught(self.posts, self.labels).select("post_id", "network", "user", "step", "time", "train"),
            clock=self.clock.starts(places),
            events=self._events(columns),
            labels={space: arrays for space, (_, _, arrays) in by_space.items()},
        )

    def _events(self, columns: Mapping[str, Any]) -> Events:
        steps = {name.removesuffix("_step"): step for name, step in columns.items() if name.endswith("_step")}
        return Events(
            step={"post": self.posts["step"].to_numpy()} | steps,
            post_user=self.posts["user"].to_numpy(),
            post=np.arange(len(self.posts), dtype=np.int32),
            **{name: column for name, column in columns.items() if not name.endswith("_step")},
        )


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """network, user_id: whom some rows of a table name, each once."""
    people = [column for column in ("user_id", "source_id", "target_id") if column in rows.columns]
    return pl.concat([rows.select("network", user_id=column).unique() for column in people]).unique()


def _numbered(people: list[pl.DataFrame]) -> pl.DataFrame:
    """A row a user of a network, sorted by network and name."""
    return (
        pl.concat(people)
        .unique()
        .sort(PLACE)
        .with_row_index("user")
        .with_columns(pl.col("user").cast(pl.Int32), network_row=pl.col("network").rank("dense").cast(pl.Int32) - 1)
    )


def _joined(rows: pl.DataFrame, users: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    place = users.select("network", "network_row", pl.col("user_id").alias(column), pl.col("user").alias(name))
    wanted = place if "network_row" not in rows.columns else place.drop("network_row")
    return rows.join(wanted, on=["network", column], how="left")


def between(rows: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Rows with the user rows `source` and `target`; nobody is in touch with himself."""
    rows = _joined(_joined(rows, users, "source_id", "source"), users, "target_id", "target")
    return rows.filter(pl.col("source") != pl.col("target"))


def _posts(posts: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    wanted = ["post_id", "user_id", "network", "time", "split"]
    turn = pl.int_range(pl.len()).over("network").cast(pl.Int32).alias("turn")
    return _joined(posts.select(wanted), users, "user_id", "user").sort("network", "time", "post_id").with_columns(turn)


def _contacts(interactions: pl.DataFrame, ground: Ground, wanted: list[str] | None) -> tuple[pl.DataFrame, list[str]]:
    """Who did what to whom in which step: source, target, step, kind (a number); and the names of the kinds."""
    config = ground.config
    rows = ground.clock.placed(between(interactions, ground.users).drop("source_id", "target_id"))
    rows = rows.drop("network").sort("time", "source", "target", "kind", "post_id")
    rows = rows.select("network_row", "source", "target", "step", "kind")
    if config.turns:
        rows = pl.concat([rows, _addressed(rows, ground.posts, ground.users, config.dialogue_size)])
    kinds = wanted if wanted is not None else common_kinds(rows["kind"].value_counts(), config.max_kinds)
    return rows.with_columns(kind_number(kinds)), kinds


def kind_number(kinds: list[str]) -> pl.Expr:
    """The column `kind` as numbers; what has none of its own counts as other."""
    number = {kind: k for k, kind in enumerate(kinds)}
    return pl.col("kind").replace_strict(number, default=number.get(OTHER), return_dtype=pl.Int32)


def common_kinds(counts: pl.DataFrame, most: int) -> list[str]:
    """The most frequent kinds, by name; the last of them stands for all the rest, and for kinds still to come.

    Args:
        counts: kind, count.
        most: how many at most.
    """
    common = counts.sort(["count", "kind"], descending=[True, False])["kind"].to_list()
    return [*sorted(set(common[: most - 1]) - {OTHER}), OTHER]


def _addressed(contacts: pl.DataFrame, posts: pl.DataFrame, users: pl.DataFrame, largest: int) -> pl.DataFrame:
    """In a dialogue every utterance addresses all others who take part.

    A dialogue is a small network in which nobody addresses anybody by reply, mention or message.
    """
    silent = users.join(contacts.select("network_row").unique(), on="network_row", how="anti")
    small = silent.filter(pl.len().over("network_row") <= largest)
    dialogues = small.select("network_row", pl.col("user").alias("target"))
    return (
        posts.join(dialogues, on="network_row")
        .filter(pl.col("user") != pl.col("target"))
        .select("network_row", pl.col("user").alias("source"), "target", "step", pl.lit("turn").alias("kind"))
        .sort("network_row", "step", "target")
    )


def active_rows(posts: pl.DataFrame, contacts: pl.DataFrame, labels: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """A row for every user and step in which something touched that user, with what it was.

    Args:
        posts, labels: user, step.
        contacts: source, target, step.
        users: user, network, network_row; those whose rows are wanted.
    """
    touched = [
        rows.group_by(pl.col(column).alias("user"), "step").agg(pl.len().alias(name))
        for rows, column, name in (
            (posts, "user", "written"),
            (contacts, "source", "made"),
            (contacts, "target", "received"),
            (labels, "user", "labels"),
        )
    ]
    return (
        pl.concat(touched, how="diagonal")
        .group_by("user", "step")
        .agg(pl.col("written", "made", "received").sum())
        .join(users.select("user", "network", "network_row"), on="user")
        .sort("network_row", "step", "user")
    )


def active_columns(active: pl.DataFrame) -> dict[str, np.ndarray]:
    """The arrays of `Events` about active users; their steps are `active_step`."""
    since = (pl.col("step") - pl.col("step").shift(1).over("user")).fill_null(-1).cast(pl.Float32)
    return {
        "active_step": active["step"].to_numpy(),
        "active_user": active["user"].to_numpy(),
        "active_elapsed": active.select(since)["step"].to_numpy(),
        "active_counts": active.select("written", "made", "received").to_numpy().astype(np.float32),
    }


def contact_columns(contacts: pl.DataFrame) -> dict[str, np.ndarray]:
    """The arrays of `Events` about contacts, but their split; their steps are `contact_step`."""
    return {f"contact_{name}": contacts[name].to_numpy() for name in ("step", "source", "target")}


def places_of(active: pl.DataFrame) -> pl.DataFrame:
    """network, network_row, step, active: the steps in which somebody is active, and how many are."""
    return active.group_by("network", "network_row", "step").agg(pl.len().cast(pl.Int64).alias("active"))


def _taught(posts: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The posts with `train`: whether text vectors may learn from them, which no post of dev or test, or after, is."""
    end = labels.filter(pl.col("split_code") == 0)["time"].max()
    in_time = pl.lit(True) if end is None else pl.col("time") <= end
    train = pl.when(pl.col("split").is_null()).then(in_time).otherwise(pl.col("split") == SPLITS[0])
    return posts.with_columns(train=train)


def _networks(users: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    held = places.group_by("network_row").agg(pl.col("active").sum(), pl.col("step").max() + 1)
    names = users.group_by("network_row").agg(pl.col("network").first(), pl.len().alias("users"))
    return (
        names.join(held.rename({"step": "steps"}), on="network_row", how="left")
        .with_columns(pl.col("active", "steps").fill_null(0).cast(pl.Int64))
        .sort("network_row")
    )
