"""The networks that are cut: a large log of many users, and a model whose weights are as they were drawn."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from emotide.api import SocialLog
from emotide.bench.speed.large_log import write_large_log
from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in
from emotide.timeline import Timeline, TimelineConfig

WIDTH = 32  # of the posts' vectors, which are drawn
LARGE = int(os.environ.get("EMOTIDE_SCALE_USERS", 200_000))  # users of the network on which workers are timed


def drawn(timeline: Timeline, seed: int, config: NetworkConfig | None = None) -> tuple[AffectiveModel, Tensor]:
    """A model of the usual sizes in evaluation mode, and vectors of posts."""
    torch.manual_seed(seed)
    config = config or NetworkConfig()
    space = built_in()["ekman"]
    readings = Readings(config.affect, WIDTH, {"ekman": space})
    model = AffectiveModel(FusedNetwork(config, WIDTH, 2 * len(timeline.kinds)), readings).eval()
    readings.add(space, torch.randn(len(space.names), WIDTH))
    return model, torch.randn(len(timeline.posts), WIDTH)


@contextmanager
def large(users: int, seed: int, neighbours: int = 16) -> Iterator[Timeline]:
    """The large log of so many users, compiled; its files go away afterwards."""
    before = os.environ.get("EMOTIDE_CACHE")
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        os.environ["EMOTIDE_CACHE"] = str(Path(folder) / "cache")
        try:
            write_large_log(Path(folder) / "log", users, seed)
            log = SocialLog.open(str(Path(folder) / "log.db"))
            log.ingest(Path(folder) / "log")
            yield log.timeline(TimelineConfig(step="1d", max_neighbours=neighbours))
        finally:
            del os.environ["EMOTIDE_CACHE"]
            if before is not None:
                os.environ["EMOTIDE_CACHE"] = before
