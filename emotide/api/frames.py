"""Arrays become tables with names and times, in the columns of DESIGN 5."""

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.model.influence import Influence
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
    later = pl.lit(1) if window is None else (pl.col("time") - pl.col("begins")).dt.total_microseconds() // window
    step = placed.select((pl.col("step") + later).fill_null(0).cast(pl.Int64)).to_series()
    return placed["user"].cast(pl.Int64).to_numpy(), step.to_numpy()


def predict_frame(
    timeline: Timeline,
    found: Trace,
    space: EmotionSpace,
    read: Float[np.ndarray, "rows names"],
    decided: Int[np.ndarray, " rows"],
) -> pl.DataFrame:
    """user_id, network, time, horizon, space, reading (what was decided on), then a column a category or dimension."""
    names = np.array(space.names)
    return who_and_when(timeline, found.user, found.step).with_columns(
        pl.Series("horizon", found.horizon.astype(np.int32)),
        pl.lit(space.name).alias("space"),
        pl.Series("reading", names[decided]),
        *(pl.Series(name, read[:, k]) for k, name in enumerate(space.names)),
    )


def influence_frame(timeline: Timeline, found: Influence, total: bool) -> pl.DataFrame:
    """source_id, target_id, network, time, effect, strength, p_value; with `total` one row a pair over all time.

    The p-value is the share of shuffles, the real ties counted as one, in which somebody else in that place would have
    been as strong.
    """
    pair = pl.DataFrame({"source": found.source, "target": found.target, "step": found.step})
    shuffles = found.null.shape[1]
    null = [f"null{k}" for k in range(shuffles)]
    rows = pair.with_columns(
        pl.Series("effect", found.effect), pl.Series("strength", found.strength),
        *(pl.Series(name, found.null[:, k]) for k, name in enumerate(null)),
    )  # fmt: skip
    if total:
        rows = rows.group_by("source", "target").agg(pl.col("step").max(), pl.col("effect", "strength", *null).sum())
    as_strong = sum((pl.col(name) >= pl.col("strength")).cast(pl.Int32) for name in null) if null else pl.lit(0)
    rows = rows.with_columns(p_value=(as_strong + 1) / (shuffles + 1))
    target = who_and_when(timeline, rows["target"].to_numpy(), rows["step"].to_numpy())
    source = timeline.users["user_id"].gather(rows["source"].cast(pl.Int64))  # empty, it would be of type null
    return (
        target.rename({"user_id": "target_id"})
        .with_columns(source.alias("source_id"), rows["effect"], rows["strength"], rows["p_value"])
        .select("source_id", "target_id", "network", "time", "effect", "strength", "p_value")
        .sort("strength", "source_id", "target_id", descending=[True, False, False])
    )
