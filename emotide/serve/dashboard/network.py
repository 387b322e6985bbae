"""The network as it is drawn: who stands where, how each felt at each time, who moved whom."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int

from emotide.api.influencing import CLEAR
from emotide.demo.colours import colours_of
from emotide.model import EmotionSpace
from emotide.serve.dashboard.layout import positions
from emotide.serve.dashboard.plain import plain

MOST_TIMES = 240  # places of the slider
ARROWS = 3  # a person, at most; those that stand out come first
DIVERGING = ("#b2182b", "#d6604d", "#f4a582", "#e3cfc2", "#c4c4c4", "#c3d3de", "#92c5de", "#4393c3", "#2166ac")
UNKNOWN = "0"  # of a person of whom nothing was read by then


def people_of(readings: pl.DataFrame) -> pl.DataFrame:
    """user_id, network of everybody who was read, sorted."""
    return readings.select("network", "user_id").unique().sort("network", "user_id").with_row_index("person")


def drawn_network(readings: pl.DataFrame, influence: pl.DataFrame, space: EmotionSpace) -> dict[str, Any]:
    """People, their moods over time as one letter a time, and arrows between rows of people.

    Args:
        readings: `Emotide.predict` of everybody.
        influence: `Emotide.influence` with `total`.
        space: that of the readings.

    Returns:
        `moods`: a text a person; letter k of it says the mood at `times[k]`: `0` not yet read, `1` the first of `names`
        and so on, by code point. A mood holds until the next reading. Of a space of dimensions the names are nine
        steps of the first of them, from low to high.
    """
    people = people_of(readings)
    times = slider_times(readings)
    codes = mood_codes(readings, people, times, space)
    pairs = arrows_of(influence, people)
    source, target = (pairs[name].cast(pl.Int64).to_numpy() for name in ("source", "target"))
    strength = pairs["strength"].to_numpy().astype(float)
    pull = strength / strength.max() if len(strength) and strength.max() > 0 else strength
    place = positions(source, target, pull, people["network"].rank("dense").cast(pl.Int64).to_numpy())
    return {
        "space": space.name,
        "names": names_of(space),
        "colours": shades_of(space),
        "times": plain(times.to_list()),
        "people": {
            "user": people["user_id"].to_list(),
            "network": people["network"].to_list(),
            "x": np.round(place[:, 0], 4).tolist(),
            "y": np.round(place[:, 1], 4).tolist(),
        },
        "moods": _letters(codes),
        "arrows": {
            "source": source.tolist(),
            "target": target.tolist(),
            "effect": plain(pairs["effect"].to_list()),
            "strength": plain(pairs["strength"].to_list()),
            "clear": pairs["clear"].to_list(),
        },
    }


def names_of(space: EmotionSpace) -> list[str]:
    """What colours stand for."""
    return [f"{space.names[0]} {k}" for k in range(1, 10)] if space.dimensional else list(space.names)


def shades_of(space: EmotionSpace) -> list[str]:
    """A colour a name: categories by hue, the nine steps of a dimension from red over grey to blue."""
    return list(DIVERGING) if space.dimensional else colours_of(space.names)


def slider_times(readings: pl.DataFrame) -> pl.Series:
    """The times of recognitions; where there are very many, evenly chosen ones, the last among them."""
    times = readings.filter(pl.col("horizon") == 0)["time"].unique().sort()
    if len(times) <= MOST_TIMES:
        return times
    return times.gather(np.linspace(0, len(times) - 1, MOST_TIMES).round().astype(int))


def mood_codes(
    readings: pl.DataFrame, people: pl.DataFrame, times: pl.Series, space: EmotionSpace
) -> Int[np.ndarray, "people times"]:
    """What each was last read as at each time: 0 not yet, 1 the first name, and so on."""
    rows = (
        readings.filter(pl.col("horizon") == 0)
        .join(people, on=["network", "user_id"], how="inner")
        .sort("time", maintain_order=True)
    )
    at = np.searchsorted(times.to_physical().to_numpy(), rows["time"].to_physical().to_numpy())
    codes = np.zeros((len(people), len(times)), np.int16)
    codes[rows["person"].to_numpy().astype(np.int64), at] = _codes(rows, space)
    filled = np.maximum.accumulate(np.where(codes > 0, np.arange(len(times)), 0), axis=1)
    return np.asarray(np.take_along_axis(codes, filled, 1))


def _letters(codes: Int[np.ndarray, "people times"]) -> list[str]:
    """A text a person, one letter a time."""
    letters = (codes + ord(UNKNOWN)).astype(np.uint32)  # as numpy holds texts
    told: list[str] = letters.view(f"U{letters.shape[1]}")[:, 0].tolist() if letters.size else [""] * len(letters)
    return told


def _codes(rows: pl.DataFrame, space: EmotionSpace) -> Int[np.ndarray, " rows"]:
    if not space.dimensional:
        return rows["reading"].replace_strict(list(space.names), list(range(1, len(space.names) + 1))).to_numpy()
    end = space.dimensions[space.names[0]]
    share = (rows[space.names[0]].to_numpy().astype(float) - end.low) / (end.high - end.low)
    return np.asarray(1 + np.clip((share * 9).astype(np.int64), 0, 8))


def arrows_of(influence: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """source, target (rows of people), effect, strength, clear (it stands out from chance); the strongest are kept."""
    who = people.select("network", "user_id", "person")
    return (
        influence.with_columns(clear=(pl.col("q_value") <= CLEAR).fill_null(False))
        .join(who.rename({"user_id": "source_id", "person": "source"}), on=["network", "source_id"])
        .join(who.rename({"user_id": "target_id", "person": "target"}), on=["network", "target_id"])
        .sort("clear", "strength", "source", "target", descending=[True, True, False, False])
        .head(ARROWS * len(people))
        .select("source", "target", "effect", "strength", "clear")
    )
