"""Arrays become tables with names and times, in the columns of DESIGN 5."""

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.model.spaces import EmotionSpace
from emotide.model.trace import Trace
from emotide.timeline import Timeline


def who_and_when(timeline: Timeline, user: np.ndarray, step: np.ndarray) -> pl.DataFrame:
    """user_id, network, time of each row; a step beyond the log's end, or an empty one, has the time it would have."""
    users = timeline.users.with_row_index("user").cast({"user": pl.Int64})
    rows = pl.DataFrame({"user": user.astype(np.int64), "step": step.astype(np.int64)}).join(
        users, on="user", how="left", maintain_order="left"
    )
    clock = timeline.clock.cast({"step": pl.Int64}).sort("step")
    rows = (
        rows.with_row_index("row")
        .sort("step")
        .join_asof(
            clock.rename({"step": "clock_step"}),
            left_on="step",
            right_on="clock_step",
            by="network_row",
            check_sortedness=False,
        )
        .sort("row")
    )
    window = timeline.config.window
    if window is not None:
        rows = rows.with_columns(
            pl.col("time") + pl.duration(microseconds=(pl.col("step") - pl.col("clock_step")) * window)
        )
    return rows.select("user_id", "network", "time")


def steps_at(timeline: Timeline, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The user row and the step of each row's user_id, network and time.

    The step is the one whose events may already lie after the row's time, so that the state before it has seen nothing
    later: the window that holds the time, or the turn after the latest one.
    """
    users = timeline.users.with_row_index("user")
    clock = timeline.clock.sort("time").rename({"time": "begins"})
    window = timeline.config.window
    placed = (
        rows.with_row_index("row")
        .join(users, on=["user_id", "network"], how="left")
        .sort("time")
        .join_asof(clock, left_on="time", right_on="begins", by="network_row", check_sortedness=False)
        .sort("row")
    )
    since = (pl.col("time") - pl.col("begins")).dt.total_microseconds()
    later = pl.lit(int(timeline.config.turns)) if window is None else since // window
    step = placed.select((pl.col("step") + later).fill_null(0).cast(pl.Int64)).to_series()
    return placed["user"].cast(pl.Int64).to_numpy(), step.to_numpy()


def predict_frame(
    timeline: Timeline,
    found: Trace,
    space: EmotionSpace,
    read: Float[np.ndarray, "rows names"],
    decided: Int[np.ndarray, " rows"],
) -> pl.DataFrame:
    """user_id, network, time, horizon, space, reading, then a column a category or dimension.

    The reading is the category that was decided on; of dimensions, the coordinate that lies furthest from the middle of
    its range, and on which side: 'high pleasure', 'low arousal'.
    """
    return who_and_when(timeline, found.user, found.step).with_columns(
        pl.Series("horizon", found.horizon.astype(np.int32)),
        pl.lit(space.name).alias("space"),
        pl.Series("reading", furthest(space, read) if space.dimensional else np.array(space.names)[decided]),
        *(pl.Series(name, read[:, k]) for k, name in enumerate(space.names)),
    )


def furthest(space: EmotionSpace, read: Float[np.ndarray, "rows names"]) -> np.ndarray:
    """The coordinate of each row that lies furthest from the middle of its range, and on which side."""
    low, high = (np.array([getattr(end, side) for end in space.dimensions.values()]) for side in ("low", "high"))
    place = (2 * read - low - high) / (high - low)
    axis = abs(place).argmax(1)
    side = np.where(place[np.arange(len(read)), axis] < 0, "low ", "high ")
    told: np.ndarray = np.strings.add(side, np.array(space.names)[axis])
    return told


def attention_frame(timeline: Timeline, weight: Float[np.ndarray, " posts"]) -> pl.DataFrame:
    """user_id, network, time, post_id, modality, weight; a row a post, or a row a post and modality."""
    e = timeline.events
    several = "modality" in timeline.posts
    posts = timeline.posts.select("post_id", "modality" if several else pl.lit("text").alias("modality"))
    return who_and_when(timeline, e.post_user, e.step["post"]).hstack(
        posts.with_columns(pl.Series("weight", weight, pl.Float32))[e.post]
    )
