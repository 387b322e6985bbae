"""How the days of the town pass: moods last, spread along ties, and are moved by what people see."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from emotide.demo.cast import Cast
from emotide.demo.config import TownConfig


@dataclass(frozen=True)
class Days:
    """What happened, day by day."""

    state: Float[np.ndarray, "days people 3"]  # true pleasure, arousal, dominance, -1 to 1
    shown_day: Int[np.ndarray, " shown"]
    shown_user: Int[np.ndarray, " shown"]
    shown_item: Int[np.ndarray, " shown"]
    clicked: Int[np.ndarray, " shown"]  # 1 or 0


def live(config: TownConfig, cast: Cast, points: Float[np.ndarray, "categories 3"]) -> Days:
    """Let the days pass.

        S[i,t] = b_i + persistence · (S[i,t-1] − b_i) + Σ_j w[j→i,t] · S[j,t-1] + item_pull · Σ effect + noise

    The sum runs over the ties that stand on day t. At times something happens to a person: half of the way, at least,
    to one of the categories' `points`. A click has probability σ(taste + lean of the item · S[i,t]).
    """
    rng, shows = np.random.default_rng([config.seed, 2]), np.random.default_rng([config.seed, 3])
    effect, lean = cast.vectors(1), cast.vectors(2)
    state = cast.baseline + rng.normal(0, 0.3, cast.baseline.shape)
    pull = np.zeros_like(state)
    states, shown = [], []
    for day in range(config.days):
        if day:
            state = _next(config, cast, state, pull, day, rng)
        state = _shocked(config, state, points, rng).clip(-1, 1)
        user = np.repeat(np.arange(config.people), shows.poisson(config.shown_per_day, config.people))
        item = shows.integers(0, config.items, len(user))
        logit = cast.taste[user, item] + (lean[item] * state[user]).sum(1)
        clicked = shows.random(len(user)) < 1 / (1 + np.exp(-logit))
        pull = np.zeros_like(state)
        np.add.at(pull, user, config.item_pull * (0.5 + clicked)[:, None] * effect[item])
        states.append(state)
        shown.append(np.stack([np.full(len(user), day), user, item, clicked]))
    return Days(np.stack(states), *np.concatenate(shown, 1).astype(np.int64))


def _next(
    config: TownConfig, cast: Cast, state: np.ndarray, pull: np.ndarray, day: int, rng: np.random.Generator
) -> np.ndarray:
    stands = (cast.begin <= day) & (day <= cast.end)
    received = np.zeros_like(state)
    np.add.at(received, cast.follower, (cast.weight * stands)[:, None] * state[cast.followed])
    kept = cast.baseline + config.persistence * (state - cast.baseline)
    return np.asarray(kept + received + pull + rng.normal(0, config.restlessness, state.shape))


def _shocked(config: TownConfig, state: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hit = rng.random(len(state)) < config.shocks
    goal = points[rng.integers(0, len(points), len(state))]
    far = rng.uniform(0.5, 1, (len(state), 1))
    return np.asarray(np.where(hit[:, None], state + far * (goal - state), state))
