"""Everything that may be done on Ray workers, behind the four methods of `emotide.api.workers.Workers`."""

import warnings
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from emotide.api.workers import ThisProcess
from emotide.cluster.compiling import ClusterCompile
from emotide.cluster.encoding import encode_posts
from emotide.cluster.fitting import ClusterFit
from emotide.cluster.states import ClusterTrace
from emotide.errors import BadInput
from emotide.model import AffectiveModel, Shown
from emotide.model.screening import Posts
from emotide.model.trace import Trace
from emotide.store import Store
from emotide.timeline import Tables, Timeline, TimelineConfig
from emotide.train import History, Trained
from emotide.train.config import TrainConfig
from emotide.train.fit import Progress
from emotide.train.observed import Observed
from emotide.vectors.encoders import Contents


class RayWorkers:
    """Compiling, encoding, training and states on Ray.

    Args:
        address: of a cluster; None or '' starts one here.
        workers: how many.
        room: a folder that all machines see, for parts and checkpoints of states, and for the log while it is
            compiled; a temporary one by default.
        rejects: a folder for `media.rejects.csv`.
    """

    def __init__(
        self, address: str | None = None, workers: int = 2, room: Path | None = None, rejects: Path | None = None
    ) -> None:
        if room is not None and not room.is_dir():
            raise BadInput("is no folder; parts and checkpoints want one that all machines see", room)
        self.address, self.workers, self.room, self.rejects = address, workers, room, rejects

    def compile(
        self, store: Store, tables: Tables, config: TimelineConfig, names: Mapping[str, list[str]],
        kinds: list[str] | None, digest: str, multi: Collection[str], folder: Path,
    ) -> Timeline:  # fmt: skip
        """The timeline of a store's log, see `ClusterCompile`; by this process where steps are turns."""
        if config.turns:
            warnings.warn("steps are turns: the log is compiled by one process", stacklevel=2)
            return ThisProcess().compile(store, tables, config, names, kinds, digest, multi, folder)
        made = ClusterCompile(self.address, self.workers, self.room)
        return made(store, tables, config, names, kinds, digest, multi, folder)

    def observed(self, trained: Trained, contents: Contents, progress: Progress | None) -> Observed:
        """The vectors of posts: computed by workers, then read from the cache."""
        if trained.run.train.tune_encoder is None:
            encode_posts(trained, contents, self.address, self.workers, self.rejects, progress)
        return trained.observed(contents, progress)

    def fit(
        self, model: AffectiveModel, timeline: Timeline, vectors: Tensor, config: TrainConfig, checkpoint: Path | None,
        progress: Progress | None,
    ) -> History:  # fmt: skip
        """Training in place, see `ClusterFit`."""
        made = ClusterFit(self.address, self.workers, room=self.room)
        return made(model, timeline, vectors, config, checkpoint, progress)

    def trace(
        self, model: AffectiveModel, timeline: Timeline, vectors: Posts, shown: Shown | None, horizon: int
    ) -> Trace:
        """Readings along a timeline and beyond it, see `ClusterTrace`."""
        if not isinstance(vectors, Tensor):
            raise BadInput("posts are opened under a budget by one process alone: leave --budget out, or --ray")
        return ClusterTrace(self.address, self.workers, room=self.room)(model, timeline, vectors, shown, horizon)
