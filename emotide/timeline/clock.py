"""From times to steps, on one clock for all networks (DESIGN 1)."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Int64

from emotide.timeline.config import TimelineConfig


@dataclass(frozen=True)
class Ticks:
    """Steps that are windows, or that lie between edges.

    Attributes:
        window: in microseconds; None where edges say when each step begins.
        origin: the number of the window that is step 0.
        edges: times in microseconds, ascending.
    """

    window: int | None
    origin: int
    edges: Int64[np.ndarray, " edges"]

    @classmethod
    def of(cls, config: TimelineConfig, happened: pl.Series, labelled: pl.Series) -> "Ticks":
        """The steps of a log.

        Args:
            config: how to cut it.
            happened: times of posts and interactions, microseconds; where steps are windows, the first is enough.
            labelled: times of labels, microseconds.
        """
        known = [first for times in (happened, labelled) if (first := times.min()) is not None]
        origin = int(min(known)) // config.window if config.window and known else 0  # type: ignore
        edges = _edges(happened, config.events) if config.events else np.zeros(0, np.int64)
        return cls(config.window, origin, edges)

    def step(self, time: pl.Series) -> pl.Series:
        """The step of each time."""
        if self.window is not None:
            return (time.to_physical() // self.window - self.origin).cast(pl.Int32)
        tick = np.searchsorted(self.edges, time.to_physical().to_numpy(), side="right") - 1
        return pl.Series(np.maximum(tick, 0).astype(np.int32))

    def begin(self, step: pl.Series) -> pl.Series:
        """When each step begins."""
        step = step.cast(pl.Int64)
        began = (step + self.origin) * self.window if self.window else pl.Series(self.edges[step.to_numpy()])
        return began.cast(pl.Datetime("us", "UTC"))


def _edges(happened: pl.Series, events: int) -> np.ndarray:
    """When each step begins: at every so-manieth post or interaction; what happens at one time is in one step."""
    edges: np.ndarray = np.unique(happened.drop_nulls().sort().to_numpy()[::events])
    return edges if len(edges) else np.zeros(1, np.int64)


class Clock:
    """The step of everything: by ticks, or with turns by the posts of its network, from 0.

    Args:
        config: how to cut the log.
        posts: network, post_id, time, turn.
        ticks: steps where they are not turns.
    """

    def __init__(self, config: TimelineConfig, posts: pl.DataFrame, ticks: Ticks) -> None:
        self.in_turns, self.ticks = config.turns, ticks
        self.turns = posts.select("network", "post_id", "time", "turn")

    def placed(self, rows: pl.DataFrame, own_post: bool = False) -> pl.DataFrame:
        """The rows with their `step`; with turns, that of their post, or else of the latest post before them."""
        if not self.in_turns:
            return rows.with_columns(self.ticks.step(rows["time"]).alias("step"))
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

    def starts(self, places: pl.DataFrame) -> pl.DataFrame:
        """When each step that holds something begins: the window's start, or the time of the turn's post.

        Args:
            places: network, network_row, step; each once.
        """
        steps = places.select("network", "network_row", "step")
        if self.in_turns:
            turns = self.turns.select("network", "time", step="turn")
            return steps.join(turns, on=["network", "step"], how="left").drop("network").sort("network_row", "step")
        return steps.with_columns(time=self.ticks.begin(steps["step"])).drop("network").sort("network_row", "step")
