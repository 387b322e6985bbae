"""How a town lives while somebody recommends to it: moods last, spread and are moved, tastes tire (DESIGN 3.8)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.demo.cast import ITEM_MOODS, Cast, cast_of
from emotide.demo.language import TOPICS
from emotide.demo.truth import nearest
from emotide.model.spaces import built_in
from emotide.world.config import WorldConfig

SPACE = "ekman_neutral"
MOOD_CLASSES = list(ITEM_MOODS)


@dataclass(frozen=True)
class Moment:
    """Everything about the town that changes.

    Attributes:
        time: moments since the town was looked at first.
        mood: true pleasure, arousal, dominance, −1 to 1.
        H: what an affective model would know of the mood: mixed, bent and blurred.
        tired: how often each topic was shown lately; what fatigue follows.
        shown, clicked: fading counts by topic of a person's showings and clicks, which tastes may be learned from.
        report: the category last reported, and its number where none was yet.
        candidates: the items of which one may be shown now.
    """

    time: int
    mood: Float[np.ndarray, "people 3"]
    H: Float[np.ndarray, "people state"]
    tired: Float[np.ndarray, "people topics"]
    shown: Float[np.ndarray, "people topics"]
    clicked: Float[np.ndarray, "people topics"]
    report: Int[np.ndarray, " people"]
    candidates: Int[np.ndarray, "people candidates"]

    @property
    def context(self) -> Float[np.ndarray, "people context"]:
        """What a service knows of a person without any model of emotions."""
        rate = (self.clicked + 0.3) / (self.shown + 1)
        return np.concatenate([self.tired, rate, np.minimum(np.log1p(self.shown) / 3, 1)], 1)


@dataclass(frozen=True)
class Outcome:
    """What came of showing everybody one item.

    Attributes:
        clicked: the reward, 1 or 0.
        left: the person's session ended with it.
        after: the moment in which the item had its effect, before those who left came back.
        moment: the next one.
    """

    clicked: Float[np.ndarray, " people"]
    left: Bool[np.ndarray, " people"]
    after: Moment
    moment: Moment


class Life:
    """The laws of one town. It holds nothing that changes: moments are values, chance is given.

        p(click) = σ(taste + sway · lean of the item · S − fatigue · tired of its topic)
        S[i,t+1] = b_i + persistence · (S[i,t] − b_i) + (1 − persistence) · Σ_j w[j→i] · S[j,t]
                   + item_pull · (0.5 + click) · effect of the item + noise

    At times something happens to a person, at least half of the way to an emotion. Who leaves comes back rested, in a
    mood half of the way to the baseline.

    Args:
        config: which town; the same gives the same people, ties, tastes and items.
    """

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.cast: Cast = cast_of(config.town)
        self.effect, self.lean = self.cast.vectors(1), config.sway * self.cast.vectors(2)
        self.topic, people = self.cast.item_topic, config.town.people
        self.pull = np.zeros((people, people))
        self.pull[self.cast.follower, self.cast.followed] = self.cast.weight
        self.points = built_in()[SPACE].pad.numpy().astype(float)
        own = np.random.default_rng([config.town.seed, 20])
        self._mix = own.normal(0, 1.5, (3, config.state))
        self._bend = own.normal(0, 0.5, config.state)
        mood = np.array([MOOD_CLASSES.index(name) for name in self.cast.item_mood])
        self.mood_class = mood
        self.items = np.concatenate([np.eye(len(TOPICS))[self.topic], np.eye(len(MOOD_CLASSES))[mood]], 1)

    @property
    def choices(self) -> int:
        """How many candidates there are in a moment."""
        return min(self.config.candidates, len(self.topic))

    @property
    def context_width(self) -> int:
        """Of a moment's context."""
        return 3 * len(TOPICS)

    @property
    def categories(self) -> int:
        """How many there are to report."""
        return len(self.points)

    def begin(self, rng: np.random.Generator) -> Moment:
        """A first moment: everybody near the own baseline, nobody known."""
        people = self.config.town.people
        none = np.zeros((people, len(TOPICS)))
        mood = (self.cast.baseline + rng.normal(0, 0.3, (people, 3))).clip(-1, 1)
        unknown = np.full(people, self.categories)
        first = Moment(
            0, mood, np.empty((people, self.config.state)), none, none, none, unknown, np.empty((people, 0), int)
        )
        return self._seen(first, rng)

    def log_odds(
        self, moment: Moment, items: Int[np.ndarray, "people some"], mood: np.ndarray | None = None
    ) -> Float[np.ndarray, "people some"]:
        """Of a click of everybody on some items; in another mood than the moment's where one is given."""
        person = np.arange(len(items))[:, None]
        turned = self.config.turn is not None and moment.time >= self.config.turn
        alike = (items + 1) % len(self.topic) if turned else items  # items lie topic after topic: the next one's taste
        mood = moment.mood if mood is None else mood
        swayed = (self.lean[items] * mood[:, None]).sum(2)
        tired = self.config.fatigue * moment.tired[person, self.topic[items]]
        return np.asarray(self.cast.taste[person, alike] + swayed - tired)

    def read(self, H: Float[np.ndarray, "people state"]) -> Float[np.ndarray, "people 3"]:
        """The mood that H tells, mistakes and all, as a model's reading would."""
        straight = np.arctanh(H.clip(-0.999, 0.999)) - self._bend
        return np.asarray((straight @ np.linalg.pinv(self._mix)).clip(-1, 1))

    def step(self, moment: Moment, items: Int[np.ndarray, " people"], rng: np.random.Generator) -> Outcome:
        """Show everybody one item."""
        people, config = np.arange(len(items)), self.config
        chance = 1 / (1 + np.exp(-self.log_odds(moment, items[:, None])[:, 0]))
        clicked = (rng.random(len(items)) < chance).astype(float)
        topic = self.topic[items]
        tired, shown, seen = (held * kept for held, kept in (
            (moment.tired, config.rest), (moment.shown, config.remembered), (moment.clicked, config.remembered)
        ))  # fmt: skip
        tired[people, topic] += 1
        shown[people, topic] += 1
        seen[people, topic] += clicked
        mood = self._shaken(self.expected(moment.mood, items, clicked), rng)
        after = replace(moment, time=moment.time + 1, mood=mood, tired=tired, shown=shown, clicked=seen)
        after = self._seen(after, rng)
        left = rng.random(len(items)) < config.leaves
        if not left.any():
            return Outcome(clicked, left, after, after)
        back = np.where(left[:, None], (after.mood + self.cast.baseline) / 2, after.mood)
        rested = np.where(left[:, None], 0.0, after.tired)
        return Outcome(clicked, left, after, self._seen(replace(after, mood=back, tired=rested), rng))

    def expected(
        self,
        mood: Float[np.ndarray, "people 3"],
        items: Int[np.ndarray, " people"],
        clicked: Float[np.ndarray, " people"],
    ) -> Float[np.ndarray, "people 3"]:
        """The mood that follows where nothing else happens."""
        town = self.config.town
        kept = self.cast.baseline + town.persistence * (mood - self.cast.baseline)
        moved = town.item_pull * (0.5 + clicked)[:, None] * self.effect[items]
        return np.asarray((kept + (1 - town.persistence) * (self.pull @ mood) + moved).clip(-1, 1))

    def _shaken(self, mood: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        town = self.config.town
        mood = mood + rng.normal(0, town.restlessness, mood.shape)
        hit = rng.random(len(mood)) < town.shocks
        goal = self.points[rng.integers(0, len(self.points), len(mood))]
        far = rng.uniform(0.5, 1, (len(mood), 1))
        return np.asarray(np.where(hit[:, None], mood + far * (goal - mood), mood).clip(-1, 1))

    def _seen(self, moment: Moment, rng: np.random.Generator) -> Moment:
        """The moment as it shows itself: H, reports, and what there is to be shown."""
        people, config = len(moment.mood), self.config
        blurred = moment.mood + rng.normal(0, config.blur, moment.mood.shape)
        H = np.tanh(blurred @ self._mix + self._bend)
        told = rng.random(people) < config.reported
        report = np.where(told, nearest(moment.mood, self.points), moment.report)
        drawn = rng.random((people, len(self.topic)))
        candidates = np.argpartition(drawn, self.choices - 1, axis=1)[:, : self.choices]
        return replace(moment, H=H, report=report, candidates=candidates)
