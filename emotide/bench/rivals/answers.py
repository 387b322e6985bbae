"""The factor graph asked as the network is asked, its settings chosen on dev."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from emotide.bench.rivals.factor_graph import FactorGraph, FactorGraphConfig
from emotide.bench.rivals.graph import Variables, variables
from emotide.timeline import Timeline
from emotide.train.evaluate import Answers
from emotide.train.selection import drawn, score_of

TRAIN, DEV = 0, 1
GRID = {
    "components": (16, 64, 256),
    "order": (1, 3, 7),
    "decay": (2.0, 8.0, 30.0),
    "penalty": (1e-3, 1e-2, 1e-1),
    "objective": ("joint", "past"),
}
RARE = (0.0, 0.25, 0.5, 0.75)  # tried with each setting: nothing is learned anew


@dataclass(frozen=True)
class Learned:
    """A factor graph of a log, with what it cost."""

    graph: FactorGraph
    share: Float[Tensor, " names"]  # of the categories in the training part
    dev: float  # its score
    seconds: float  # to learn it once
    search_seconds: float  # to learn and judge all settings

    def answers(self, timeline: Timeline, space: str, split: int, known: bool) -> Answers:
        """Its answers for a split, with reports hidden or known."""
        return _answers(self.graph, self.share, timeline, space, split, known)[self.graph.config.rare]

    @property
    def facts(self) -> dict[str, Any]:
        """What was chosen."""
        return {"config": self.graph.config.model_dump(), "dev_score": self.dev}


def learned(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    space: str,
    regimes: tuple[bool, ...],
    trials: int,
    seed: int = 0,
    start: FactorGraphConfig | None = None,
) -> Learned:
    """The factor graph that did best on dev of so many settings: `start`, then others drawn from GRID.

    Args:
        timeline, vectors: of the log.
        space: of categories.
        regimes: whether reports are known, for each regime that dev is judged in; their scores count alike.
        trials: how many settings are learned.
        seed: of the settings drawn; learning itself has no chance in it.
        start: the first setting.
    """
    begun = time.monotonic()
    data, labels = variables(timeline, vectors, space), timeline.labels[space]
    share = torch.from_numpy(labels.target[labels.split == TRAIN].mean(0)).clamp(min=1e-6)
    start = start or FactorGraphConfig()
    best: Learned | None = None
    for changes in drawn(GRID, trials, seed):
        config = FactorGraphConfig.model_validate(start.model_dump() | changes)
        graph, seconds = _learned(data, len(share), config)
        by_regime = [_answers(graph, share, timeline, space, DEV, known) for known in regimes]
        score = {rare: float(np.mean([score_of(labels, found[rare], False) for found in by_regime])) for rare in RARE}
        rare = max(score, key=lambda power: score[power])
        if best is None or score[rare] > best.dev:
            graph.config = config.model_copy(update={"rare": rare})
            best = Learned(graph, share, score[rare], seconds, 0.0)
    assert best is not None
    return Learned(best.graph, share, best.dev, best.seconds, time.monotonic() - begun)


def _learned(data: Variables, names: int, config: FactorGraphConfig) -> tuple[FactorGraph, float]:
    begun = time.monotonic()
    graph = FactorGraph(data, names, config)
    graph.learn()
    return graph, time.monotonic() - begun


def _answers(
    graph: FactorGraph, share: Tensor, timeline: Timeline, space: str, split: int, known: bool
) -> dict[float, Answers]:
    """Answers for a split, for each power of the class frequency that they may be divided by."""
    labels = timeline.labels[space]
    row = np.flatnonzero(labels.split == split)
    place = graph.data.label_row[row]
    read = graph.read(known, until=int(labels.step[row].max(initial=-1)))
    found = {}
    for rare in RARE:
        scaled = [said[place] / share**rare for said in read]
        recognition, forecast = ((said / said.sum(1, keepdim=True)).numpy() for said in scaled)
        found[rare] = Answers(row, recognition, forecast)
    return found
