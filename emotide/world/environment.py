"""The town as Gymnasium environments: of one person, and of everybody at once."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from emotide.errors import BadInput
from emotide.world.config import WorldConfig
from emotide.world.life import Life, Moment

Observation = dict[str, np.ndarray]


def seen_spaces(life: Life) -> dict[str, Any]:
    """What is seen of one person: H, context, the last report (their number where none was), candidates."""
    config, items = life.config, len(life.items)
    return {
        "H": spaces.Box(-1, 1, (config.state,), np.float32),
        "context": spaces.Box(0, 1 / (1 - config.rest), (life.context_width,), np.float32),
        "report": spaces.Box(0, life.categories, (1,), np.int64),
        "candidates": spaces.Box(0, items - 1, (life.choices,), np.int64),
    }


def observed(moment: Moment) -> Observation:
    """A moment as everybody's observations, row by row."""
    return {
        "H": moment.H.astype(np.float32),
        "context": moment.context.astype(np.float32),
        "report": moment.report[:, None].astype(np.int64),
        "candidates": moment.candidates.astype(np.int64),
    }


class TownVectorEnv(VectorEnv[Observation, np.ndarray, np.ndarray]):
    """Every person of one town is a sub-environment; they are coupled, since moods spread along ties.

    The action is the place of an item among the person's candidates, the reward a click. Who leaves comes back in the
    same step; `final_obs` of the infos is what was seen before.

    Args:
        config: which town.
        num_envs: people; those of the config by default.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 (Gymnasium's form)

    def __init__(self, config: WorldConfig | None = None, num_envs: int | None = None) -> None:
        config = config or WorldConfig()
        if num_envs is not None:
            config = config.model_copy(update={"town": config.town.model_copy(update={"people": num_envs})})
        self.life = Life(config)
        self.num_envs = config.town.people
        self.single_observation_space = spaces.Dict(seen_spaces(self.life))
        self.single_action_space = spaces.Discrete(self.life.choices)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.moment: Moment | None = None

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A first moment; the same seed lives the same life."""
        if isinstance(seed, list):
            raise BadInput("one town has one seed, and not one for each person")
        super().reset(seed=seed)
        self.moment = self.life.begin(self.np_random)
        return observed(self.moment), {}

    def step(self, actions: np.ndarray) -> tuple[Observation, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Show everybody one of the own candidates."""
        if self.moment is None:
            raise BadInput("the town was not reset: there is no moment to go on from")
        items = self.moment.candidates[np.arange(self.num_envs), actions]
        out = self.life.step(self.moment, items, self.np_random)
        self.moment = out.moment
        infos: dict[str, Any] = {"pleasure": out.after.mood[:, 0]}
        if out.left.any():
            infos |= {"final_obs": observed(out.after), "_final_obs": out.left}
        return observed(out.moment), out.clicked, out.left, np.zeros(self.num_envs, bool), infos


class TownEnv(gymnasium.Env[Observation, np.int64]):
    """One person of the town, the first; all others are shown items at random. The episode is the person's session.

    Args:
        config: which town.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 (Gymnasium's form)

    def __init__(self, config: WorldConfig | None = None) -> None:
        self.life = Life(config or WorldConfig())
        self.observation_space = spaces.Dict(seen_spaces(self.life))  # type: ignore[assignment]
        self.action_space = spaces.Discrete(self.life.choices)
        self.moment: Moment | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A first moment; the same seed lives the same life."""
        super().reset(seed=seed)
        self.moment = self.life.begin(self.np_random)
        return self._mine(self.moment), {}

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Show the person one of the candidates."""
        if self.moment is None:
            raise BadInput("the town was not reset: there is no moment to go on from")
        candidates = self.moment.candidates
        items = candidates[np.arange(len(candidates)), self.np_random.integers(0, candidates.shape[1], len(candidates))]
        items[0] = candidates[0, action]
        out = self.life.step(self.moment, items, self.np_random)
        self.moment = out.moment
        pleasure = float(out.after.mood[0, 0])
        return self._mine(out.after), float(out.clicked[0]), bool(out.left[0]), False, {"pleasure": pleasure}

    @staticmethod
    def _mine(moment: Moment) -> Observation:
        return {name: rows[0] for name, rows in observed(moment).items()}


gymnasium.register("emotide/Town-v0", entry_point=f"{__name__}:TownEnv", vector_entry_point=f"{__name__}:TownVectorEnv")
