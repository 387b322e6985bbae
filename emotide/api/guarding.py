"""The wellbeing guard on a log: what is read of each person, what was shown, what is barred, and its audit."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int
from torch import Tensor

from emotide.api.social_log import SocialLog
from emotide.model import Shown
from emotide.model.trace import trace
from emotide.recommend import Guard, Ranking
from emotide.recommend.guard import FREE
from emotide.timeline import Timeline
from emotide.train import Trained

LOGGED = 20  # candidates of a decision that the audit lists, by value; what is barred stands among them


@dataclass(frozen=True)
class Barred:
    """What the guard says of every item for every asked user.

    Attributes:
        rule: the rule that bars it, by its place in the file, or `FREE`.
        pleasure: the readings that the rules looked at, the latest last; NaN where there was none.
    """

    guard: Guard
    rule: Int[np.ndarray, "asked items"]
    pleasure: Float[np.ndarray, "asked readings"]


def barred(
    guard: Guard,
    trained: Trained,
    log: SocialLog,
    timeline: Timeline,
    vectors: Tensor,
    shown: Shown | None,
    asked: Int[np.ndarray, " asked"],
) -> Barred:
    """Hold all items against the rules, for each asked user at the end of the log."""
    items = log.table("items").sort("item_id")
    belongs = guard.belongs(items["tags"].to_list())
    found = trace(trained.model, timeline, vectors, shown)
    order = np.lexsort((found.step, found.user))
    pleasure = _last(found.user[order], found.Y[order, 0].astype(float), asked, guard.readings, np.nan)
    recent = _recent(log, timeline, items["item_id"], asked, guard.shown)
    every, rules = np.arange(len(items)), []
    for row in range(len(asked)):
        one = slice(row, row + 1)
        rules.append(guard.verdict(pleasure[one], recent[one], every[None], belongs).rule)
    return Barred(guard, np.concatenate(rules) if rules else np.zeros((0, len(items)), int), pleasure)


def audit_table(
    who: pl.DataFrame,
    H: Float[np.ndarray, "asked state"],
    values: Float[np.ndarray, "asked items"],
    ranking: Ranking,
    held: Barred | None,
    item_ids: list[str],
) -> pl.DataFrame:
    """One row a decision: who, when, in which state; what there was, its value, its rule; what was shown, how likely.

    Args:
        who: user_id, network, time of each asked user.
        H, values, ranking: of each.
        held: what the guard said; None where there was none.
        item_ids: of the items.
    """
    names = [*(rule.name for rule in held.guard.rules), None] if held else [None]  # the last is that of FREE
    rows = []
    for row in range(len(H)):
        best = np.argsort(-values[row], kind="stable")[:LOGGED]
        rule = held.rule[row] if held else np.full(len(item_ids), FREE)
        shown = np.flatnonzero(ranking.item[row] >= 0)
        rows.append(
            {
                "state": [round(float(x), 4) for x in H[row]],
                "pleasure": [float(x) for x in held.pleasure[row] if x == x] if held else [],
                "barred": int((rule != FREE).sum()),
                "candidates": [
                    {"item_id": item_ids[k], "value": float(values[row, k]), "rule": names[rule[k]]} for k in best
                ],
                "shown": [
                    {"item_id": item_ids[ranking.item[row, k]], "propensity": float(ranking.propensity[row, k])}
                    for k in shown
                ],
            }
        )  # fmt: skip
    return pl.concat([who, pl.DataFrame(rows)], how="horizontal")


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
