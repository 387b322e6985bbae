"""Open Bandit Dataset, campaign men: clothes shown by chance or by Thompson sampling, with propensities."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables
from emotide.errors import UnknownName

POLICIES = {"random": "men_random.csv", "thompson": "men_bts.csv"}
FEATURES = [f"user_feature_{k}" for k in range(4)]


def open_bandit_men(source: Path, policy: str = "random") -> Tables:
    """Clicks as rewards. The set names nobody: people who are alike in all four features count as one user.

    Of an item the tags are its hashed features, and its one number, in ten steps.
    """
    if policy not in POLICIES:
        raise UnknownName("policy", policy, POLICIES)
    features = dict.fromkeys(FEATURES, pl.String)
    columns = {"timestamp": pl.String, "item_id": pl.String, "position": pl.Int64, "click": pl.Float64,
               "propensity_score": pl.Float64, **features}  # fmt: skip
    rows = read_table(source, POLICIES[policy], columns)
    form = "%Y-%m-%d %H:%M:%S%.f%z"
    feedback = rows.select(
        pl.concat_str(FEATURES).rank("dense").cast(pl.String).alias("user_id"),
        "item_id",
        pl.col("timestamp").str.to_datetime(form, time_unit="us", time_zone="UTC").alias("time"),
        pl.col("click").alias("reward"),
        pl.lit("zozotown").alias("network"),
        pl.col("propensity_score").alias("propensity"),
    )
    kinds = {f"item_feature_{k}": pl.Float64 if k == 0 else pl.String for k in range(4)}
    context = read_table(source, "men_item_context.csv", {"item_id": pl.String, **kinds})
    tenth = ((pl.col("item_feature_0").rank() - 1) * 10 // pl.len()).cast(pl.Int64)
    items = context.select(
        "item_id",
        pl.concat_str(
            pl.format("number-{}", tenth),
            *(pl.format(f"{name[-1]}-{{}}", pl.col(name).str.slice(0, 8)) for name in kinds if name[-1] != "0"),
            separator=",",
        ).alias("tags"),
    )
    key = ["user_id", "item_id", "time"]
    return {
        "items": items.unique("item_id", maintain_order=True),
        "feedback": feedback.unique(key, maintain_order=True),
    }


OPEN_BANDIT_MEN = Converter(
    open_bandit_men,
    "10,000 clothes recommended on ZOZOTOWN by chance, with clicks and propensities (Open Bandit, men)",
    "CC BY 4.0 (the sample in obp: Apache-2.0); cite Saito, Aihara, Matsutani & Narita 2020",
    options={"policy": "whose log: random (default) or thompson"},
)
