"""Groups over time: what they want and how they feel, never of fewer people than the least."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int

from emotide.model import EmotionSpace
from emotide.serve.dashboard.network import mood_codes, names_of, people_of, shades_of, slider_times
from emotide.serve.dashboard.plain import plain


def group_moods(readings: pl.DataFrame, space: EmotionSpace, least: int) -> dict[str, Any]:
    """Shares of moods over time in each network.

    Returns:
        `networks`: name, n (people) and shares, a list a name with a share a time; null while fewer than `least` people
        were read. Networks of fewer people are left out.
    """
    people, times = people_of(readings), slider_times(readings)
    codes = mood_codes(readings, people, times, space)
    rows = people.group_by("network").agg(first=pl.col("person").min(), n=pl.len())  # they stand by network
    groups: list[dict[str, Any]] = [
        {"name": name, "n": n, "shares": _shares(codes[first : first + n], len(names_of(space)), least)}
        for name, first, n in rows.filter(pl.col("n") >= least).iter_rows()
    ]
    groups.sort(key=lambda group: (-int(group["n"]), group["name"]))
    return {
        "space": space.name,
        "names": names_of(space),
        "colours": shades_of(space),
        "times": plain(times.to_list()),
        "networks": groups,
    }


def _shares(codes: Int[np.ndarray, "people times"], names: int, least: int) -> list[list[float | None]]:
    known = (codes > 0).sum(0)
    held = np.array([(codes == k).sum(0) for k in range(1, names + 1)])
    share = np.where(known >= least, held / np.maximum(known, 1), np.nan)
    told: list[list[float | None]] = plain(share.tolist())
    return told
