"""The model: the fused network, emotion spaces, readings and influence (paper 2, 3.3)."""

from emotide.model.affective import AffectiveModel, Shown, Unrolled
from emotide.model.batch import Batch, Reports, Step, View
from emotide.model.fused import FusedNetwork, NetworkConfig, State
from emotide.model.readings import Readings
from emotide.model.spaces import Category, EmotionSpace, built_in, read_space, space_named

__all__ = [
    "AffectiveModel", "Batch", "Category", "EmotionSpace", "FusedNetwork", "NetworkConfig", "Readings", "Reports",
    "Shown", "State", "Step", "Unrolled", "View", "built_in", "read_space", "space_named",
]  # fmt: skip
