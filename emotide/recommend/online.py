"""A policy that learns from feedback as it comes, is watched and taken back when reward falls (paper 4)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import BaseModel, Field

from emotide.errors import BadInput
from emotide.recommend import kept
from emotide.recommend.guard import Held
from emotide.recommend.policy import Ranking
from emotide.recommend.recommender import Recommender
from emotide.recommend.rows import Rows
from emotide.recommend.transitions import Transitions
from emotide.recommend.watch import Watch


class OnlineConfig(BaseModel, frozen=True, extra="forbid"):
    """How a policy that serves is watched and kept."""

    block: int = Field(500, ge=2, description="rewards of the policy's own decisions that are judged together")
    sigmas: float = Field(4.0, gt=0, description="how clear a fall must be before the last good policy comes back")
    every: int = Field(500, ge=1, description="feedback between two checkpoints")
    half_life: int | None = Field(
        20_000, ge=1, description="newer feedback after which one is replayed half as often; none: never stale"
    )
    patience: int = Field(
        5_000, ge=1, description="newer feedback of others after which a person is taken to have gone"
    )


@dataclass(frozen=True)
class Feedback(Rows):
    """What came back for what was shown; one row each, in the order in which it came.

    Attributes:
        user: a whole number that stays the person's while this policy lives.
        state: H (with its context, where there is one) of the person when the item was shown.
        item: what was shown, as a row of the recommender's table of items.
        reward: what came back.
        time: when it was shown, in seconds of any clock; rows of one person are linked in this order.
        propensity: probability with which it had been chosen; None: not known.
        own: whether this policy had chosen it: these rewards alone say how good it is; None: all.
    """

    user: Int[np.ndarray, " n"]
    state: Float[np.ndarray, "n d"]
    item: Int[np.ndarray, " n"]
    reward: Float[np.ndarray, " n"]
    time: Float[np.ndarray, " n"]
    propensity: Float[np.ndarray, " n"] | None = None
    own: Bool[np.ndarray, " n"] | None = None


class Waiting(NamedTuple):
    """A feedback whose next state is not known yet."""

    number: int
    state: Float[np.ndarray, " d"]
    item: int
    reward: float
    propensity: float
    time: float


Led = tuple[int, Waiting, np.ndarray | None]  # whose, what, and the state that it led to; None: to none


class OnlinePolicy:
    """A recommender that serves and learns at once; how a service uses it:

        policy = OnlinePolicy.open(recommender, folder)          # goes on from the folder's checkpoint, if it has one
        ranking = policy.choose(H, top=5, held=held)             # items, values, propensities: log these with the state
        back = policy.learn(Feedback(user, H, item, reward, time, propensity, own), place={"row": 1234})
        policy.place                                             # after a restart: where to go on sending from

    - It knows no store and writes to its folder alone. Calls must not overlap: who serves from threads holds a lock.
    - A feedback teaches once its person's next one is there, for only then is it known where it led; at once where
      nothing is discounted, and at the latest after `patience` newer rows, as the end of a session. What waits is lost
      in a crash, one row a person at most; `remember` it again to lose nothing.
    - Rewards of own decisions, taken after the last return, are watched by `Watch` at once: a block of `block` of them
      that earns clearly less than the kept policy's (z < −`sigmas`) brings the kept policy back. Where rewards do not
      change, that happens to fewer than one block in a thousand; a fall by half a standard deviation of the rewards is
      found in the next whole block, by a quarter nine times in ten within ten (`tests/recommend/test_online.py`). A
      slower decline is not told from a world that changes, and is followed.
    - A checkpoint is whole or not there: weights and optimiser as safetensors, then a small JSON file in one rename. It
      holds nothing of any person. It belongs to the recommender that it began from, and is passed over by another.

    Args:
        recommender: its networks are trained in place.
        folder: of checkpoints; None: none are written.
        config: how it is watched.
    """

    def __init__(
        self, recommender: Recommender, folder: Path | None = None, config: OnlineConfig | None = None
    ) -> None:
        self.recommender, self.folder, self.config = recommender, folder, config or OnlineConfig()
        recommender.memory.half_life = self.config.half_life
        self.watch = Watch(recommender, self.config.block, self.config.sigmas)
        self.waiting: OrderedDict[int, Waiting] = OrderedDict()
        self.came = 0  # feedback that was linked, remembered or new
        self.seen, self.saved, self.returned = 0, 0, -np.inf

    @classmethod
    def open(
        cls, recommender: Recommender, folder: Path | None = None, config: OnlineConfig | None = None
    ) -> "OnlinePolicy":
        """One that goes on where the folder's checkpoint of the same recommender stands; else a new one.

        Raises:
            ModelMismatch: the checkpoint is of this recommender and cannot be read.
        """
        made = cls(recommender, folder, config)
        head = kept.head(folder) if folder is not None else None
        if folder is None or head is None or head["base"] != recommender.base:
            return made
        kept.read(folder, head, recommender, made.watch)
        made.seen = made.saved = head["seen"]
        recommender.place, made.returned = head["place"], head["returned"] if head["returned"] is not None else -np.inf
        return made

    def remember(self, feedback: Feedback) -> None:
        """Earlier feedback, already learned from: it is replayed beside what comes, and its last rows wait again."""
        self._fits(feedback)
        rows, user = self._known(feedback)
        self.recommender.remember(rows, user)

    def learn(self, feedback: Feedback, place: dict[str, Any] | None = None) -> bool:
        """Learn from new feedback; whether the last good policy was put back meanwhile.

        Args:
            feedback: the rows; a person's are linked across calls.
            place: up to where the caller has sent, as JSON; kept with the next checkpoint.

        Raises:
            BadInput: an item without a vector, or a reward that is no number.
            ModelMismatch: states of another width.
        """
        self._fits(feedback)
        returns = self.watch.returns
        for row in range(0, len(feedback), self.config.block):
            some = feedback[row : row + self.config.block]
            rows, user = self._known(some)
            if len(rows):
                self.recommender.learn(rows, user)
            self.seen += len(some)
            mine = some.time > self.returned if some.own is None else some.own & (some.time > self.returned)
            if self.watch.saw(some.reward[mine].astype(float)):
                self.returned = float(some.time.max())
        if place is not None:
            self.recommender.place = place
        back = self.watch.returns > returns
        if self.folder is not None and (back or self.seen - self.saved >= self.config.every):
            self.checkpoint()
        return back

    def choose(
        self,
        H: Float[np.ndarray, "users state"],
        top: int = 1,
        epsilon: float | None = None,
        exclude: Bool[np.ndarray, "users items"] | None = None,
        rng: np.random.Generator | None = None,
        held: Held | None = None,
    ) -> Ranking:
        """What to show now, how much it is worth and how probable it was; arguments as for `Recommender.recommend`."""
        return self.recommender.recommend(H, top, epsilon, exclude, rng, held=held)

    def take(self, items: Float[np.ndarray, "new item"]) -> Int[np.ndarray, " new"]:
        """New items, which may be shown at once; returns their rows in the table of items."""
        return self.recommender.take(items)

    def checkpoint(self) -> Path:
        """Write what was learned and where it stands; the folder.

        Raises:
            BadInput: this policy has no folder.
        """
        if self.folder is None:
            raise BadInput("this policy has no folder for checkpoints: give it one")
        told = {
            "base": self.recommender.base, "seen": self.seen, "place": self.place,
            "returned": self.returned if np.isfinite(self.returned) else None,
        }  # fmt: skip
        kept.write(self.folder, told, self.recommender, self.watch)
        self.saved = self.seen
        return self.folder

    @property
    def place(self) -> dict[str, Any]:
        """Up to where has been learned, as `learn` was last told, or as the recommender has it."""
        return self.recommender.place

    @property
    def running(self) -> dict[str, float | None]:
        """Mean reward of the kept policy's block and of the one that is open, the rows seen, and the returns so far."""
        now, good = self.watch.rewards, self.watch.good
        return {
            "good": good[0] if good else None,
            "now": float(np.mean(now)) if now else None,
            "seen": self.seen,
            "returns": self.watch.returns,
        }

    def _fits(self, feedback: Feedback) -> None:
        self.recommender.fits(feedback.state)
        if len(feedback) and not np.isfinite(feedback.reward).all():
            raise BadInput("a reward is no number")
        items = len(self.recommender.items)
        if len(feedback) and not 0 <= feedback.item.min() <= feedback.item.max() < items:
            raise BadInput(f"feedback on an item that is not among the {items} that have a vector")

    def _known(self, new: Feedback) -> tuple[Transitions, np.ndarray]:
        """The transitions that are whole now, and whose they are."""
        found: list[Led] = []
        at_once = not self.recommender.config.discount
        p = np.full(len(new), np.nan) if new.propensity is None else new.propensity
        for row, who in enumerate(new.user.tolist()):
            self.came += 1
            one = Waiting(self.came, new.state[row], int(new.item[row]), float(new.reward[row]), float(p[row]),
                          float(new.time[row]))  # fmt: skip
            before = self.waiting.get(who)
            if at_once or (before is not None and one.time < before.time):  # late: where it led is not known
                found.append((who, one, None))
                continue
            if before is not None:
                found.append((who, before, one.state))
            self.waiting[who] = one
            self.waiting.move_to_end(who)
            found += self._gone()
        return _rows(found, self.recommender.network.state)

    def _gone(self) -> Iterator[Led]:
        """Those who have waited for too long."""
        while (oldest := next(iter(self.waiting.values()))).number < self.came - self.config.patience:
            yield self.waiting.popitem(last=False)[0], oldest, None


def _rows(found: list[Led], width: int) -> tuple[Transitions, np.ndarray]:
    state = np.array([one.state for _, one, _ in found], np.float32).reshape(-1, width)
    after = np.array([one.state if led is None else led for _, one, led in found], np.float32).reshape(-1, width)
    item, reward, p = (
        np.array([getattr(one, name) for _, one, _ in found], kind)
        for name, kind in (("item", np.int64), ("reward", np.float32), ("propensity", np.float32))
    )
    done = np.array([led is None for _, _, led in found], bool)
    return Transitions(state, item, reward, after, done, p), np.array([who for who, _, _ in found], np.int64)
