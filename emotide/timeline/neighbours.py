"""Who stands in whose sight: the active pairs of every step (DESIGN 3.3, Nei(i, t))."""

from typing import Any

import numpy as np
import polars as pl

from emotide.timeline.config import TimelineConfig

NEVER = np.iinfo(np.int32).min  # the last contact of two who share a tie alone


def compile_pairs(
    contacts: pl.DataFrame,
    ties: pl.DataFrame,
    active: pl.DataFrame,
    names: pl.Series,
    kinds: int,
    config: TimelineConfig,
) -> dict[str, Any]:
    """The arrays of `Events` about pairs: for every active user the neighbours of that step, sorted by target.

    A neighbour of i is somebody with whom i was in contact, either way, in this step or lately, or whom a standing tie
    makes i look at. Up to `config.max_neighbours` are known from before the step, whatever happens in it, so that a
    forecast sees nothing of the step; as many may be new in it. Where there are more, they are sampled by importance,
    and `pair_chance` says how likely each was to be drawn (see `_drawn`).

    Args:
        contacts: source, target, step, kind.
        ties: source (who looks), target (whom), begin, end.
        active: step, user; sorted by network, step and user.
        names: user_id of each user; chance hangs on it, so that other networks in the log change nothing.
        kinds: how many kinds of interaction there are.
        config: how many neighbours, and for how long.
    """
    users = len(names)
    near = pl.concat([_met(_both_ways(contacts), active, config), _tied(ties, active, config)])
    known, new = (
        _drawn(_lots(near.filter(pl.col("known") == before), active, names, before, config), config.max_neighbours)
        for before in (True, False)
    )
    # whom either draw may take is in sight unless both leave him out
    either = 1 - (1 - pl.col("chance").fill_null(0)) * (1 - pl.col("chance_new").fill_null(0))
    pairs = (
        known.join(new.rename({"chance": "chance_new"}), on=["row", "source"], how="full", coalesce=True)
        .with_columns(known=pl.col("drawn").fill_null(False), seen=either)
        .filter(pl.col("known") | pl.col("drawn_right").fill_null(False))
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
        "pair_chance": pairs.select("seen", pl.col("chance").fill_null(1.0)).to_numpy().astype(np.float32),
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
    last = np.full(len(row), NEVER, np.int32)
    found = {"row": row, "source": ties["target"].to_numpy()[tie], "last": last, "known": begin < step}
    return pl.DataFrame(found).filter(step <= ties["end"].to_numpy()[tie])


def _lots(
    near: pl.DataFrame, active: pl.DataFrame, names: pl.Series, before: bool, config: TimelineConfig
) -> pl.DataFrame:
    """Each source of each row once, with its importance, 1 / (1 + steps since the last contact), and a lot in (0, 1).

    A tie without a contact counts like a contact at the end of memory.
    """
    near = near.group_by("row", "source").agg(pl.col("last").max())
    row, last = near["row"].to_numpy(), near["last"].to_numpy()
    step = active["step"].to_numpy()[row].astype(np.int64)
    age = np.where(last == NEVER, config.neighbour_memory, step - last)
    name = names.hash(seed=int(before)).to_numpy()
    target, source = name[active["user"].to_numpy()[row]], name[near["source"].to_numpy()]
    lot = _mixed(target ^ _mixed(source ^ _mixed(step.astype(np.uint64))))
    return near.with_columns(importance=1 / (1.0 + age), lot=((lot >> np.uint64(11)) + 0.5) / 2**53)


def _drawn(near: pl.DataFrame, most: int) -> pl.DataFrame:
    """The sources of each row, whether each is drawn, and the chance it had: row, source, drawn, chance.

    Priority sampling (Duffield, Lund & Thorup 2007): those with the largest importance / lot stay. With τ the first
    priority that goes, each that stays had the chance min(1, importance / τ), and sums weighted by 1 / chance are
    unbiased estimates of the sums over all.
    """
    ordered = near.with_columns(priority=pl.col("importance") / pl.col("lot")).sort(
        "row", "priority", "source", descending=[False, True, False]
    )
    gone = pl.col("priority").get(most, null_on_oob=True).over("row").fill_null(0.0)
    return ordered.select(
        "row",
        "source",
        drawn=pl.int_range(pl.len()).over("row") < most,
        chance=(pl.col("importance") / gone).clip(upper_bound=1.0),
    )


def _mixed(key: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64: every bit of the key moves every bit of the result."""
    with np.errstate(over="ignore"):
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = key ^ (key >> np.uint64(31))
    return mixed


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
