"""A log is compiled to a timeline: once, in bulk (DESIGN 1, 3.4, 4)."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from emotide.errors import BadInput
from emotide.timeline.config import TimelineConfig
from emotide.timeline.events import Events
from emotide.timeline.labels import compile_labels
from emotide.timeline.neighbours import compile_pairs
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
    users = _users(tables)
    if users.is_empty():
        raise BadInput("the log holds no posts, interactions or labels: nothing to compile")
    posts = _posts(tables["posts"], users)
    clock = _Clock(config, tables, posts)
    posts = clock.placed(posts, own_post=True).sort("network_row", "step", "user", "time", "post_id")
    contacts, kinds = _contacts(tables["interactions"], posts, users, clock, config, kinds)
    labels = clock.placed(_joined(tables["labels"], users, "user_id", "user"))
    labels = labels.join(posts.select("network", "post_id", "split"), on=["network", "post_id"], how="left")
    active = _active(posts, contacts, labels, users)
    ties = clock.ties(_between(tables["ties"], users))
    del tables  # they may be most of the memory, and the caller's only ones
    pairs = compile_pairs(contacts, ties, active, users["user_id"], len(kinds), config, folder)
    instant = "time" if config.turns else "step"
    labels = labels.with_columns(split_code=split_of(labels, instant))
    by_space = {
        str(space): compile_labels(rows, (names or {}).get(str(space)), space in multi)
        for (space,), rows in sorted(labels.group_by("space"))
    }
    contacts, starts = contacts.sort("network_row", "step", maintain_order=True), clock.starts(active)
    events = Events(
        step={
            "active": active["step"].to_numpy(),
            "post": posts["step"].to_numpy(),
            "contact": contacts["step"].to_numpy(),
            "pair": pairs.pop("pair_step"),
        },
        active_user=active["user"].to_numpy(),
        active_elapsed=_elapsed(active),
        active_counts=active.select("written", "made", "received").to_numpy().astype(np.float32),
        post_user=posts["user"].to_numpy(),
        post=np.arange(len(posts), dtype=np.int32),
        contact_source=contacts["source"].to_numpy(),
        contact_target=contacts["target"].to_numpy(),
        contact_split=contact_split(contacts, posts, labels, starts),
        **pairs,
    )
    return Timeline(
        config=config,
        digest=digest,
        kinds=kinds,
        spaces={space: names for space, (names, _, _) in by_space.items()},
        dimensional=[space for space, (_, dimensional, _) in by_space.items() if dimensional],
        users=users.select("user_id", "network", "network_row"),
        networks=_networks(users, active),
        posts=_taught(posts, labels).select("post_id", "network", "user", "step", "time", "train"),
        clock=starts,
        events=events,
        labels={space: arrays for space, (_, _, arrays) in by_space.items()},
    )


def _users(tables: Tables) -> pl.DataFrame:
    """Everybody whom the log names, a row a user of a network, sorted by network and name."""
    ends = [(table, column) for table in ("interactions", "ties") for column in ("source_id", "target_id")]
    named = [
        tables[table].select("network", pl.col(column).alias("user_id")).unique()
        for table, column in [("posts", "user_id"), ("labels", "user_id"), ("feedback", "user_id"), *ends]
    ]
    return (
        pl.concat(named)
        .unique()
        .sort(PLACE)
        .with_row_index("user")
        .with_columns(pl.col("user").cast(pl.Int32), network_row=pl.col("network").rank("dense").cast(pl.Int32) - 1)
    )


def _joined(rows: pl.DataFrame, users: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    place = users.select("network", "network_row", pl.col("user_id").alias(column), pl.col("user").alias(name))
    wanted = place if "network_row" not in rows.columns else place.drop("network_row")
    return rows.join(wanted, on=["network", column], how="left")


def _between(rows: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """Rows with the user rows `source` and `target`; nobody is in touch with himself."""
    rows = _joined(_joined(rows, users, "source_id", "source"), users, "target_id", "target")
    return rows.filter(pl.col("source") != pl.col("target"))


def _posts(posts: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    wanted = ["post_id", "user_id", "network", "time", "split"]
    turn = pl.int_range(pl.len()).over("network").cast(pl.Int32).alias("turn")
    return _joined(posts.select(wanted), users, "user_id", "user").sort("network", "time", "post_id").with_columns(turn)


class _Clock:
    """From times to steps: windows, or edges between so many events, on one clock for all networks; or turns from 0."""

    def __init__(self, config: TimelineConfig, tables: Tables, posts: pl.DataFrame) -> None:
        self.window, self.in_turns = config.window, config.turns
        self.edges = _edges(tables, config.events) if config.events else np.zeros(0, np.int64)
        self.turns = posts.select("network", "post_id", "time", "turn")
        times = [tables[name]["time"].to_physical() for name in ("posts", "interactions", "labels")]
        known = [series.min() for series in times if series.len() > series.null_count()]
        self.origin = min(known) // self.window if self.window and known else 0  # type: ignore[type-var,operator]

    def placed(self, rows: pl.DataFrame, own_post: bool = False) -> pl.DataFrame:
        """The rows with their `step`; with turns, that of their post, or else of the latest post before them."""
        if not self.in_turns:
            return rows.with_columns(self._tick(rows["time"]).alias("step"))
        if own_post:
            return rows.with_columns(step=pl.col("turn"))
        turns = self.turns.sort("time", "turn")
        by_post = rows.join(turns.select("network", "post_id", step="turn"), on=["network", "post_id"], how="left")
        by_time = by_post.sort("time").join_asof(
            turns.select("network", "time", latest="turn"), on="time", by="network", check_sortedness=False
        )
        return by_time.with_columns(pl.col("step").fill_null(pl.col("latest")).fill_null(0)).drop("latest")

    def ties(self, ties: pl.DataFrame) -> pl.DataFrame:
        """The steps `begin` to `end` (inclusive) in which each tie stands; a tie from step b is felt from b on."""
        always = np.iinfo(np.int32)
        return ties.with_columns(
            self._instant(ties, "time").fill_null(always.min).alias("begin"),
            self._instant(ties, "until").fill_null(always.max).alias("end"),
        )

    def _instant(self, rows: pl.DataFrame, column: str) -> pl.Series:
        """The step of each row's time in `column`, null where there is none."""
        times = rows.select("network", time=column, post_id=pl.lit("")).with_row_index("row")
        known = self.placed(times.drop_nulls("time")).select("row", "step")
        return times.join(known, on="row", how="left", maintain_order="left")["step"].cast(pl.Int32)

    def starts(self, active: pl.DataFrame) -> pl.DataFrame:
        """When each step that holds something begins: the window's start, or the time of the turn's post."""
        steps = active.select("network", "network_row", "step").unique()
        if self.in_turns:
            turns = self.turns.select("network", "time", step="turn")
            return steps.join(turns, on=["network", "step"], how="left").drop("network").sort("network_row", "step")
        step = steps["step"].cast(pl.Int64)
        began = (step + self.origin) * self.window if self.window else pl.Series(self.edges[step.to_numpy()])
        return steps.with_columns(time=began.cast(pl.Datetime("us", "UTC"))).drop("network").sort("network_row", "step")

    def _tick(self, time: pl.Series) -> pl.Series:
        if self.window is not None:
            return (time.to_physical() // self.window - self.origin).cast(pl.Int32)
        tick = np.searchsorted(self.edges, time.to_physical().to_numpy(), side="right") - 1
        return pl.Series(np.maximum(tick, 0).astype(np.int32))


def _edges(tables: Tables, events: int) -> np.ndarray:
    """When each step begins: at every so-manieth post or interaction; what happens at one time is in one step."""
    times = pl.concat([tables[name]["time"].to_physical() for name in ("posts", "interactions")]).drop_nulls().sort()
    edges: np.ndarray = np.unique(times.to_numpy()[::events])
    return edges if len(edges) else np.zeros(1, np.int64)


def _contacts(
    interactions: pl.DataFrame,
    posts: pl.DataFrame,
    users: pl.DataFrame,
    clock: _Clock,
    config: TimelineConfig,
    wanted: list[str] | None,
) -> tuple[pl.DataFrame, list[str]]:
    """Who did what to whom in which step: source, target, step, kind (a number); and the names of the kinds."""
    rows = clock.placed(_between(interactions, users).drop("source_id", "target_id"))
    rows = rows.drop("network").sort("time", "source", "target", "kind", "post_id")
    rows = rows.select("network_row", "source", "target", "step", "kind")
    if config.turns:
        rows = pl.concat([rows, _addressed(rows, posts, users, config.dialogue_size)])
    kinds = wanted if wanted is not None else _common_kinds(rows["kind"], config.max_kinds)
    number = {kind: k for k, kind in enumerate(kinds)}
    kind = pl.col("kind").replace_strict(number, default=number.get(OTHER), return_dtype=pl.Int32)
    return rows.with_columns(kind), kinds


def _common_kinds(kinds: pl.Series, most: int) -> list[str]:
    """The most frequent kinds, by name; the last of them stands for all the rest, and for kinds still to come."""
    common = kinds.value_counts().sort(["count", "kind"], descending=[True, False])["kind"].to_list()
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


def _active(posts: pl.DataFrame, contacts: pl.DataFrame, labels: pl.DataFrame, users: pl.DataFrame) -> pl.DataFrame:
    """A row for every user and step in which something touched that user, with what it was."""
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


def _elapsed(active: pl.DataFrame) -> np.ndarray:
    since = (pl.col("step") - pl.col("step").shift(1).over("user")).fill_null(-1).cast(pl.Float32)
    return active.select(since)["step"].to_numpy()


def _taught(posts: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """The posts with `train`: whether text vectors may learn from them, which no post of dev or test, or after, is."""
    end = labels.filter(pl.col("split_code") == 0)["time"].max()
    in_time = pl.lit(True) if end is None else pl.col("time") <= end
    train = pl.when(pl.col("split").is_null()).then(in_time).otherwise(pl.col("split") == SPLITS[0])
    return posts.with_columns(train=train)


def _networks(users: pl.DataFrame, active: pl.DataFrame) -> pl.DataFrame:
    held = active.group_by("network_row").agg(pl.len().alias("active"), pl.col("step").max() + 1)
    names = users.group_by("network_row").agg(pl.col("network").first(), pl.len().alias("users"))
    return (
        names.join(held.rename({"step": "steps"}), on="network_row", how="left")
        .with_columns(pl.col("active", "steps").fill_null(0).cast(pl.Int64))
        .sort("network_row")
    )
