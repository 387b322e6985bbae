"""The feedback of a log as a recommender reads it: in which state, what was shown, what came back (paper 4)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.api.frames import steps_at
from emotide.api.items import Items
from emotide.api.social_log import SocialLog
from emotide.model.trace import SHOWN, states_before
from emotide.recommend import Transitions, recovered
from emotide.recommend.rows import Rows
from emotide.timeline import Timeline
from emotide.train import Trained


@dataclass(frozen=True)
class Told(Rows):
    """Feedback in the order of its time.

    Attributes:
        user: rows of the timeline's table of users.
        state: of each user as it stood before the step of the feedback.
        item: rows of the table of items.
        reward: with what a low mood gained, where that is rewarded.
        time: microseconds since 1970.
        propensity: NaN where the log does not say.
    """

    user: Int[np.ndarray, " n"]
    state: Float[np.ndarray, "n state"]
    item: Int[np.ndarray, " n"]
    reward: Float[np.ndarray, " n"]
    time: Int[np.ndarray, " n"]
    propensity: Float[np.ndarray, " n"]

    @property
    def transitions(self) -> Transitions:
        """Each feedback linked to the same user's next one."""
        return Transitions.from_feedback(self.user, self.time, self.state, self.item, self.reward, self.propensity)

    @property
    def place(self) -> dict[str, Any]:
        """Up to where this goes: the latest time, and how many rows there are up to it."""
        return {"time": int(self.time[-1]), "rows": len(self)} if len(self) else {}


def told_by(
    trained: Trained, log: SocialLog, timeline: Timeline, vectors: Tensor, items: Items, recovery: float = 0.0
) -> Told:
    """The feedback of a log on these items; `recovery` is the weight of what a low mood gains."""
    place = items.table.select("item_id").with_row_index("item")
    feedback = log.table("feedback").join(place, on="item_id").sort("time", "network", "user_id", "item_id")
    user, step = steps_at(timeline, feedback)
    H, M = states_before(trained.model, timeline, vectors, SHOWN["known"], user, step)
    time, reward = feedback["time"].to_physical().to_numpy(), feedback["reward"].to_numpy().astype(float)
    if recovery and len(feedback):
        reward = _with_recovery(reward, pleasure_of(trained, H, M), user, time, recovery)
    propensity = feedback["propensity"].fill_null(float("nan")).to_numpy()
    return Told(user, H, feedback["item"].cast(pl.Int64).to_numpy(), reward, time, propensity)


def moment(time: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return datetime.fromtimestamp(time / 1e6, UTC)


def pleasure_of(trained: Trained, H: np.ndarray, M: np.ndarray) -> Float[np.ndarray, " rows"]:
    """Pleasure as it is read from each state."""
    with torch.no_grad():
        Y = trained.model.network.read(torch.from_numpy(H).to(trained.device), torch.from_numpy(M).to(trained.device))
    return Y[:, 0].cpu().numpy().astype(float)


def _with_recovery(
    reward: np.ndarray, pleasure: np.ndarray, user: np.ndarray, time: np.ndarray, weight: float
) -> Float[np.ndarray, " feedback"]:
    """The rewards with what low moods gained by the same user's next feedback; the last of a user gains nothing."""
    order = np.lexsort((time, user))
    after = pleasure.copy()
    same = user[order][1:] == user[order][:-1]
    after[order[:-1][same]] = pleasure[order[1:][same]]
    return recovered(reward, pleasure, after, weight)
