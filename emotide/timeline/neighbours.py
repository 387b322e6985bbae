"""Who stands in whose sight: the active pairs of every step (DESIGN 3.3, Nei(i, t))."""

from typing import Any

import numpy as np
import polars as pl

from emotide.timeline.config import TimelineConfig


def compile_pairs(
    contacts: pl.DataFrame, ties: pl.DataFrame, active: pl.DataFrame, users: int, kinds: int, config: TimelineConfig
) -> dict[str, Any]:
    """The arrays of `Events` about pairs: for every active user the neighbours of that step, sorted by target.

    A neighbour of i is somebody with whom i was in contact, either way, in this step or lately, or whom a standing tie
    makes i look at; the latest contacts come first, then the ties. Up to `config.max_neighbours` are known from before
    the step, whatever happens in it, so that a forecast sees nothing of the step; as many may be new in it.

    Args:
        contacts: source, target, step, kind.
        ties: source (who looks), target (whom), begin, end.
        active: step, user; sorted by network, step and user.
        users, kinds: how many users and kinds of interaction there are.
        config: how many neighbours, and for how long.
    """
    near = pl.concat([_met(_both_ways(contacts), active, config), _tied(ties, active, config)])
    known, new = (_nearest(near.filter(pl.col("known") == before), config.max_neighbours) for before in (True, False))
    pairs = (
        pl.concat([known, new.join(known, on=["row", "source"], how="anti")])
        .join(active.select("step", "user").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)), on="row")
        .rename({"user": "target"})
        .with_columns(key=pl.col("source").cast(pl.Int64) * users + pl.col("target"))
        .sort("row", "source")
    )
    _, numbered = np.unique(pairs["key"].to_numpy(), return_inverse=True)
    since = (pl.col("step") - pl.col("step").shift(1).over("key")).fill_null(-1).cast(pl.Float32)
    return {
        "pair_step": pairs["step"].to_numpy(),
        "pair": numbered.astype(np.int32),
        "pair_source": pairs["source"].to_numpy(),
        "pair_target": pairs["target"].to_numpy(),
        "pair_elapsed": pairs.select(since)["step"].to_numpy(),
        "pair_known": pairs["known"].to_numpy(),
        "pair_kinds": _kinds(pairs, contacts, kinds, users),
    }


def _both_ways(contacts: pl.DataFrame) -> pl.DataFrame:
    """Each contact once from either end: who was met (source), by whom (target), when."""
    back = contacts.select(source="target", target="source", step="step")
    return pl.concat([contacts.select("source", "target", "step"), back]).unique()


def _met(met: pl.DataFrame, active: pl.DataFrame, config: TimelineConfig) -> pl.DataFrame:
    """For each active row the sources of the contacts of the step and of the latest before it.

    Of those before it looks at four times as many as may stay.
    """
    met = met.sort("target", "step", "source")
    key, asked = _moment(met["target"], met["step"]), _moment(active["user"], active["step"])
    before, end = (np.searchsorted(key, asked, side=side) for side in ("left", "right"))
    owner_start = np.searchsorted(met["target"].to_numpy(), active["user"].to_numpy())
    row, contact = _ranges(np.maximum(owner_start, before - 4 * config.max_neighbours), end)
    last, step = met["step"].to_numpy()[contact], active["step"].to_numpy()[row]
    fresh = step - last <= config.neighbour_memory
    source = met["source"].to_numpy()[contact]
    return pl.DataFrame({"row": row, "source": source, "last": last, "known": last < step}).filter(fresh)


def _tied(ties: pl.DataFrame, active: pl.DataFrame, config: TimelineConfig) -> pl.DataFrame:
    """For each active row whom its user's standing ties point at, the latest begun; any contact goes before them."""
    ties = ties.sort("source", "begin", "target")
    key, asked = _moment(ties["source"], ties["begin"]), _moment(active["user"], active["step"])
    end = np.searchsorted(key, asked, side="right")
    owner_start = np.searchsorted(ties["source"].to_numpy(), active["user"].to_numpy())
    row, tie = _ranges(np.maximum(owner_start, end - 8 * config.max_neighbours), end)
    step, begin = active["step"].to_numpy()[row], ties["begin"].to_numpy()[tie]
    last = np.full(len(row), np.iinfo(np.int32).min, np.int32)
    found = {"row": row, "source": ties["target"].to_numpy()[tie], "last": last, "known": begin < step}
    return pl.DataFrame(found).filter(step <= ties["end"].to_numpy()[tie])


def _nearest(near: pl.DataFrame, most: int) -> pl.DataFrame:
    """The sources of each row with the latest contacts: row, source, known."""
    return (
        near.group_by("row", "source")
        .agg(pl.col("known").first(), pl.col("last").max())
        .sort("row", "last", "source", descending=[False, True, False])
        .filter(pl.int_range(pl.len()).over("row") < most)
        .drop("last")
    )


def _moment(user: pl.Series, step: pl.Series) -> np.ndarray:
    moment: np.ndarray = (user.to_numpy().astype(np.int64) << 32) + step.to_numpy()
    return moment


def _ranges(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every position of every range, and which range it is of."""
    length = end - start
    row = np.repeat(np.arange(len(start)), length)
    return row, np.arange(length.sum()) - np.repeat(np.cumsum(length) - length - start, length)


def _kinds(pairs: pl.DataFrame, contacts: pl.DataFrame, kinds: int, users: int) -> np.ndarray:
    """uint8[pairs, 2 · kinds]: contacts of the step by kind from source to target, then from target to source."""
    counts = np.zeros((len(pairs), 2 * kinds), np.uint8)
    rows = pairs.select("key", "step").with_row_index("pair_row")
    for offset, (source, target) in ((0, ("source", "target")), (kinds, ("target", "source"))):
        key = pl.col(source).cast(pl.Int64) * users + pl.col(target)
        count = pl.len().clip(0, 255).cast(pl.UInt8).alias("n")
        happened = contacts.group_by(key.alias("key"), "step", "kind").agg(count)
        found = rows.join(happened, on=["key", "step"])
        counts[found["pair_row"].to_numpy(), offset + found["kind"].to_numpy()] = found["n"].to_numpy()
    return counts
