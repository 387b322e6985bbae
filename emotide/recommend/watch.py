"""Online learning that can be taken back: the last good policy is kept, and put back when reward falls (DESIGN 3.8)."""

import math
from collections import deque
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from emotide.recommend.recommender import Recommender


@dataclass
class Watch:
    """Looks at the rewards of what a recommender shows, block by block.

        z = (mean of the block − mean when the kept policy was good) / standard error of their difference

    A block with z < −`sigmas` brings the kept policy back; the policy of one with z ≥ −1 is kept in its place. After a
    return the memory stays, so that what was learned from is not lost, and the next block is measured anew: where the
    world has changed and not the policy, the old policy earns no more either, and learning goes on from there.

    Args:
        recommender: it learns meanwhile; its networks and optimiser are written over on a return.
        block: rewards that are judged together.
        sigmas: how clear a fall must be.
        folder: where each kept policy is also saved; None: nowhere.
    """

    recommender: Recommender
    block: int = 500
    sigmas: float = 4.0
    folder: Path | None = None
    returns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.rewards: deque[float] = deque()
        self.good: tuple[float, float] | None = None  # mean and variance of its block
        self._keep(None)

    def saw(self, rewards: Float[np.ndarray, " n"]) -> bool:
        """Take note of rewards in their order; whether the kept policy was put back."""
        self.rewards.extend(float(reward) for reward in rewards)
        back = False
        while len(self.rewards) >= self.block:
            block = np.array([self.rewards.popleft() for _ in range(self.block)])
            back |= self._judged(float(block.mean()), float(block.var()))
        return back

    def _judged(self, mean: float, variance: float) -> bool:
        if not self._sound():
            self._back()
            return True
        if self.good is None:
            self._keep((mean, variance))
            return False
        error = math.sqrt(max((variance + self.good[1]) / self.block, 1e-12))
        z = (mean - self.good[0]) / error
        if z < -self.sigmas:
            self._back()
            return True
        if z >= -1:
            self._keep((mean, variance))
        return False

    def _sound(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(weight.isfinite().all()) for weight in self.recommender.network.parameters())

    def _keep(self, good: tuple[float, float] | None) -> None:
        made = self.recommender
        self.good = good
        self.kept: list[dict[str, Any]] = [
            deepcopy(part.state_dict()) for part in (made.network, made.target, made.learner.optimizer)
        ]
        if self.folder is not None and good is not None:
            made.save(self.folder)

    def _back(self) -> None:
        made = self.recommender
        for part, kept in zip((made.network, made.target, made.learner.optimizer), self.kept, strict=True):
            part.load_state_dict(deepcopy(kept))  # type: ignore[attr-defined]
        self.good = None  # what it earns now is measured anew
        self.returns += 1
