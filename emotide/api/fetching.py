"""Which posts are worth fetching for whom: of a store, or of an index of posts that nobody has yet (paper 2)."""

import math
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import torch
from jaxtyping import Float32

from emotide.api.frames import steps_at
from emotide.api.screening import OpenedPosts, Screening, looks
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.log import TABLES, are_kept
from emotide.log.single import read_single
from emotide.model import Shown
from emotide.model.screening import EVEN
from emotide.model.trace import states_before, trace
from emotide.nn.sampling import best, inclusion
from emotide.timeline import Timeline
from emotide.train import Trained
from emotide.vectors.coarse import coarse_vectors

COLUMNS = ("post_id", "user_id", "network", "time")


def posts_in(budget: int | float | str) -> int | float:
    """A budget as it is written: how many posts (50), or a share of them (0.2, 20%).

    Raises:
        BadInput: it is neither.
    """
    text = str(budget).strip()
    try:
        number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        number = math.nan
    if text.isdigit() and number >= 1:
        return int(text)
    if not 0 < number <= 1:
        raise BadInput(f"budget {text!r}: wanted how many posts, such as 50, or a share of them, such as 0.2 or 20%")
    return number


def worth_fetching(
    screening: Screening,
    trained: Trained,
    log: SocialLog,
    timeline: Timeline,
    shown: Shown | None,
    budget: int | float | str,
    index: Path | None,
) -> pl.DataFrame:
    """post_id, user_id, network, time, importance, chance, rank; see `Emotide.screen`."""
    budget = posts_in(budget)
    if index is None:
        posts, owner, importance = _of_log(screening, trained, log, timeline, shown, budget)
    else:
        posts, owner, importance = _of_index(screening, trained, log, timeline, shown, index)
    if posts.is_empty():
        raise BadInput("the log holds no posts: there is nothing to choose from")
    many = min(budget if isinstance(budget, int) else math.ceil(budget * len(posts) - 1e-9), len(posts))
    share, whose = torch.from_numpy(importance.copy()), torch.from_numpy(owner)
    chance = inclusion((1 - EVEN) * share + EVEN / whose.bincount()[whose], many).numpy()
    kept = best(share, whose, many).numpy()
    told = posts.with_columns(pl.Series("importance", importance), pl.Series("chance", chance.astype(np.float32)))
    ranked = told[kept].sort("importance", "time", "post_id", descending=[True, True, False])
    return ranked.with_columns(rank=pl.int_range(1, len(ranked) + 1, dtype=pl.Int32))


def _of_log(
    screening: Screening,
    trained: Trained,
    log: SocialLog,
    timeline: Timeline,
    shown: Shown | None,
    budget: int | float,
) -> tuple[pl.DataFrame, np.ndarray, Float32[np.ndarray, " posts"]]:
    """The posts of a log, an author and step of each as a number, and importance, with the budget's posts open."""
    share = budget / max(1, len(timeline.posts)) if isinstance(budget, int) else budget
    screen = OpenedPosts(screening.importance, trained, log, timeline, min(1.0, share), "top")
    trace(trained.model, screen.timeline, screen, shown)
    posts = timeline.posts.select("post_id", "time", "network", "user").with_columns(
        timeline.users["user_id"].gather(timeline.posts["user"])
    )
    owner = timeline.posts.select(pl.struct("user", "step").rank("dense") - 1).to_series().cast(pl.Int64)
    there = ~np.isnan(screen.importance)  # a post of which there is nothing to read was never looked at
    return posts.select(COLUMNS).filter(there), owner.to_numpy()[there], screen.importance[there]


def _of_index(
    screening: Screening,
    trained: Trained,
    log: SocialLog,
    timeline: Timeline,
    shown: Shown | None,
    index: Path,
) -> tuple[pl.DataFrame, np.ndarray, Float32[np.ndarray, " posts"]]:
    """The same of posts that the log does not hold, told from the state that each author was in by then."""
    posts, rejects = read_single(index, TABLES["posts"])
    kept = are_kept(rejects)
    for some, what in ((rejects.filter(~kept), "are left out"), (rejects.filter(kept), "lack a file")):
        if len(some):
            first = some.row(0, named=True)
            where = f"{first['file']}, row {first['row']}" + (f", column {first['column']}" if first["column"] else "")
            warnings.warn(f"{len(some)} rows of the index {what}; {where}: {first['reason']}", stacklevel=4)
    if posts.is_empty():
        raise BadInput("holds no usable row", index)
    known = posts.with_row_index().join(timeline.users, on=["user_id", "network"], how="semi")["index"].to_numpy()
    H = trained.model.network.H_0.detach().cpu().expand(len(posts), -1).clone()  # of somebody never heard of
    step: np.ndarray = posts["time"].to_physical().to_numpy() // (timeline.config.window or 1)
    if len(known):
        user, begun = steps_at(timeline, posts[known])
        seen = trained.observed(log.contents(timeline))
        before, _ = states_before(trained.model, seen.of(timeline), seen.vectors, shown, user, begun)
        H[torch.from_numpy(known.astype(np.int64))] = torch.from_numpy(before)
        step[known] = begun
    of = posts.select("network", "user_id", step=pl.Series(step)).select(pl.struct(pl.all()).rank("dense") - 1)
    owner = of.to_series().cast(pl.Int64).to_numpy().copy()
    coarse = torch.from_numpy(coarse_vectors(posts, cache=looks()).vectors)
    authors = np.unique(owner, return_index=True)[1]
    with torch.no_grad():
        told = screening.importance(
            H[authors].to(trained.device), torch.from_numpy(owner).to(trained.device), coarse.to(trained.device)
        )
    return posts.select(COLUMNS), owner, told.cpu().numpy()
