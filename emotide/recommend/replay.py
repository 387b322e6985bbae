"""The memory that transitions are replayed from (paper 4, Fig. 6)."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Int, Int64

from emotide.errors import BadInput
from emotide.recommend.transitions import Transitions

__all__ = ["Draw", "Replay", "Transitions"]
ALWAYS = ("state", "item", "reward", "next_state", "done", "propensity")
NONE = -1


@dataclass(frozen=True)
class Draw:
    """Transitions that were drawn, and where they lie in the memory."""

    rows: Transitions
    place: Int64[np.ndarray, " n"]


@dataclass
class Replay:
    """A ring that holds the last `capacity` transitions and gives them back at random.

        P(row) ∝ surprise^priority · 2^(−age / half_life),      weight = 1 / (P(row) · rows), the largest being 1

    Each is as likely as another where priority is 0 and there is no half-life. Half-lives are no bias that has to be
    made good: what is stale is meant to count less, so that weights are of the priorities alone (Schaul et al. 2016).

    Args:
        capacity: how many are held.
        state: width of H.
        seed: of the sampling.
        n_step: rewards summed; those of a user whose next transitions are held.
        discount: of the rewards that are summed.
        priority: exponent of the surprise, which `renew` tells; new rows have the largest so far.
        half_life: age, in newer transitions, at which a row is half as likely; None: it plays no part.
    """

    capacity: int
    state: int
    seed: int = 0
    n_step: int = 1
    discount: float = 0.0
    priority: float = 0.0
    half_life: int | None = None
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        capacity, state = self.capacity, self.state
        self.rows = Transitions(
            np.empty((capacity, state), np.float32), np.empty(capacity, np.int64), np.empty(capacity, np.float32),
            np.empty((capacity, state), np.float32), np.empty(capacity, bool), np.empty(capacity, np.float32),
        )  # fmt: skip
        self.surprise = np.ones(capacity)
        self.follows = np.full(capacity, NONE)  # number, from the first ever, of the same user's next transition
        self.last: dict[int, int] = {}

    def __len__(self) -> int:
        return min(self.seen, self.capacity)

    def add(self, new: Transitions, user: Int[np.ndarray, " n"] | None = None) -> None:
        """Take new transitions in order; the oldest make room.

        Args:
            new: the transitions.
            user: whose each is, so that rewards can be summed over later calls; None: a row that is not done is
                followed by the next row, as `from_feedback` has them.
        """
        numbers = np.arange(self.seen, self.seen + len(new))
        place = numbers % self.capacity
        self.seen += len(new)
        kept = slice(max(0, len(new) - self.capacity), None)
        for name in ALWAYS:
            getattr(self.rows, name)[place[kept]] = getattr(new, name)[kept]
        self._keep_candidates(new, place, kept)
        self.surprise[place[kept]] = self.surprise[: max(1, len(self))].max()
        self.follows[place[kept]] = NONE
        if user is not None:
            self._link(numbers, user, new.done)
        elif len(new):
            going = ~new.done[:-1]
            chained = going & (numbers[:-1] >= self.seen - self.capacity)
            self.follows[place[:-1][chained]] = numbers[1:][chained]

    def sample(self, n: int, newest: bool | int = False) -> Transitions:
        """`n` transitions drawn with replacement; the first `newest` of them are those added last, the last one first.

        Raises:
            BadInput: the memory is empty.
        """
        return self.draw(n, newest).rows

    def draw(self, n: int, newest: bool | int = False) -> Draw:
        """What `sample` gives, and where it lies."""
        if not self.seen:
            raise BadInput("nothing to replay: give the memory transitions first")
        held, fixed, weight = len(self), min(int(newest), n, len(self)), None
        if self.half_life is not None and not self.priority:
            # of ages below `held` with P(age) ∝ 2^(−age / half_life), by inversion: without a look at all rows
            left = -np.expm1(-held / self.half_life * np.log(2))
            age = -np.log2(1 - self.rng.random(n) * left) * self.half_life
            place = (self.seen - 1 - np.minimum(age.astype(np.int64), held - 1)) % self.capacity
        elif self.priority:
            likely = self.surprise[:held] ** self.priority
            chance = likely * self._fresh() if self.half_life is not None else likely
            total = chance.cumsum()
            place = np.searchsorted(total, self.rng.random(n) * total[-1], side="right").clip(max=held - 1)
            weight = (likely[place].min(initial=np.inf) / likely[place]).astype(np.float32)
        else:
            place = self.rng.integers(0, held, n)
        place[:fixed] = (self.seen - 1 - np.arange(fixed)) % self.capacity
        if weight is not None:
            weight[:fixed] = 1.0
        rows = self.rows[place] if self.n_step == 1 else self._ahead(place)
        return Draw(replace(rows, weight=weight), place)

    def renew(self, place: Int64[np.ndarray, " n"], surprise: Float[np.ndarray, " n"]) -> None:
        """Tell how far off the values of drawn transitions were, in spreads of the rewards."""
        self.surprise[place] = surprise + 0.01  # nothing is out of reach

    def _fresh(self) -> np.ndarray:
        held = len(self)
        age = (
            (self.seen - 1 - np.arange(held)) % self.capacity
            if self.seen > self.capacity
            else held - 1 - np.arange(held)
        )
        return np.asarray(0.5 ** (age / (self.half_life or np.inf)))

    def _ahead(self, place: Int64[np.ndarray, " n"]) -> Transitions:
        """The rows with the next n_step rewards summed, fewer where the user's rows end or are not held."""
        rows, end = self.rows[place], place.copy()
        reward, ahead = rows.reward.astype(float), np.ones(len(place), np.int64)
        for k in range(1, self.n_step):
            after = self.follows[end]
            goes = (ahead == k) & ~self.rows.done[end] & (after >= max(0, self.seen - self.capacity))
            end = np.where(goes, after % self.capacity, end)
            reward += np.where(goes, self.discount**k * self.rows.reward[end], 0.0)
            ahead += goes
        last = self.rows[end]
        return replace(
            rows, reward=reward.astype(np.float32), next_state=last.next_state, done=last.done, ahead=ahead,
            next_candidates=last.next_candidates,
        )  # fmt: skip

    def _link(self, numbers: np.ndarray, user: np.ndarray, done: np.ndarray) -> None:
        for number, who, ends in zip(numbers.tolist(), user.tolist(), done.tolist(), strict=True):
            before = self.last.get(who, NONE)
            if before >= max(0, self.seen - self.capacity):
                self.follows[before % self.capacity] = number
            self.last[who] = NONE if ends else number

    def _keep_candidates(self, new: Transitions, place: np.ndarray, kept: slice) -> None:
        if new.candidates is None or new.next_candidates is None:
            return
        if self.rows.candidates is None or self.rows.next_candidates is None:
            empty = np.full((self.capacity, new.candidates.shape[1]), NONE)
            self.rows = replace(self.rows, candidates=empty, next_candidates=empty.copy())
        for held, came in ((self.rows.candidates, new.candidates), (self.rows.next_candidates, new.next_candidates)):
            if held is not None:
                held[place[kept]] = came[kept]
