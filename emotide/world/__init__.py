"""A town to try recommending in: a Gymnasium environment whose truth is known (DESIGN 3.8)."""

from emotide.world.config import WorldConfig
from emotide.world.environment import TownEnv, TownVectorEnv
from emotide.world.life import Life, Moment, Outcome

__all__ = ["Life", "Moment", "Outcome", "TownEnv", "TownVectorEnv", "WorldConfig"]
