"""Who moved whom: the tables of influence over steps and pairs, of those who move most, of paths (DESIGN 5)."""

from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool
from torch import Tensor

from emotide.api.frames import steps_at, who_and_when
from emotide.model.affective import Shown
from emotide.model.chance import q_values
from emotide.model.contagion import Contagion, contagion
from emotide.model.influence import Influence, influences, moved
from emotide.model.moods import Moods, moods
from emotide.model.paths import paths
from emotide.timeline import Timeline
from emotide.train import Trained

HOW = ("history", "network")
CLEAR = 0.1  # largest share of false findings among the pairs that paths go along and that sources are counted by
PAIR = ["source_id", "target_id", "network"]


class Asked(NamedTuple):
    """A log as a model reads it, and what is asked about it."""

    trained: Trained
    timeline: Timeline
    vectors: Tensor
    space: str
    shown: Shown | None
    shuffles: int
    ties: pl.DataFrame


def in_sight(timeline: Timeline, ties: pl.DataFrame) -> Bool[np.ndarray, " pairs"]:
    """Of every row of the timeline's pairs whether the source can move the target.

    Who has a tie to somebody is moved while it stands, however long after a contact the two count as neighbours; who
    has none is moved by whom contacts bring near.

    Args:
        timeline: of a log.
        ties: the log's table of ties; the source of a tie is who looks.
    """
    e = timeline.events
    rows = pl.DataFrame({"looks": e.pair_target, "at": e.pair_source, "step": e.step["pair"]})
    rows = rows.cast(pl.Int64).with_row_index("row")
    for who in ("source_id", "target_id"):
        ties = ties.join(timeline.users, left_on=[who, "network"], right_on=["user_id", "network"], how="semi")
    if ties.is_empty():
        return np.ones(len(rows), bool)
    asked = ties.select("network", user_id="source_id", time="time")
    looks, begin = steps_at(timeline, asked)
    at, _ = steps_at(timeline, asked.with_columns(user_id=ties["target_id"]))
    _, end = steps_at(timeline, asked.with_columns(time=ties["until"]))
    begin = np.where(ties["time"].is_null().to_numpy(), -1, begin)
    end = np.where(ties["until"].is_null().to_numpy(), np.iinfo(np.int64).max, end)
    spans = pl.DataFrame({"looks": looks, "at": at, "begin": begin, "end": end})
    stands = (pl.col("begin") <= pl.col("step")) & (pl.col("step") <= pl.col("end"))
    tied = rows.join(spans, on=["looks", "at"]).group_by("row").agg(stands.any().alias("stands"))
    seen = rows.join(tied, on="row", how="left", maintain_order="left")["stands"].fill_null(True)
    return seen.to_numpy()


def influence_table(asked: Asked, how: str, total: bool) -> pl.DataFrame:
    """source_id, target_id, network, time, effect, strength, p_value, q_value; by history also weight and weight_sd."""
    if how == "network":
        seed = asked.trained.run.train.seed
        model, timeline = asked.trained.model, asked.timeline
        found = influences(model, timeline, asked.vectors, asked.space, asked.shown, asked.shuffles, seed)
        return _table(timeline, found, None, total)
    felt, weights = learned(asked)
    return _table(
        asked.timeline, moved(asked.trained.model, asked.timeline, felt, weights, asked.space), weights, total
    )


def sources_table(total: pl.DataFrame) -> pl.DataFrame:
    """source_id, network, moved (people, without chance), strength and effect on them; who moves most comes first."""
    clear = pl.col("q_value") <= CLEAR
    return (
        total.group_by("source_id", "network")
        .agg(
            moved=clear.sum(),
            neighbours=pl.len(),
            strength=pl.col("strength").filter(clear).sum(),
            effect=pl.col("effect").filter(clear).sum(),
        )
        .sort("strength", "moved", "source_id", "network", descending=[True, True, False, False])
    )


