"""A small log of two networks, random vectors of its posts, and a model whose every parameter is drawn at random."""

import numpy as np
import pytest
import torch

from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in
from emotide.timeline import TimelineConfig, compile_timeline

WIDTH, STEPS = 5, 10
SIZES = NetworkConfig(state=6, influence=4, observed=6, affect=7, width=8, pair_width=7, depth=2, dropout=0.3)
MOODS = ["anger", "joy", "sadness"]
KINDS = ["like", "reply", "other"]


def rows(seed=0, users="abcd", networks="xy", steps=STEPS):
    """Short rows of a log in which much happens at once, and now and then nothing."""
    rng = np.random.default_rng(seed)
    log = {name: [] for name in ("posts", "interactions", "ties", "labels")}
    for network in networks:
        more = {"network": network}
        names = [f"{network}{user}" for user in users]
        for step in range(steps):
            if step == 4:
                continue
            for k in range(rng.integers(0, 4)):
                log["posts"].append((f"p{step}.{k}", str(rng.choice(names)), step, more))
            for _ in range(rng.integers(0, 4)):
                source, target = map(str, rng.choice(names, 2, replace=False))
                log["interactions"].append((source, target, step, str(rng.choice(["like", "reply"])), more))
            for _ in range(rng.integers(0, 3)):
                log["labels"].append((str(rng.choice(names)), step, str(rng.choice(MOODS)), {"space": "ekman"} | more))
            if rng.random() < 0.3:
                place = {"pleasure": float(rng.uniform(-1, 1)), "arousal": float(rng.uniform(-1, 1))}
                log["labels"].append((str(rng.choice(names)), step, place, {"space": "pad"} | more))
        log["ties"] += [(names[0], names[1], None, 6, more), (names[2], names[0], 3, None, more)]
    return log


def compiled(tables, log, most):
    spaces = {name: built_in()[name].names for name in ("ekman", "pad")}
    config = TimelineConfig(step="1h", max_neighbours=most, neighbour_memory=4)
    return compile_timeline(tables(**log), config, names=spaces, kinds=KINDS)


def vectors_of(timeline, seed=0):
    """A vector for each post that depends on its network and id alone."""
    names = timeline.posts.select("network", "post_id").rows()
    drawn = [np.random.default_rng([seed, *"".join(name).encode()]).normal(size=WIDTH) for name in names]
    return torch.tensor(np.array(drawn).reshape(len(names), WIDTH), dtype=torch.float32)


@pytest.fixture(scope="session")
def world(tables):
    """A function from short rows (or a seed) to a timeline and the vectors of its posts."""

    def made(log=None, seed=0, most=2):
        timeline = compiled(tables, rows(seed) if log is None else log, most)
        return timeline, vectors_of(timeline)

    return made


@pytest.fixture(scope="session")
def small_rows():
    """The short rows of the small log, to be changed and compiled by `world`."""
    return rows


@pytest.fixture(scope="session")
def model():
    """A model in evaluation mode that has learned nothing; no parameter stands at a special value."""
    torch.manual_seed(7)
    spaces = built_in()
    readings = Readings(SIZES.affect, WIDTH, {name: spaces[name] for name in ("ekman", "pad")})
    made = AffectiveModel(FusedNetwork(SIZES, WIDTH, 2 * len(KINDS)), readings)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.5)
    for space in spaces.values():
        readings.add(space, torch.randn(len(space.names), WIDTH))
    return made.eval().requires_grad_(False)
