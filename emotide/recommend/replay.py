"""Transitions from logged feedback, and the memory they are replayed from (paper 4, Fig. 6)."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int64, Shaped

from emotide.errors import BadInput


@dataclass(frozen=True)
class Transitions:
    """What was shown to whom in which state, what came back, and where it led; one row a feedback.

    Attributes:
        state: H when the item was shown.
        item: what was shown, as a row of the table of item vectors.
        reward: the feedback.
        next_state: H at the same user's next feedback; without meaning where `done`.
        done: there is no next feedback of that user.
        propensity: probability with which the item had been chosen; NaN where the log does not say.
    """

    state: Float32[np.ndarray, "n d"]
    item: Int64[np.ndarray, " n"]
    reward: Float32[np.ndarray, " n"]
    next_state: Float32[np.ndarray, "n d"]
    done: Bool[np.ndarray, " n"]
    propensity: Float32[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.item)

    def __getitem__(self, rows: slice | Int[np.ndarray, " rows"]) -> "Transitions":
        """Some rows."""
        return Transitions(*(getattr(self, field.name)[rows] for field in fields(self)))

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


class Replay:
    """A ring that holds the last `capacity` transitions and gives them back at random, each as likely as another.

    Args:
        capacity: how many are held.
        state: width of H.
        seed: of the sampling.
    """

    def __init__(self, capacity: int, state: int, seed: int = 0) -> None:
        self.capacity, self.seen = capacity, 0
        self.rng = np.random.default_rng(seed)
        self.rows = Transitions(
            np.empty((capacity, state), np.float32), np.empty(capacity, np.int64), np.empty(capacity, np.float32),
            np.empty((capacity, state), np.float32), np.empty(capacity, bool), np.empty(capacity, np.float32),
        )  # fmt: skip

    def __len__(self) -> int:
        return min(self.seen, self.capacity)

    def add(self, new: Transitions) -> None:
        """Take new transitions in order; the oldest make room."""
        kept = new[-self.capacity :]
        self.seen += len(new)
        place = np.arange(self.seen - len(kept), self.seen) % self.capacity
        for field in fields(Transitions):
            getattr(self.rows, field.name)[place] = getattr(kept, field.name)

    def sample(self, n: int, newest: bool = False) -> Transitions:
        """`n` transitions drawn with replacement; with `newest` the first of them is the one added last.

        Raises:
            BadInput: the memory is empty.
        """
        if not self.seen:
            raise BadInput("nothing to replay: give the memory transitions first")
        rows = self.rng.integers(0, len(self), n)
        if newest:
            rows[0] = (self.seen - 1) % self.capacity
        return self.rows[rows]