def paths_table(asked: Asked, user: str, links: int, total: bool) -> pl.DataFrame:
    """path, links, source_id, target_id, network, begin, time, effect, strength, weight; the strongest first.

    With `total` one row a path: times is how often it was gone, effect and strength sums, begin and time those of the
    time at which it was strongest.
    """
    felt, weights = learned(asked)
    family = asked.timeline.users["network_row"].to_numpy()[weights.target]
    clear = q_values(weights.p, family) <= CLEAR
    names = asked.timeline.users["user_id"]
    parts = []
    ends = np.flatnonzero((names == user).to_numpy())
    for found in (each for end in ends for each in paths(asked.timeline, felt, weights, clear, int(end), links)):
        begin = who_and_when(asked.timeline, found.people[:, 0], found.steps[:, 0])
        end = who_and_when(asked.timeline, found.people[:, -1], found.steps[:, -1])
        along = pl.DataFrame([names.gather(column).alias(f"{k}") for k, column in enumerate(found.people.T)])
        parts.append(
            end.select(
                along.select(pl.concat_str(pl.all(), separator=" → ")).to_series().alias("path"),
                pl.lit(found.people.shape[1] - 1).alias("links"),
                begin["user_id"].alias("source_id"),
                target_id="user_id",
                network="network",
                begin=begin["time"],
                time="time",
                effect=pl.Series(found.effect, dtype=pl.Float64),
                strength=pl.Series(abs(found.effect), dtype=pl.Float64),
                weight=pl.Series(found.weight, dtype=pl.Float64),
            )
        )
    table = pl.concat(parts).sort("strength", "path", "time", descending=[True, False, False])
    if not total:
        return table
    same = ["path", "links", "source_id", "target_id", "network"]
    summed = table.group_by(same, maintain_order=True).agg(
        pl.col("begin", "time").first(),
        pl.len().alias("times"),
        pl.col("effect", "strength").sum(),
        pl.col("weight").first(),
    )
    return summed.sort("strength", "path", descending=[True, False])


def learned(asked: Asked) -> tuple[Moods, Contagion]:
    """The moods of everybody, and the weights that their history gives the pairs."""
    felt = moods(asked.trained.model, asked.timeline, asked.vectors, asked.shown)
    seed, sight = asked.trained.run.train.seed, in_sight(asked.timeline, asked.ties)
    return felt, contagion(asked.timeline, felt, asked.shuffles, seed, sight=sight)


def _table(timeline: Timeline, found: Influence, weights: Contagion | None, total: bool) -> pl.DataFrame:
    shuffles = found.null.shape[1]
    null = [f"null{k}" for k in range(shuffles)]
    rows = pl.DataFrame(
        {"source": found.source, "target": found.target, "step": found.step, "effect": found.effect,
         "strength": found.strength} | {name: found.null[:, k] for k, name in enumerate(null)}
    ).cast({"source": pl.Int64, "target": pl.Int64})  # fmt: skip
    if total:
        rows = rows.group_by("source", "target").agg(pl.col("step").max(), pl.col("effect", "strength", *null).sum())
    if weights is None:
        as_strong = sum((pl.col(name) >= pl.col("strength")).cast(pl.Int32) for name in null) if null else pl.lit(0)
        rows = rows.with_columns(p_value=(as_strong + 1) / (shuffles + 1)).drop(null)
    else:
        pairs = {"source": weights.source, "target": weights.target, "p_value": weights.p, "weight": weights.weight,
                 "weight_sd": np.where(np.isfinite(weights.sd), weights.sd, np.nan)}  # fmt: skip
        of_pair = pl.DataFrame(pairs, nan_to_null=True).cast({"source": pl.Int64, "target": pl.Int64})
        rows = rows.join(of_pair, on=["source", "target"], how="left", maintain_order="left")
    family = timeline.users["network_row"].to_numpy()[rows["target"].to_numpy()]
    place = who_and_when(timeline, rows["target"].to_numpy(), rows["step"].to_numpy())
    table = place.rename({"user_id": "target_id"}).with_columns(
        timeline.users["user_id"].gather(rows["source"]).alias("source_id"), *rows.drop("source", "target", "step")
    )
    return table.with_columns(q_value=_q_values(table, family, weights is not None)).select(
        *PAIR, "time", "effect", "strength", "p_value", "q_value",
        *(["weight", "weight_sd"] if weights is not None else []),
    ).sort("strength", *PAIR, "time", descending=[True, *[False] * 4])  # fmt: skip


def _q_values(table: pl.DataFrame, family: np.ndarray, by_pair: bool) -> pl.Series:
    """Over all rows of a network, or over its pairs where the p-value is the pair's."""
    tests = table.select(*PAIR, "p_value").with_columns(pl.Series("family", family))
    asked = tests.unique(subset=PAIR, maintain_order=True) if by_pair else tests
    q = pl.Series("q_value", q_values(asked["p_value"].to_numpy(), asked["family"].to_numpy()))
    if not by_pair:
        return q
    return tests.join(asked.select(PAIR).with_columns(q), on=PAIR, how="left", maintain_order="left")["q_value"]
