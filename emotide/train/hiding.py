"""Posts hidden at random while the network learns, so that it reads people of whom it sees only some (DESIGN 3.6)."""

from collections.abc import Sequence

import numpy as np
import torch

from emotide.model.batch import Step
from emotide.model.screening import only
from emotide.train.config import TrainConfig

USUAL = 0.5  # share of the windows


def hiding(config: TrainConfig, wanted: bool) -> TrainConfig:
    """The same with a share of windows in which posts are hidden, where none is set: the usual one if it is wanted."""
    return config if config.hidden is not None else config.model_copy(update={"hidden": USUAL if wanted else 0.0})


def thinned(steps: Sequence[Step], share: float) -> list[Step]:
    """The same steps, each row of posts hidden with this probability; what was counted stays counted."""
    out = []
    for step in steps:
        rows = torch.nonzero(torch.rand(len(step.seen.post), device=step.seen.post.device) >= share).flatten()
        out.append(step._replace(seen=only(step.seen, rows), both=only(step.both, rows)))
    return out


def hidden_share(chance: float, rng: np.random.Generator) -> float:
    """What share of posts a window hides: with a chance any, else none."""
    return float(rng.random()) if rng.random() < chance else 0.0
