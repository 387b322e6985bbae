"""Small logs whose posts have vectors of their own, and small models to train on them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in
from emotide.timeline import Timeline, TimelineConfig, compile_timeline

SIZES = NetworkConfig(
    state=16, influence=8, observed=16, affect=8, width=24, pair_width=16, dropout=0.0, input_dropout=0.0
)


@pytest.fixture(scope="session")
def compiled(tables) -> Callable[..., Timeline]:
    """A function from short rows to a timeline of steps of an hour, or of turns."""

    def made(step="1h", **rows):
        spaces = {name: space.names for name, space in built_in().items()}
        return compile_timeline(tables(**rows), TimelineConfig(step=step), names=spaces)

    return made


@pytest.fixture(scope="session")
def untrained() -> Callable[..., AffectiveModel]:
    """A function from a timeline and the width of its vectors to a small new model of its spaces."""

    def made(timeline, width, seed=0, sizes=SIZES):
        torch.manual_seed(seed)
        spaces = {name: built_in()[name] for name in timeline.spaces}
        readings = Readings(sizes.affect, width, spaces)
        model = AffectiveModel(FusedNetwork(sizes, width, 2 * len(timeline.kinds)), readings)
        for space in spaces.values():
            readings.add(space, torch.randn(len(space.names), width))
        return model

    return made


MOODS = ("negative", "positive")


def speaking(users=8, steps=40, seed=0, told=True):
    """Everybody posts in every step and reports a mood drawn anew; the word of the post tells it, or nothing does."""
    rng = np.random.default_rng(seed)
    posts, labels, said = [], [], {}
    for step in range(steps):
        for user in range(users):
            mood = int(rng.integers(2))
            name = f"p{step:02}.{user}"
            posts.append((name, f"u{user}", step))
            labels.append((f"u{user}", step, MOODS[mood], {"space": "polarity", "post_id": name}))
            word = mood if told else int(rng.integers(2))
            said[name] = np.append(rng.normal(size=3), 2.0 * word - 1)
    return {"posts": posts, "labels": labels}, said


@pytest.fixture(scope="session")
def spoken(compiled):
    """A function from `speaking`'s arguments to a timeline and the vectors of its posts."""

    def made(step="1h", **more):
        rows, said = speaking(**more)
        timeline = compiled(step, **rows)
        vectors = np.stack([said[name] for name in timeline.posts["post_id"]])
        return timeline, torch.tensor(vectors, dtype=torch.float32)

    return made
