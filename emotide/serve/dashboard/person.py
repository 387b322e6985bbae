"""A person's page: how they felt and will feel, who moved them, what they are offered."""

from typing import Any

import polars as pl

from emotide.model import EmotionSpace
from emotide.serve.dashboard.network import shades_of
from emotide.serve.dashboard.plain import columns, plain

MOST_STEPS = 400
PAIRS = 8
TOLD = ["source_id", "target_id", "effect", "strength", "p_value", "q_value"]


def drawn_person(readings: pl.DataFrame, influence: pl.DataFrame, user: str, space: EmotionSpace) -> dict[str, Any]:
    """Readings with forecasts, and the pairs of one person in one network.

    Args:
        readings: of this person in this network, with `set` where it is calibrated.
        influence: `Emotide.influence` with `total`, of this network.
        user: the person.
        space: that of the readings.
    """
    rows = readings.sort("time", "horizon").tail(MOST_STEPS)
    low, high = intervals(rows, space)
    return {
        "space": space.name,
        "dimensional": space.dimensional,
        "names": list(space.names),
        "colours": shades_of(space)[:1] * len(space.names) if space.dimensional else shades_of(space),
        "range": [[end.low, end.high] for end in space.dimensions.values()],
        "time": plain(rows["time"].to_list()),
        "horizon": rows["horizon"].to_list(),
        "reading": rows["reading"].to_list(),
        "set": rows["set"].to_list() if "set" in rows.columns else None,
        "low": low,
        "high": high,
        "values": {name: plain(rows[name].to_list()) for name in space.names},
        "moved_by": columns(influence.filter(pl.col("target_id") == user).select(TOLD).head(PAIRS)),
        "moves": columns(influence.filter(pl.col("source_id") == user).select(TOLD).head(PAIRS)),
    }


def intervals(rows: pl.DataFrame, space: EmotionSpace) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The ends of the intervals that hold the truth nine times in ten, by dimension; none where never calibrated."""
    if not space.dimensional or "set" not in rows.columns:
        return None, None
    ends: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
    for told in rows["set"].to_list():
        for part in told.split("|"):
            name, _, between = part.rpartition(" ")
            for held, text in zip(ends, between.split(".."), strict=True):
                held.setdefault(name, []).append(float(text))
    return plain(ends[0]), plain(ends[1])
