"""Recommendation on the emotional state by deep Q-learning (paper 4; DESIGN 3.8)."""

from emotide.recommend.config import LOSSES, QConfig
from emotide.recommend.guard import Guard, Held, Rule, Verdict, recovered
from emotide.recommend.off_policy import Estimate, off_policy
from emotide.recommend.online import Feedback, OnlineConfig, OnlinePolicy
from emotide.recommend.policy import Ranking
from emotide.recommend.q_network import QNetwork
from emotide.recommend.reasons import reasons
from emotide.recommend.recommender import Recommender
from emotide.recommend.replay import Replay
from emotide.recommend.shortlist import Shortlist
from emotide.recommend.transitions import Transitions

__all__ = [
    "LOSSES",
    "Estimate",
    "Feedback",
    "Guard",
    "Held",
    "OnlineConfig",
    "OnlinePolicy",
    "QConfig",
    "QNetwork",
    "Ranking",
    "Recommender",
    "Replay",
    "Rule",
    "Shortlist",
    "Transitions",
    "Verdict",
    "off_policy",
    "reasons",
    "recovered",
]
