"""A town lived through by one policy after another: each sees what it may, and what comes of it is written down."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from emotide.recommend import QConfig, Recommender, Transitions
from emotide.recommend.rivals import RIVALS, Came, Seen
from emotide.world import Life, Moment, WorldConfig

# chosen on the first 300 moments of town 0, where to look ahead brought more noise than it gained
PLAIN = QConfig(
    discount=0.0, epsilon=0.02, online_every=25, online_batch=256, online_learning_rate=3e-3, products=True,
    averaged=True, target_rate=0.03,
)  # fmt: skip
# chosen on 250 moments of towns 100 to 102: one layer, held tighter, beside an exact linear part that also explores
Q = PLAIN.model_copy(update={"depth": 1, "weight_decay": 0.6, "linear": 5.0, "epsilon": 0.0})
FIRST = 20  # moments in which the share of chance falls from 1 to ε: nothing is known yet
OPTIMISM = 0.6  # units of the linear part's uncertainty that an item is credited with, as in LinUCB
LOW = -0.3  # a true pleasure below is a low mood
SIGHTS: dict[str, Callable[[Life, Moment], np.ndarray]] = {
    "H": lambda life, moment: moment.H,
    "label": lambda life, moment: np.eye(life.categories + 1)[moment.report],
    "nothing": lambda life, moment: np.zeros((len(moment.mood), 0)),
}


class QPlayer:
    """A `Recommender` that learns from every moment."""

    def __init__(self, life: Life, state: int, config: QConfig) -> None:
        self.made = Recommender.new(state + life.context_width, life.items, config, context=life.context_width)
        self.rng, self.moments = np.random.default_rng([config.seed, 1]), 0
        self.people = np.arange(life.config.town.people)

    def choose(self, seen: Seen, allowed: Bool[np.ndarray, "people some"] | None = None) -> Int[np.ndarray, " people"]:
        """The place of what is shown."""
        self.moments += 1
        bold = self.made.config.linear and self.made.network.measured  # then it tries what it knows little of
        epsilon = self.made.config.epsilon if bold else max(self.made.config.epsilon, 1 - self.moments / FIRST)
        item = self.made.choose(
            seen.H, seen.candidates, epsilon=epsilon, allowed=allowed, rng=self.rng, optimism=OPTIMISM
        ).item
        return np.asarray((seen.candidates == item).argmax(1))

    def learn(self, came: Came) -> None:
        """Remember, and take gradient steps."""
        unknown = np.full(len(came.place), np.nan, np.float32)
        new = Transitions(
            came.seen.H, came.item.astype(np.int64), came.reward.astype(np.float32), came.after.H, came.done, unknown,
            came.seen.candidates.astype(np.int64), came.after.candidates.astype(np.int64),
        )  # fmt: skip
        self.made.learn(new, self.people)


@dataclass
class Lived:
    """What came of it, a moment at a time: means over the people."""

    clicked: list[float] = field(default_factory=list)
    best: list[float] = field(default_factory=list)  # chance of a click on what was likeliest to be clicked just then
    pleasure: list[float] = field(default_factory=list)  # true
    low: list[float] = field(default_factory=list)  # share of people in a low mood

    def end(self, share: float = 0.25) -> float:
        """Mean reward of the last part."""
        return float(np.mean(self.clicked[-round(len(self.clicked) * share) :]))


def town(seed: int, **changed: Any) -> WorldConfig:
    """The town of a seed."""
    world = WorldConfig(**changed)
    return world.model_copy(update={"town": world.town.model_copy(update={"seed": seed})})


def lived(name: str, world: WorldConfig, moments: int, config: QConfig = Q, sight: str = "H") -> Lived:
    """Live through a town.

    Args:
        name: a rival, 'oracle', or anything else for deep Q-learning.
        world: which town; chance is seeded by it too.
        moments: how many.
        config: of deep Q-learning.
        sight: what is seen of a state, a key of `SIGHTS`.
    """
    life, seed = Life(world), world.town.seed
    rng, found = np.random.default_rng([seed, 30]), Lived()
    moment = life.begin(rng)

    def look(moment: Moment) -> Seen:
        return Seen(SIGHTS[sight](life, moment), moment.context, moment.candidates)

    seen = look(moment)
    player: Any
    if name in RIVALS:
        player = RIVALS[name](life.items, world.town.people, np.random.default_rng([seed, 31]))
        player.epsilon = 1.0 if name == "random" else player.epsilon
    else:
        player = QPlayer(life, seen.state.shape[1], config.model_copy(update={"seed": seed}))
    for _ in range(moments):
        odds = life.log_odds(moment, moment.candidates)
        place = odds.argmax(1) if name == "oracle" else player.choose(seen)
        out = life.step(moment, seen.shown(place), rng)
        if name != "oracle":
            player.learn(Came(seen, place, out.clicked, out.left, look(out.after)))
        found.clicked.append(float(out.clicked.mean()))
        found.best.append(float((1 / (1 + np.exp(-odds.max(1)))).mean()))
        found.pleasure.append(float(out.after.mood[:, 0].mean()))
        found.low.append(float((out.after.mood[:, 0] < LOW).mean()))
        moment = out.moment
        seen = look(moment)
    return found
