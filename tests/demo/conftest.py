"""A made-up report about a simulated town: what a model might say, drawn from the truth with noise."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from emotide.demo.content import ReportContent
from emotide.demo.truth import AXES, Truth
from emotide.model.chance import q_values
from emotide.model.spaces import built_in

SPACE = built_in()["ekman_neutral"]
EVALUATION = {
    "split": "test",
    "space": "ekman_neutral",
    "reports": "hidden",
    "recognition": {
        "weighted_f1": 0.664,
        "macro_f1": 0.561,
        "accuracy": 0.671,
        "auc": 0.89,
        "nll": 0.98,
        "ece": 0.031,
        "n": 540,
    },
    "forecast": {
        "weighted_f1": 0.531,
        "macro_f1": 0.388,
        "accuracy": 0.562,
        "auc": 0.78,
        "nll": 1.31,
        "ece": 0.044,
        "n": 540,
    },
    "baselines": {
        "majority": {
            "recognition": {"weighted_f1": 0.262, "macro_f1": 0.086, "accuracy": 0.433},
            "forecast": {"weighted_f1": 0.262, "macro_f1": 0.086, "accuracy": 0.433},
        },
        "post_logistic": {"recognition": {"weighted_f1": 0.631, "macro_f1": 0.522, "accuracy": 0.64}, "forecast": None},
        "lstm": {
            "recognition": {"weighted_f1": 0.642, "macro_f1": 0.53, "accuracy": 0.65},
            "forecast": {"weighted_f1": 0.47, "macro_f1": 0.31, "accuracy": 0.51},
        },
    },
}
REASON = "likes garden; comforting things when low (value up 0.21 with the mood of today)"


def made_up(truth: Truth, horizon: int = 3, seed: int = 0) -> ReportContent:
    """A report whose readings are the truth with noise."""
    rng = np.random.default_rng(seed)
    emotion = truth.emotion
    last = emotion.filter(pl.col("day") == emotion["day"].max())
    beyond = [
        last.with_columns(
            pl.col("time") + timedelta(days=k), *(pl.col(axis) * 0.6**k for axis in AXES), horizon=pl.lit(k)
        )
        for k in range(1, horizon + 1)
    ]
    rows = pl.concat([emotion.with_columns(horizon=pl.lit(0)), *beyond]).with_columns(network=pl.lit("town"))
    rows = rows.filter((pl.col("horizon") > 0) | pl.Series(rng.random(len(rows)) < 0.9))
    state = rows.select(AXES).to_numpy() + rng.normal(0, 0.12, (len(rows), 3))
    logits = -((state[:, None] - SPACE.pad.numpy()) ** 2).sum(2) / 0.12
    share = np.exp(logits - logits.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    place = rows.select("user_id", "network", "time", "horizon")
    readings = place.with_columns(
        pl.lit(SPACE.name).alias("space"),
        pl.Series("reading", [SPACE.names[k] for k in share.argmax(1)], dtype=pl.String),
        *(pl.Series(name, share[:, k]) for k, name in enumerate(SPACE.names)),
    )
    return ReportContent(
        title="A small town, read",
        facts={
            "people": 60,
            "days": 60,
            "posts": 4528,
            "interactions": 3310,
            "ties": 362,
            "labels": 4096,
            "seed": seed,
            "trained in": "71 s",
            "weights": 183_204,
        },
        readings=readings,
        pleasure=place.with_columns(pl.Series(axis, state[:, k]) for k, axis in enumerate(AXES)),
        influence=influence_of(truth, set(emotion["user_id"]), rng),
        evaluation=EVALUATION,
        recommendations=recommendations_of(truth, emotion, rng),
        items=truth.items.select("item_id", pl.format("The story of {}", "item_id").alias("title")),
        truth=truth,
        commands=[
            "emotide ingest town/log --store sqlite:///town.db",
            "emotide train --store sqlite:///town.db --model town",
        ],
    )


def influence_of(truth: Truth, people: set[str], rng: np.random.Generator) -> pl.DataFrame:
    """Strength near the true weight, and a p-value that is small where that is large."""
    ties = truth.influence.filter(pl.col("source_id").is_in(people) & pl.col("target_id").is_in(people))
    weight = ties["weight"].to_numpy()
    strength = abs(weight + rng.normal(0, 0.06, len(weight))) * 0.2
    p = np.where(strength > 0.025, 0.01, 0.4) * rng.random(len(weight))
    return ties.select("source_id", "target_id", network=pl.lit("town")).with_columns(
        time=pl.lit(truth.emotion["time"].max()),
        effect=pl.Series(strength * np.sign(weight)),
        strength=pl.Series(strength),
        p_value=pl.Series(p),
        q_value=pl.Series(q_values(p, np.zeros(len(p), int))),
    )


def recommendations_of(truth: Truth, emotion: pl.DataFrame, rng: np.random.Generator, top: int = 5) -> pl.DataFrame:
    """The items with the largest true chance of a click on the last day."""
    last = int(emotion["day"].max())
    best = truth.click_probability(last).join(emotion.select("user_id").unique(), on="user_id", how="semi")
    best = best.sort("user_id", "probability", descending=[False, True]).with_columns(
        rank=pl.int_range(1, pl.len() + 1).over("user_id")
    )
    best = best.filter(pl.col("rank") <= top)
    return best.select(
        "user_id",
        network=pl.lit("town"),
        time=pl.lit(truth.emotion["time"].max()),
        rank="rank",
        item_id="item_id",
        value=pl.col("probability") + pl.Series(rng.normal(0, 0.05, len(best))),
        propensity=pl.lit(0.025),
        reason=pl.lit(REASON),
    )


@pytest.fixture(scope="session")
def report_of() -> Callable[[Truth], ReportContent]:
    return made_up
