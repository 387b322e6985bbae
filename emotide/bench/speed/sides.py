"""The two sides that are timed: who contacts whom in the next batch, learned and asked alike, 10 neighbours, width 100.

A pass goes over all events. Each contact of a batch is scored beside a random and a historical negative from the states
before the batch, which then take it in. Ours trains by `emotide.train.fit` itself, so its passes also teach who posts,
and read every poster's forecast; gradients go back through `WINDOW` batches, where TGN's go through one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotide.bench.rivals.tgn import SIZE, Scores, Stream, tgn_module, tgn_scores, train_epoch
from emotide.model import AffectiveModel, Batch, FusedNetwork, NetworkConfig, Readings
from emotide.timeline import Group, Timeline
from emotide.train import TrainConfig, fit
from emotide.train.behaviour import Questions, contacts_said, measure_habits
from emotide.train.candidates import Candidates, candidates

# deep cells, pair states, attention: about 227,000 numbers where TGN has 192,000, or 260,000 with features
NETWORK = NetworkConfig(state=SIZE, observed=SIZE, width=48, pair_width=32, influence=16)
WINDOW = 4  # batches of one gradient step
Drawn = Callable[[int], Candidates]


class Ours:
    """The fused network with all its parts, and the head that says who turns to whom.

    Args:
        timeline: all of its contacts are learned from.
        vectors: of its posts.
        drawn: the contacts of a pass of inference with negatives, given its number.
    """

    def __init__(self, timeline: Timeline, vectors: Tensor, drawn: Drawn) -> None:
        torch.manual_seed(0)
        events = timeline.events
        every = replace(events, contact_split=np.zeros_like(events.contact_split))
        self.timeline, self.vectors, self.drawn = replace(timeline, events=every), vectors, drawn
        network = FusedNetwork(NETWORK, vectors.shape[1], 2 * len(timeline.kinds))
        self.model = AffectiveModel(network, Readings(NETWORK.affect, vectors.shape[1], {}), behaviour=True)
        measure_habits(self.model, self.timeline, 0)

    def train(self, passes: int, over: Callable[[int], None]) -> None:
        """So many passes; `over` is told the number of each, from 0, when it is over."""
        config = TrainConfig(
            epochs=passes, patience=passes, window=WINDOW, updates=1, reports=0, next_observation=0, behaviour=1
        )
        fit(self.model, self.timeline, self.vectors, config, progress=lambda done, total, what: over(done - 1))

    @torch.inference_mode()
    def infer(self, run: int) -> Scores:
        """The scores of all events."""
        self.model.eval()
        group, asked = self.timeline.group(), self.drawn(run)
        batch = Batch(group)
        questions = Questions(batch, asked, run, most=0)
        state, parts = self.model.network.initial(len(group.users), group.pairs), []
        for followed in self.model.follow(batch, self.vectors, state, owned=True):
            parts.append(contacts_said(self.model, followed.before, questions.at(followed.step.number)).numpy())
        return dict(zip(("positive", *asked.negative), np.concatenate(parts, 1), strict=True))


class Theirs:
    """TGN of `emotide.bench.rivals.tgn`.

    Args:
        stream: what it reads.
        drawn: the contacts of a pass with negatives, given its number.
    """

    def __init__(self, stream: Stream, drawn: Drawn) -> None:
        torch.manual_seed(0)
        self.stream, self.drawn = stream, drawn
        self.model: Any = tgn_module(stream.users, stream.message.shape[1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def train(self, run: int) -> None:
        """A pass over all events, a gradient step a batch."""
        train_epoch(self.model, self.stream, self.drawn(run), self.optimizer)

    def infer(self, run: int) -> Scores:
        """The scores of all events."""
        self.model.eval()
        self.model.reset()
        return tgn_scores(self.model, self.stream, self.drawn(run))


def drawn_from(group: Group, run: int) -> Candidates:
    """All contacts of a group, with the negatives of a run."""
    rows = np.arange(len(group.events.contact_split))
    return candidates(group, rows, rows, np.random.default_rng(run))


def numbers(model: torch.nn.Module) -> int:
    """How many numbers are learned."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
