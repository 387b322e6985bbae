"""Where the time of a training step goes, by part of the network."""

import time
from collections import defaultdict
from copy import deepcopy
from functools import partial
from itertools import chain, islice

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotide.model import AffectiveModel
from emotide.timeline import Timeline
from emotide.train.behaviour import behaviour_weight
from emotide.train.config import TrainConfig
from emotide.train.fit import batches_of, epoch_losses, trained_spaces
from emotide.train.flat import Descent, Flat, adamw
from emotide.train.loss import class_weights

MODULES = ("f_AT", "f_A", "f_G", "f_H", "f_P", "f_Y", "next_X")
WARM, STEPS = 5, 40  # gradient steps before the clock runs, and while it does


class Clock:
    """Seconds by part: what passes before a mark goes to what was marked."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last = time.perf_counter()

    def __call__(self, part: str) -> None:
        """What passed since the last mark was spent on this part."""
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now

    def watch(self, model: AffectiveModel) -> None:
        """Have the modules of the network mark what they do."""
        for name in MODULES:
            module = getattr(model.network, name)
            module.register_forward_pre_hook(self._begun)
            module.register_forward_hook(partial(self._done, name))

    def _begun(self, *_: object) -> None:
        self("the rest of the step")

    def _done(self, name: str, *_: object) -> None:
        self(name)


def profile_step(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "posts width"], config: TrainConfig
) -> dict[str, float]:
    """The share of the seconds of a gradient step that each part took, the largest first; the shares add up to 1.

    Parts are f_AT, f_A, f_G, f_H, f_P, f_Y and next_X on the way there, the rest of the step, loss, behaviour,
    backward, optimizer, and batch building; none where there is nothing to learn from. A copy of the model is trained
    for some steps; the model stays as it is.

    Args:
        model, timeline, vectors, config: as `fit` takes them.
    """
    trained, clock = deepcopy(model).train(), Clock()
    clock.watch(trained)
    classes = {
        space: class_weights(timeline, space, config.class_weights).to(vectors)
        for space in trained_spaces(timeline, config)
    }
    flat = Flat(trained)
    descent = Descent(flat, adamw(flat, config), config.clip, clock)
    weight = behaviour_weight(timeline, config) if trained.behaviour is not None else 0.0
    torch.manual_seed(config.seed)
    rng, batch_of = np.random.default_rng(config.seed), batches_of(timeline, vectors)
    losses = chain.from_iterable(
        epoch_losses(trained, timeline, batch_of, vectors, classes, config, descent, rng, weight)
        for _ in range(WARM + STEPS)
    )
    for _ in islice(losses, WARM):
        pass
    clock.seconds.clear()
    for _ in islice(losses, STEPS):
        pass
    total = sum(clock.seconds.values()) or 1.0
    return {part: taken / total for part, taken in sorted(clock.seconds.items(), key=lambda row: -row[1])}
