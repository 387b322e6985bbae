"""The wellbeing guard on a log: what is read of each person, what was shown, what is barred, and its audit."""

from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from torch import Tensor

from emotide.api.items import Items
from emotide.api.social_log import SocialLog
from emotide.model import Shown
from emotide.model.trace import trace
from emotide.recommend import Guard, Held, Ranking
from emotide.recommend.guard import FREE
from emotide.timeline import Timeline
from emotide.train import Trained

LOGGED = 20  # candidates of a decision that the audit lists, by value; what is barred stands among them


def held_of(
    guard: Guard,
    trained: Trained,
    log: SocialLog,
    timeline: Timeline,
    vectors: Tensor,
    shown: Shown | None,
    asked: Int[np.ndarray, " asked"],
    items: Items,
) -> Held:
    """What the rules look at for each asked user at the end of the log: readings of pleasure, and what was shown."""
    found = trace(trained.model, timeline, vectors, shown)
    order = np.lexsort((found.step, found.user))
    pleasure = _last(found.user[order], found.Y[order, 0].astype(float), asked, guard.readings, np.nan)
    recent = _recent(log, timeline, items.table["item_id"], asked, guard.shown)
    return Held(guard, pleasure, recent, guard.belongs(items.tags))


def audit_rows(
    H: Float[np.ndarray, "asked state"],
    some: Int[np.ndarray, "asked some"],
    values: Float[np.ndarray, "asked some"],
    ranking: Ranking,
    held: Held | None,
    item_ids: list[str],
) -> list[dict[str, Any]]:
    """One row a decision: in which state; what there was, its value, its rule; what was shown, how likely.

    Args:
        H, ranking: of each.
        some, values: what there was to choose from if nothing were barred, and its value.
        held: the rules that held; None where there were none.
        item_ids: of the items.
    """
    names = [*(rule.name for rule in held.guard.rules), None] if held else [None]  # the last is that of FREE
    rule = held.verdict(some).rule if held else np.full(some.shape, FREE)
    if held:  # what a slate had too much of
        over = held.slates(some, values, (rule == FREE) & (some >= 0), ranking.item.shape[1]).rule
        rule = np.where(rule == FREE, over, rule)
    rows = []
    for row in range(len(H)):
        best = np.argsort(-values[row], kind="stable")[:LOGGED]
        shown = np.flatnonzero(ranking.item[row] >= 0)
        rows.append(
            {
                "state": [round(float(x), 4) for x in H[row]],
                "pleasure": [float(x) for x in held.pleasure[row] if x == x] if held else [],
                "barred": int((rule[row] != FREE).sum()),
                "candidates": [
                    {"item_id": item_ids[some[row, k]], "value": float(values[row, k]), "rule": names[rule[row, k]]}
                    for k in best
                    if some[row, k] >= 0
                ],
                "shown": [
                    {"item_id": item_ids[ranking.item[row, k]], "propensity": float(ranking.propensity[row, k])}
                    for k in shown
                ],
            }
        )  # fmt: skip
    return rows


def _recent(
    log: SocialLog, timeline: Timeline, item_ids: pl.Series, asked: np.ndarray, some: int
) -> Int[np.ndarray, "asked shown"]:
    """The items that each asked user was shown last."""
    users = timeline.users.select("user_id", "network").with_row_index("user")
    place = pl.DataFrame({"item_id": item_ids}).with_row_index("item")
    rows = log.table("feedback").join(users, on=["user_id", "network"]).join(place, on="item_id").sort("user", "time")
    user, item = (rows[name].cast(pl.Int64).to_numpy() for name in ("user", "item"))
    return _last(user, item.astype(float), asked, some, -1.0).astype(int)


def _last(
    user: Int[np.ndarray, " rows"], value: Float[np.ndarray, " rows"], asked: np.ndarray, some: int, none: float
) -> Float[np.ndarray, "asked some"]:
    """The last values of each asked user, the latest last; rows are sorted by user and time."""
    end = np.searchsorted(user, asked, side="right")
    place = end[:, None] - some + np.arange(some)
    held = place >= np.searchsorted(user, asked)[:, None]
    return np.where(held, value[place.clip(min=0)] if len(value) else none, none)
