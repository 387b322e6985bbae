"""Who lives in the town: names, ties with their hidden weights, tastes, and the things there are to see."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from emotide.demo.config import TownConfig
from emotide.demo.language import TOPICS

NAMES = [
    *("ana", "bo", "cleo", "dan", "eva", "finn", "gita", "hugo", "ines", "jo", "kofi", "lea", "mads", "nora", "omar"),
    *(
        "pia",
        "quinn",
        "rosa",
        "sam",
        "tess",
        "ugo",
        "vera",
        "wim",
        "xenia",
        "yuki",
        "zoe",
        "ali",
        "bea",
        "carl",
        "dora",
    ),
]
# What an item is like -> words of its title; how it moves a mood; who clicks on it (log-odds a unit of the state).
# Bleak things attract the sad and sadden them: what a wellbeing guard is for.
ITEM_MOODS = {
    "comforting": ("a warm hour with", (0.5, -0.3, 0.2), (-2.0, 0.0, -1.0)),
    "funny": ("laugh with us about", (0.6, 0.3, 0.1), (1.6, 0.4, 0.4)),
    "exciting": ("ten thrilling moments of", (0.2, 0.6, 0.1), (0.6, 2.0, 0.4)),
    "calm": ("slow and quiet:", (0.2, -0.6, 0.2), (0.2, -2.0, 0.0)),
    "bleak": ("the dark side of", (-0.6, 0.0, -0.3), (-1.8, -0.4, -0.6)),
}


@dataclass(frozen=True)
class Cast:
    """Everything about the town that does not change from day to day."""

    names: list[str]
    baseline: Float[np.ndarray, "people 3"]  # the state to which a person returns
    rate: Float[np.ndarray, " people"]  # posts a day
    interest: Float[np.ndarray, "people topics"]  # of TOPICS; what a person writes about and likes to see
    follower: Int[np.ndarray, " ties"]  # the one who looks, and may be moved
    followed: Int[np.ndarray, " ties"]  # the one who moves
    weight: Float[np.ndarray, " ties"]  # pull of the followed's state on the follower's next day; contagion included
    closeness: Float[np.ndarray, " ties"]  # how much the two have to do with each other
    begin: Int[np.ndarray, " ties"]  # first day on which the tie stands; negative: before the town was watched
    end: Int[np.ndarray, " ties"]  # last day; `days` or later: it still stands
    item_topic: Int[np.ndarray, " items"]
    item_mood: list[str]
    taste: Float[np.ndarray, "people items"]  # log-odds of a click in a state of zeros

    def vectors(self, which: int) -> Float[np.ndarray, "items 3"]:
        """Of every item, 1: how it moves a mood, 2: who clicks on it."""
        return np.array([ITEM_MOODS[mood][which] for mood in self.item_mood], float).reshape(-1, 3)


def cast_of(config: TownConfig) -> Cast:
    """Draw the people, their ties and the items of a town."""
    rng = np.random.default_rng([config.seed, 1])
    n, m = config.people, config.items
    baseline = rng.normal([0.05, 0.1, 0.0], [0.3, 0.2, 0.2], (n, 3))
    rate = config.posts_per_day * rng.gamma(5, 1 / 5, n).clip(0.25, 3)
    interest = rng.normal(0, 1, (n, len(TOPICS)))
    follower, followed = _ties(rng, config)
    weight = _weights(rng, follower, n) * config.contagion
    closeness = rng.gamma(2, 0.5, len(follower)) * (0.6 + 2 * abs(weight))
    begin, end = _spans(rng, len(follower), config.days)
    item_topic = np.arange(m) % len(TOPICS)
    item_mood = [list(ITEM_MOODS)[k // len(TOPICS) % len(ITEM_MOODS)] for k in range(m)]
    taste = -1.0 + 1.2 * interest[:, item_topic] + rng.normal(0, 0.3, (n, m))
    names = [NAMES[k % len(NAMES)] + (f"-{k // len(NAMES) + 1}" if k >= len(NAMES) else "") for k in range(n)]
    return Cast(
        names, baseline, rate, interest, follower, followed, weight, closeness, begin, end, item_topic, item_mood, taste
    )


def _ties(rng: np.random.Generator, config: TownConfig) -> tuple[np.ndarray, np.ndarray]:
    """Follower and followed of every tie: about `follows` a person, four in five inside the neighbourhood."""
    n = config.people
    home = np.arange(n) % config.neighbourhoods
    popular = rng.gamma(3, 1 / 3, n)
    wish = np.where(home[:, None] == home[None, :], 4.0, 1.0 / max(config.neighbourhoods - 1, 1)) * popular
    np.fill_diagonal(wish, 0)
    count = rng.poisson(config.follows - 1, n).clip(0, n - 2) + 1
    chosen = [np.sort(rng.choice(n, count[i], replace=False, p=wish[i] / wish[i].sum())) for i in range(n)]
    return np.repeat(np.arange(n), count), np.concatenate(chosen)


def _weights(rng: np.random.Generator, follower: np.ndarray, people: int) -> np.ndarray:
    """Most ties move nobody, some pull strongly, a few push away; nobody is pulled so much that the town boils over."""
    kind = rng.random(len(follower))
    strong = rng.uniform(0.3, 0.6, len(follower))
    weight = np.where(kind < 0.55, rng.normal(0, 0.02, len(follower)), np.where(kind < 0.85, strong, -0.8 * strong))
    total = np.bincount(follower, np.abs(weight), people)
    return np.asarray(weight * np.minimum(1, 0.6 / np.maximum(total, 1e-9))[follower])


def _spans(rng: np.random.Generator, ties: int, days: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last day of every tie: one in six begins while the town is watched, one in eight ends."""
    begin = np.where(rng.random(ties) < 1 / 6, rng.integers(1, days, ties), -rng.integers(1, 400, ties))
    left = np.maximum(days - np.maximum(begin, 0), 1)
    last = np.maximum(begin, 0) + rng.integers(0, left)
    return begin, np.where(rng.random(ties) < 1 / 8, last, days)
