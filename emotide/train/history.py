"""What a user reported before each label: the features of the baselines that know reports."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from emotide.timeline import Timeline


@dataclass(frozen=True)
class History:
    """The user's labels before each label, in the order of the timeline's labels."""

    known: Bool[np.ndarray, " labels"]  # whether there was one
    last: Float[np.ndarray, "labels names"]
    smoothed: Float[np.ndarray, "labels names"]  # exponential mean, weight of the last 0.3
    mean3: Float[np.ndarray, "labels names"]
    mean7: Float[np.ndarray, "labels names"]
    gap: Float[np.ndarray, " labels"]  # steps since the last, 0 where there was none

    def table(self) -> Float[np.ndarray, "labels features"]:
        """All of it side by side."""
        ends = np.stack([self.known, np.log1p(self.gap)], 1)
        return np.hstack([self.last, self.smoothed, self.mean3, self.mean7, ends]).astype(np.float32)


def history_features(timeline: Timeline, space: str) -> History:
    """For every label of a space what its user had reported before its step."""
    labels = timeline.labels[space]
    names = [f"n{k}" for k in range(labels.target.shape[1])]
    rows = pl.DataFrame(np.nan_to_num(np.asarray(labels.target)), schema=names).with_columns(
        user=pl.Series(labels.user), step=pl.Series(labels.step), row=pl.int_range(len(labels.step))
    )
    past = rows.sort("user", "step").select(
        "row",
        known=pl.col("step").shift(1).over("user").is_not_null(),
        gap=(pl.col("step") - pl.col("step").shift(1).over("user")).fill_null(0),
        **{f"last{name}": pl.col(name).shift(1).over("user").fill_null(0) for name in names},
        **{
            f"smooth{name}": pl.col(name).ewm_mean(alpha=0.3, adjust=True).shift(1).over("user").fill_null(0)
            for name in names
        },
        **{
            f"mean{k}{name}": pl.col(name).rolling_mean(k, min_samples=1).shift(1).over("user").fill_null(0)
            for k in (3, 7)
            for name in names
        },
    )
    past = past.sort("row")

    def table(prefix: str) -> np.ndarray:
        return past.select(f"{prefix}{name}" for name in names).to_numpy()

    return History(
        past["known"].to_numpy(), table("last"), table("smooth"), table("mean3"), table("mean7"),
        past["gap"].to_numpy().astype(np.float32),
    )  # fmt: skip
