"""What is true about a simulated town and not in its log."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import polars as pl

from emotide.errors import BadInput

AXES = ("pleasure", "arousal", "dominance")


@dataclass(frozen=True)
class Truth:
    """The hidden side of a town: one Parquet file a field, in a folder that is no part of the log."""

    emotion: pl.DataFrame  # user_id, day, time (midnight UTC), pleasure, arousal, dominance (-1 to 1), category
    influence: (
        pl.DataFrame
    )  # source_id, target_id, weight (pull of the source on the target's next day), begin, end (days)
    taste: pl.DataFrame  # user_id, item_id, taste: log-odds of a click in a state of zeros
    items: pl.DataFrame  # item_id, pleasure, arousal, dominance: log-odds of a click a unit of the state

    def click_probability(self, day: int) -> pl.DataFrame:
        """user_id, item_id, probability of a click when shown on that day: σ(taste + lean of the item · state)."""
        state = self.emotion.filter(pl.col("day") == day).select("user_id", *AXES)
        both = self.taste.join(state, on="user_id").join(self.items, on="item_id", suffix="_lean")
        logit = pl.col("taste") + pl.sum_horizontal(pl.col(axis) * pl.col(f"{axis}_lean") for axis in AXES)
        return both.select("user_id", "item_id", (1 / (1 + (-logit).exp())).alias("probability"))

    def save(self, folder: Path) -> None:
        """Write each frame as `folder/NAME.parquet`."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            getattr(self, field.name).write_parquet(folder / f"{field.name}.parquet")

    @classmethod
    def load(cls, folder: Path) -> "Truth":
        """The truth that `save` wrote.

        Raises:
            BadInput: the folder holds no whole truth.
        """
        paths = {field.name: folder / f"{field.name}.parquet" for field in fields(cls)}
        missing = [path.name for path in paths.values() if not path.is_file()]
        if missing:
            raise BadInput(f"no {', '.join(missing)} here; a truth is written by the town simulator", folder)
        return cls(**{name: pl.read_parquet(path) for name, path in paths.items()})


def nearest(state: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The row of `points` [categories, 3] nearest to each state [..., 3]."""
    distance = ((state[..., None, :] - points) ** 2).sum(-1)
    return np.asarray(distance.argmin(-1))
