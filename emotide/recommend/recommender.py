"""`Recommender`: learned from logged feedback, asked for slates, taught by every new feedback (paper 4)."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from emotide.errors import BadInput, ModelMismatch
from emotide.recommend import files
from emotide.recommend.config import QConfig
from emotide.recommend.diversity import diversified
from emotide.recommend.guard import Held
from emotide.recommend.learn import Learner
from emotide.recommend.policy import Ranking, epsilon_greedy
from emotide.recommend.q_network import QNetwork
from emotide.recommend.replay import Draw, Replay
from emotide.recommend.shortlist import BLOCK, Shortlist
from emotide.recommend.transitions import Transitions

Progress = Callable[[int, int, str], None]

ALL = 4096  # items up to which Q is asked for all of them
ROWS = 256  # users for whom shortlists are made at once


class Recommender:
    """A Q network with the items it chooses from and the memory it learns from.

    Attributes:
        config: how it learns.
        network, target: Q and the slower Q⁻.
        items: the vectors of all items, on any scale; an item's row is its index everywhere here.
        candidates: which items may be recommended.
        place: up to where the log has been learned from, as whoever keeps logs told it; saved.
        base: a name for the weights that `fit` ended with, by which checkpoints know whose they are; saved.
        memory: the transitions replayed by `learn`. It is not saved, so that a model folder holds nothing of any
            person: after `load`, give it the log again by `remember`.
    """

    def __init__(
        self,
        network: QNetwork,
        target: QNetwork,
        items: Float[np.ndarray, "items item"],
        candidates: Bool[np.ndarray, " items"],
        config: QConfig,
    ) -> None:
        self.network, self.target, self.config = network, target, config
        self.items, self.candidates = torch.from_numpy(items.astype(np.float32)), torch.from_numpy(candidates.copy())
        self.learner = Learner(network, target, self.items, self.candidates, config)
        self.shortlist: Shortlist | None = None  # made when it is first wanted
        self.place: dict[str, Any] = {}
        self.base = files.digest(network)
        self.memory = Replay(
            config.memory, network.state, config.seed, config.n_step, config.discount, config.priority, config.half_life
        )

    @classmethod
    def new(
        cls,
        state: int,
        item_vectors: Float[np.ndarray, "items item"],
        config: QConfig | None = None,
        candidates: Bool[np.ndarray, " items"] | None = None,
        context: int = 0,
    ) -> "Recommender":
        """One that has seen nothing yet; it takes its scales from the first `batch` rewards and then learns.

        Args:
            state: width of the states, with their context.
            item_vectors: of all items.
            config: how; sensible defaults.
            candidates: which items may be recommended; all by default.
            context: how many of the last columns of a state are context.
        """
        config = config or QConfig()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = QNetwork(state, item_vectors.shape[1], config, context)
        allowed = np.ones(len(item_vectors), bool) if candidates is None else candidates
        return cls(network, deepcopy(network), item_vectors, allowed, config)

    @classmethod
    def fit(
        cls,
        transitions: Transitions,
        item_vectors: Float[np.ndarray, "items item"],
        config: QConfig | None = None,
        candidates: Bool[np.ndarray, " items"] | None = None,
        progress: Progress | None = None,
        context: int = 0,
    ) -> "Recommender":
        """Learn from a log of feedback.

        Args:
            transitions: the log.
            item_vectors: of all items.
            config: how; sensible defaults.
            candidates: which items may be recommended; all by default.
            progress: called with (step, steps, what happened).
            context: how many of the last columns of a state are context.

        Raises:
            BadInput: no feedback, no item that may be recommended, or an item without a vector.
        """
        config = config or QConfig()
        allowed = np.ones(len(item_vectors), bool) if candidates is None else candidates
        if not len(transitions) or not allowed.any():
            raise BadInput(f"{len(transitions)} feedbacks on {int(allowed.sum())} items: nothing to learn from")
        config = config.model_copy(update={"memory": max(config.memory, len(transitions))})
        made = cls.new(transitions.state.shape[1], item_vectors, config, allowed, context)
        made.remember(transitions)
        made._measure(transitions)
        made._regress(transitions)
        made._replay(min(config.steps, round(config.passes * len(transitions) / config.batch) + 1), progress)
        made.base = files.digest(made.network)
        return made

    def remember(self, transitions: Transitions, user: Int[np.ndarray, " n"] | None = None) -> None:
        """Take transitions into the memory without learning from them yet; `user` as for `Replay.add`.

        Raises:
            BadInput: an item without a vector.
            ModelMismatch: states of another width.
        """
        self.fits(transitions.state)
        if len(transitions) and not 0 <= transitions.item.min() <= transitions.item.max() < len(self.items):
            raise BadInput(f"feedback on an item that is not among the {len(self.items)} that have a vector")
        self.memory.add(transitions, user)

    def learn(self, transitions: Transitions, user: Int[np.ndarray, " n"] | None = None) -> None:
        """Learn online: after each `online_every` new rewards one gradient step on them and on older ones beside them.

        Raises:
            BadInput: an item without a vector.
            ModelMismatch: states of another width.
        """
        config, some = self.config, self.config.online_every
        for row in range(0, len(transitions), some):
            new = transitions[row : row + some]
            self.remember(new, None if user is None else user[row : row + some])
            if not self.network.measured and len(self.memory) < config.batch:
                continue
            if not self.network.measured:
                self._measure(self.memory.rows[: len(self.memory)])
                self._regress(self.memory.rows[: len(self.memory)])
            else:
                self._regress(new)
            drawn = self.memory.draw(max(len(new), config.online_batch) if config.replay else len(new), len(new))
            self.learner.step(drawn.rows, config.online_learning_rate)
            self._renew(drawn)

    def take(self, items: Float[np.ndarray, "new item"]) -> Int[np.ndarray, " new"]:
        """Take new items into the table, to be recommended at once; returns their rows.

        Raises:
            ModelMismatch: vectors of another width.
        """
        self._wide(items)
        rows = len(self.items) + np.arange(len(items))
        self.items = torch.cat([self.items, torch.from_numpy(items.astype(np.float32))])
        self.candidates = torch.cat([self.candidates, torch.ones(len(items), dtype=torch.bool)])
        self.learner.items, self.learner.candidates, self.shortlist = self.items, self.candidates, None
        return rows

    def choose(
        self,
        H: Float[np.ndarray, "users state"],
        candidates: Int[np.ndarray, "users some"],
        top: int = 1,
        epsilon: float | None = None,
        allowed: Bool[np.ndarray, "users some"] | None = None,
        rng: np.random.Generator | None = None,
        optimism: float = 0.0,
    ) -> Ranking:
        """An ε-greedy slate for every user from items of the user's own; other arguments as for `recommend`.

        Args:
            H: the users' states.
            candidates: rows of the table of items; below 0 where there are fewer.
            top: ranks.
            epsilon: ε.
            allowed: which of them may be shown; all by default.
            rng: where chance comes from.
            optimism: what an item gains in order, but not in value, by each unit of `QNetwork.unsure`: what is little
                known is tried; nothing without a linear part.
        """
        self.fits(H)
        rng = rng or np.random.default_rng(self.config.seed)
        epsilon = self.config.epsilon if epsilon is None else epsilon
        values = self.values(H, candidates)
        may = (candidates >= 0) & self.candidates.numpy()[candidates.clip(min=0)]
        order = values
        if optimism:
            states = torch.from_numpy(H.astype(np.float32))
            order = values + optimism * self.network.unsure(states, self.items, torch.from_numpy(candidates)).numpy()
        found = epsilon_greedy(order, may if allowed is None else may & allowed, top, epsilon, rng)
        item, value = (np.take_along_axis(of, found.item.clip(min=0), 1) for of in (candidates, values))
        shown = found.item >= 0
        return replace(found, item=np.where(shown, item, -1), value=np.where(shown, value, np.float32(np.nan)))

    def recommend(
        self,
        H: Float[np.ndarray, "users state"],
        top: int,
        epsilon: float | None = None,
        exclude: Bool[np.ndarray, "users items"] | None = None,
        rng: np.random.Generator | None = None,
        diversity: float = 0.0,
        held: Held | None = None,
    ) -> Ranking:
        """An ε-greedy slate for every user; from very many items, from a shortlist of them (`considered`).

        Args:
            H: the users' states.
            top: ranks.
            epsilon: ε; the config's by default, 0 for the best items and nothing else.
            exclude: items that a user is not to be shown.
            rng: where chance comes from; seeded by the config by default.
            diversity: from 0, the best by value, to 1, the least alike; see `diversified`.
            held: the rules that hold for these users; no item and no slate breaks one.

        Raises:
            ModelMismatch: states of another width.
        """
        self.fits(H)
        rng = rng or np.random.default_rng(self.config.seed)
        epsilon = self.config.epsilon if epsilon is None else epsilon
        size, blocks = max(1, BLOCK // len(self.items)), []
        size = size if len(self.items) <= ALL else min(size, ROWS)
        for u in range(0, max(1, len(H)), size):
            rows = slice(u, u + size)
            of = held[rows] if held is not None else None
            some, values = self.considered(H[rows], None if exclude is None else exclude[rows], of)
            may = some >= 0
            if of is not None:
                may = of.slates(some, values, may, top).allowed
            found = self._slates(some, values, may, top, epsilon, rng, diversity)
            item = np.take_along_axis(some, found.item.clip(min=0), 1)
            blocks.append(replace(found, item=np.where(found.item >= 0, item, -1)))
        return Ranking(*(np.concatenate([getattr(b, name) for b in blocks]) for name in Ranking.__dataclass_fields__))

    def considered(
        self,
        H: Float[np.ndarray, "users state"],
        exclude: Bool[np.ndarray, "users items"] | None = None,
        held: Held | None = None,
    ) -> tuple[Int[np.ndarray, "users some"], Float[np.ndarray, "users some"]]:
        """Of which items a slate is made, −1 for one that may not be shown, and their Q.

        All items up to `ALL`; above, those of a `Shortlist` for each user, taken from what the user may be shown.
        """
        allowed = np.broadcast_to(self.candidates.numpy(), (len(H), len(self.items)))
        allowed = allowed if exclude is None else allowed & ~exclude
        every = np.broadcast_to(np.arange(len(self.items)), allowed.shape)
        if held is not None:
            allowed = allowed & held.verdict(every).allowed
        if len(self.items) <= ALL:
            return np.where(allowed, every, -1), self.scores(H)
        if self.shortlist is None:
            self.shortlist = Shortlist(self)
        some = self.shortlist.picked(H, None if exclude is None and held is None else allowed)
        return some, self.values(H, some)

    @property
    def chooser(self) -> QNetwork:
        """The network whose values are followed."""
        return self.target if self.config.averaged else self.network

    def scores(self, H: Float[np.ndarray, "users state"]) -> Float[np.ndarray, "users items"]:
        """Q(H, a) of every item for every user."""
        return self.chooser.scores(torch.from_numpy(H.astype(np.float32)), self.items).numpy()

    def values(
        self, H: Float[np.ndarray, "users state"], some: Int[np.ndarray, "users some"]
    ) -> Float[np.ndarray, "users some"]:
        """Q(H, a) of some items for each user."""
        with torch.no_grad():
            found = self.chooser.among(torch.from_numpy(H.astype(np.float32)), self.items, torch.from_numpy(some))
        return found.numpy()

    def neutral(self) -> Float[np.ndarray, " items"]:
        """Q(H̄, a) of every item at the mean state of the log, which reasons compare with."""
        return self.chooser.scores(self.network.state_mean[None], self.items)[0].numpy()

    def save(self, folder: Path) -> None:
        """Write networks, items and config: safetensors and JSON, nothing that runs on loading."""
        facts = {"base": self.base, "place": self.place}
        files.save(folder, self.network, self.target, self.items, self.candidates, self.config, facts)

    @classmethod
    def load(cls, folder: Path) -> "Recommender":
        """What `save` wrote, with an empty memory.

        Raises:
            ModelMismatch: there is no whole recommender, or it was written by another version.
        """
        network, target, items, candidates, config, facts = files.load(folder)
        made = cls(network, target, items.numpy(), candidates.numpy(), config)
        made.base, made.place = facts.get("base", made.base), facts.get("place", made.place)
        return made

    def over(self, items: Float[np.ndarray, "items item"]) -> "Recommender":
        """The same networks, choosing from other items; it learns for both.

        Raises:
            ModelMismatch: vectors of another width.
        """
        self._wide(items)
        made = Recommender(self.network, self.target, items, np.ones(len(items), bool), self.config)
        made.base, made.place = self.base, self.place
        return made

    def _slates(
        self,
        some: Int[np.ndarray, "users some"],
        values: Float[np.ndarray, "users some"],
        allowed: Bool[np.ndarray, "users some"],
        top: int,
        epsilon: float,
        rng: np.random.Generator,
        diversity: float,
    ) -> Ranking:
        if not diversity:
            return epsilon_greedy(values, allowed, top, epsilon, rng)
        order = diversified(values, allowed, self.items.numpy(), top, diversity, some)
        found = epsilon_greedy(order, allowed, top, epsilon, rng)
        own = np.take_along_axis(values, found.item.clip(min=0), 1)
        return replace(found, value=np.where(found.item >= 0, own, np.float32(np.nan)))

    def _replay(self, steps: int, progress: Progress | None) -> None:
        """Steps on the memory, at a learning rate that falls to a twentieth along a cosine."""
        decay = 0.525 + 0.475 * np.cos(np.linspace(0, np.pi, steps))
        shown, losses = max(1, steps // 50), []
        for step in range(steps):
            drawn = self.memory.draw(self.config.batch)
            losses.append(self.learner.step(drawn.rows, self.config.learning_rate * float(decay[step])))
            self._renew(drawn)
            if progress and ((step + 1) % shown == 0 or step + 1 == steps):
                progress(step + 1, steps, f"loss {np.mean(losses[-shown:]):.3f}")

    def _measure(self, rows: Transitions) -> None:
        H, reward, done = (torch.from_numpy(getattr(rows, name)) for name in ("state", "reward", "done"))
        self.network.measure(H, self.items, reward, done, self.config.discount)
        self.target.load_state_dict(self.network.state_dict())

    def _regress(self, rows: Transitions) -> None:
        if self.network.ridge is not None and self.target.ridge is not None:
            a = self.items[torch.from_numpy(rows.item)]
            self.network.regress(torch.from_numpy(rows.state), a, torch.from_numpy(rows.reward))
            self.target.ridge.load_state_dict(self.network.ridge.state_dict())

    def _renew(self, drawn: Draw) -> None:
        if self.config.priority:
            self.memory.renew(drawn.place, self.learner.surprise)

    def fits(self, H: Float[np.ndarray, "rows state"]) -> None:
        """Raise ModelMismatch where these are states of another width."""
        width = self.network.state
        if H.shape[1] != width:
            raise ModelMismatch(f"the recommender reads states of width {width}, these have {H.shape[1]}: fit it again")

    def _wide(self, items: Float[np.ndarray, "some item"]) -> None:
        width = self.network.item
        if items.shape[1] != width:
            raise ModelMismatch(
                f"the recommender reads items of width {width}, these have {items.shape[1]}: fit it again"
            )
