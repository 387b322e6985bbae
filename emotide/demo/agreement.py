"""How near the readings come to the truth, where it is known."""

import numpy as np
import polars as pl

from emotide.demo.content import ReportContent
from emotide.demo.truth import Truth

MOVES = 0.1  # a true weight at least this large, either way, counts as an influence


def pleasure_correlation(pleasure: pl.DataFrame, truth: Truth) -> float | None:
    """Pearson's r of recognised and true pleasure, over all people and steps; None where they do not meet."""
    if pleasure.is_empty():
        return None
    both = pleasure.filter(pl.col("horizon") == 0).join(truth.emotion, on=["user_id", "time"], suffix="_true")
    r = both.select(pl.corr("pleasure", "pleasure_true")).item()
    return None if r is None or np.isnan(r) else float(r)


def influence_ranking(influence: pl.DataFrame, truth: Truth) -> float | None:
    """Probability that a pair with a true influence is given more strength than a pair without; chance is one half."""
    if influence.is_empty():
        return None
    both = with_true_weight(influence, truth)
    strength = both["strength"].to_numpy()
    moves = (both["true_weight"].fill_null(0).abs() >= MOVES).to_numpy()
    if moves.all() or not moves.any():
        return None
    above = np.sign(strength[moves][:, None] - strength[~moves]).mean()
    return float(above / 2 + 0.5)


def with_true_weight(influence: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """The pairs with `true_weight`, null for those whom no tie joins."""
    weights = truth.influence.select("source_id", "target_id", true_weight="weight")
    return influence.join(weights, on=["source_id", "target_id"], how="left", maintain_order="left")


def click_chances(content: ReportContent) -> pl.DataFrame:
    """user_id, item_id, chance: the true probability of a click on the last day; no columns without truth."""
    if content.truth is None:
        return pl.DataFrame()
    last = int(content.truth.emotion["day"].max())  # type: ignore[arg-type]
    return content.truth.click_probability(last).rename({"probability": "chance"})
