"""Who does the work: this process, or whoever has the same four methods (`emotide.cluster` has)."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
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

SMALL = 4000  # rows of people and pairs in a step, below which a second thread waits more than it works


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
        with threads_for(timeline) if config.tune_encoder is None else nullcontext():
            return fit(model, timeline, vectors, config, checkpoint, progress)

    def trace(
        self, model: AffectiveModel, timeline: Timeline, vectors: Posts, shown: Shown | None, horizon: int
    ) -> Trace:
        """Readings along a timeline and beyond it."""
        with threads_for(timeline):
            return trace(model, timeline, vectors, shown, horizon)


@contextmanager
def threads_for(timeline: Timeline) -> Iterator[None]:
    """Torch's threads while a timeline is walked through: one where steps are small.

    Threads meet after every operation. On a machine that others use too the one that has to wait for its core holds up
    all of them, many times a step; where steps are small nothing makes up for it.
    """
    before, e = torch.get_num_threads(), timeline.events
    steps = int(e.step["active"].max(initial=0)) + 1
    torch.set_num_threads(1 if len(e.active_user) + len(e.pair) < SMALL * steps else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
