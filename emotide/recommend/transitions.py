"""Transitions: what was shown to whom in which state, what came back, and where it led (paper 4, Fig. 6)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, Shaped

from emotide.recommend.rows import Rows


@dataclass(frozen=True)
class Transitions(Rows):
    """What was shown to whom in which state, what came back, and where it led; one row a feedback.

    Attributes:
        state: H when the item was shown.
        item: what was shown, as a row of the table of item vectors.
        reward: the feedback.
        next_state: H at the same user's next feedback; without meaning where `done`.
        done: there is no next feedback of that user.
        propensity: probability with which the item had been chosen; NaN where the log does not say.
        candidates, next_candidates: the items of which one could be shown, then and next, −1 where there were fewer;
            None: any.
        ahead: how many rewards, discounted, are summed in `reward`; None: one.
        weight: of the row in the loss; None: all alike.
    """

    state: Float32[np.ndarray, "n d"]
    item: Int64[np.ndarray, " n"]
    reward: Float32[np.ndarray, " n"]
    next_state: Float32[np.ndarray, "n d"]
    done: Bool[np.ndarray, " n"]
    propensity: Float32[np.ndarray, " n"]
    candidates: Int64[np.ndarray, "n some"] | None = None
    next_candidates: Int64[np.ndarray, "n some"] | None = None
    ahead: Int64[np.ndarray, " n"] | None = None
    weight: Float32[np.ndarray, " n"] | None = None

    @classmethod
    def from_feedback(
        cls,
        user: Shaped[np.ndarray, " n"],
        time: Shaped[np.ndarray, " n"],
        state: Float[np.ndarray, "n d"],
        item: Int[np.ndarray, " n"],
        reward: Float[np.ndarray, " n"],
        propensity: Float[np.ndarray, " n"] | None = None,
    ) -> "Transitions":
        """Link every feedback to the same user's next one.

        Args:
            user, time: of the feedback; of equal times the earlier row comes first.
            state, item, reward, propensity: as in `Transitions`; propensity None where the log has none.

        Returns:
            The rows by user, then time; the last of every user is `done`.
        """
        known = np.full(len(item), np.nan) if propensity is None else propensity
        order = np.lexsort((time, user))  # stable
        who, H = user[order], state[order].astype(np.float32)
        done = np.append(who[1:] != who[:-1], True)[: len(who)]
        after = np.where(done, np.arange(len(who)), np.arange(1, len(who) + 1))
        return cls(
            H, item[order].astype(np.int64), reward[order].astype(np.float32),
            H[after], done, known[order].astype(np.float32),
        )  # fmt: skip
