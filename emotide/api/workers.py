"""Who does the work: this process, or whoever has the same four methods (`emotide.cluster` has)."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from torch import Tensor

from emotide.model import AffectiveModel, Shown
from emotide.model.screening import Posts
from emotide.model.trace import Trace, trace
from emotide.store import Store
from emotide.timeline import Tables, Timeline, TimelineConfig, compile_timeline
from emotide.train import History, Trained, fit
from emotide.train.config import TrainConfig
from emotide.train.fit import Progress
from emotide.train.observed import Observed
from emotide.vectors.encoders import Contents


@runtime_checkable
class Workers(Protocol):
    """What may be done elsewhere; each as the function of this process does it."""

    def compile(
        self, store: Store, tables: Tables, config: TimelineConfig, names: Mapping[str, list[str]],
        kinds: list[str] | None, digest: str, multi: Collection[str], folder: Path,
    ) -> Timeline:  # fmt: skip
        """The timeline of a store's interactions and of the other tables (`emotide.timeline.compile_timeline`)."""

    def observed(self, trained: Trained, contents: Contents, progress: Progress | None) -> Observed:
        """The vectors of posts (`Trained.observed`)."""

    def fit(
        self, model: AffectiveModel, timeline: Timeline, vectors: Tensor, config: TrainConfig, checkpoint: Path | None,
        progress: Progress | None,
    ) -> History:  # fmt: skip
        """Training in place (`emotide.train.fit`)."""

    def trace(
        self, model: AffectiveModel, timeline: Timeline, vectors: Posts, shown: Shown | None, horizon: int
    ) -> Trace:
        """Readings along a timeline and beyond it (`emotide.model.trace`)."""


class ThisProcess:
    """All of it here."""

    def compile(
        self, store: Store, tables: Tables, config: TimelineConfig, names: Mapping[str, list[str]],
        kinds: list[str] | None, digest: str, multi: Collection[str], folder: Path,
    ) -> Timeline:  # fmt: skip
        """The timeline of a store's interactions and of the other tables."""
        whole = {**tables, "interactions": store.table("interactions")}
        return compile_timeline(whole, config, names, kinds, digest, multi, folder)

    def observed(self, trained: Trained, contents: Contents, progress: Progress | None) -> Observed:
        """The vectors of posts."""
        return trained.observed(contents, progress)

    def fit(
        self, model: AffectiveModel, timeline: Timeline, vectors: Tensor, config: TrainConfig, checkpoint: Path | None,
        progress: Progress | None,
    ) -> History:  # fmt: skip
        """Training in place."""
        return fit(model, timeline, vectors, config, checkpoint, progress)

    def trace(
        self, model: AffectiveModel, timeline: Timeline, vectors: Posts, shown: Shown | None, horizon: int
    ) -> Trace:
        """Readings along a timeline and beyond it."""
        return trace(model, timeline, vectors, shown, horizon)
