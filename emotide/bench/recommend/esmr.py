"""A rival in the manner of ESMR (Jain et al. 2025): one policy for engagement, another where low moods persist."""

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.bench.recommend.lives import QPlayer
from emotide.recommend import QConfig
from emotide.recommend.rivals import Came, Chance, Seen
from emotide.world import Life


class Trees(Chance):
    """The chance of a click by gradient-boosted trees on state, context and item; fitted anew every `every` moments."""

    every, kept = 15, 20_000  # moments; rows that are learned from, the latest

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self.rows: list[np.ndarray] = []
        self.clicks: list[np.ndarray] = []
        self.model = None

    def values(self, seen: Seen) -> Float[np.ndarray, "people some"]:
        """P(click); nothing until the first fit."""
        if self.model is None:
            return super().values(seen)
        some = seen.candidates.shape
        who = np.repeat(seen.H, some[1], 0)
        what = self.items[seen.candidates.ravel()]
        return np.asarray(self.model.predict_proba(np.concatenate([who, what], 1))[:, 1].reshape(some))

    def learn(self, came: Came) -> None:
        """Keep the rows, and fit at times."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        self.rows.append(np.concatenate([came.seen.H, self.items[came.item]], 1))
        self.clicks.append(came.reward)
        if len(self.rows) % self.every:
            return
        x, y = (np.concatenate(held)[-self.kept :] for held in (self.rows, self.clicks))
        if len(np.unique(y)) > 1:
            self.model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, random_state=0).fit(x, y > 0)


class Switching:
    """Trees choose for engagement; where a mood has been low for some readings, a Q network that is paid for recovery.

    Both learn from everything. The original shapes the network's reward by causes that it finds in 30 days of traces
    (DirectLiNGAM); here the reward is that of ours, clicks and the recovery of low moods, so that the two differ in
    where it is applied: ESMR switches, ours weighs always.

    Args:
        life: the town.
        config: of the network.
    """

    def __init__(self, life: Life, config: QConfig) -> None:
        rng = np.random.default_rng([config.seed, 2])
        self.engaging = Trees(life.items, life.config.town.people, rng)
        self.caring = QPlayer(life, life.config.state, config)

    def choose(self, seen: Seen, lasting: Bool[np.ndarray, " people"]) -> Int[np.ndarray, " people"]:
        """The place of what is shown."""
        return np.asarray(np.where(lasting, self.caring.choose(seen), self.engaging.choose(seen)))

    def learn(self, came: Came, clicked: Float[np.ndarray, " people"]) -> None:
        """The network from the reward with recovery, the trees from clicks."""
        self.caring.learn(came)
        self.engaging.learn(Came(came.seen, came.place, clicked, came.done, came.after))
