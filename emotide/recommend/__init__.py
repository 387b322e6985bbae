"""Recommendation on the emotional state by deep Q-learning (paper 4; DESIGN 3.8)."""

from emotide.recommend.policy import Ranking
from emotide.recommend.q_network import LOSSES, QConfig, QNetwork
from emotide.recommend.reasons import reasons
from emotide.recommend.recommender import Recommender
from emotide.recommend.replay import Replay, Transitions

__all__ = ["LOSSES", "QConfig", "QNetwork", "Ranking", "Recommender", "Replay", "Transitions", "reasons"]
