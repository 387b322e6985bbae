"""What a report tells."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from emotide.demo.truth import Truth
from emotide.vectors.again import Pair
from emotide.vectors.autoencoder import Learned

PERSON = ["network", "user_id"]


@dataclass(frozen=True)
class ReportContent:
    """Everything that the page shows; frames may be empty, also without columns, and the page then says why."""

    title: str
    facts: dict[str, str | int | float] = field(
        default_factory=dict
    )  # about the log and the run; `seed` if there is one
    # user_id, network, time, horizon, space, reading, then a column a category. `time` is of the step that is read:
    # a forecast of horizon k lies k steps after the last.
    readings: pl.DataFrame = field(default_factory=pl.DataFrame)
    pleasure: pl.DataFrame = field(default_factory=pl.DataFrame)  # user_id … horizon, pleasure, arousal, dominance
    influence: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # source_id, target_id, network, effect, strength, p_value, q_value
    evaluation: dict[str, Any] = field(default_factory=dict)  # what `emotide evaluate --json` prints
    recommendations: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # user_id, network, rank, item_id, value, reason
    items: pl.DataFrame | None = None  # item_id, title
    attention: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # user_id, network, time, post_id, modality, weight; empty where posts are text alone
    taught: dict[str, Learned] = field(default_factory=dict)  # image, audio, video -> how its encoder was taught
    pairs: dict[str, list[Pair]] = field(default_factory=dict)  # image, audio -> before and after code and back
    inside: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # share, skipped, seconds, time_ratio, recognition, forecast; see `inside_curve`
    truth: Truth | None = None
    commands: list[str] = field(default_factory=list)  # that make this page again

    @property
    def space(self) -> str | None:
        """The space whose readings are drawn: the one evaluated, or else the first."""
        if self.readings.is_empty():
            return None
        spaces = self.readings["space"].unique(maintain_order=True).to_list()
        asked = self.evaluation.get("space")
        return asked if asked in spaces else spaces[0]

    def probabilities(self) -> pl.DataFrame:
        """network, user_id, time, horizon, reading, then a column a category of `space`; no columns without any."""
        if self.space is None:
            return pl.DataFrame()
        rows = self.readings.filter(pl.col("space") == self.space)
        names = [name for name in rows.columns[6:] if rows[name].null_count() < len(rows)]
        total = rows.select(pl.sum_horizontal(names)).to_series()
        if not names or (total - 1).abs().max() > 0.05:  # type: ignore[operator]
            return pl.DataFrame()  # coordinates of a dimensional space
        return rows.select(*PERSON, "time", "horizon", "reading", *names)
