"""The two sides that are timed: who contacts whom in the next batch, learned and asked alike, 10 neighbours, width 100.

An event is learned from once a pass: the contacts of a batch, with a random and a historical negative each, are scored
from the states before it, one gradient step a batch goes back through the step that made these states, and then they
take in the batch.
"""

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emotide.bench.rivals.tgn import SIZE, Stream, tgn_module, tgn_scores, train_epoch
from emotide.model import AffectiveModel, Batch, FusedNetwork, NetworkConfig, Readings, State
from emotide.model.habits import Habits
from emotide.timeline import Timeline
from emotide.train.behaviour import Questions, measure_habits
from emotide.train.candidates import Candidates, candidates

NETWORK = NetworkConfig(state=SIZE, observed=SIZE)  # deep cells, pair states, attention, widths as by default


class Side(Protocol):
    """What is timed."""

    def train(self, run: int) -> None:
        """A pass over all events, a gradient step a batch; negatives are drawn anew."""

    def infer(self, run: int) -> dict[str, np.ndarray]:
        """The scores of all events, and of negatives drawn anew, each from the states before its batch."""

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""


class Ours:
    """The fused network with all its parts, and the head that says who turns to whom."""

    def __init__(self, timeline: Timeline, vectors: Tensor) -> None:
        torch.manual_seed(0)
        network = FusedNetwork(NETWORK, vectors.shape[1], 2 * len(timeline.kinds))
        self.model = AffectiveModel(network, Readings(NETWORK.affect, vectors.shape[1], {}), behaviour=True)
        self.timeline, self.vectors = timeline, vectors
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-3)
        measure_habits(self.model, timeline, 0)

    def train(self, run: int) -> None:
        """A pass over all events."""
        self.model.train()
        questions = self._asked(run)
        batch = questions.batch
        state = self.model.network.initial(len(batch.group.users), batch.group.pairs)
        for k in range(batch.group.steps):
            yes, *no = questions.contacts(self.model, state, batch.group.first_step + k)
            loss = functional.softplus(-yes).mean() + functional.softplus(torch.cat(no)).mean()
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            before = State(*(part.detach() for part in state))
            (followed,) = self.model.follow(batch, self.vectors, before, k, k + 1)
            state = followed.state

    @torch.no_grad()
    def infer(self, run: int) -> dict[str, np.ndarray]:
        """The scores of all events."""
        self.model.eval()
        questions = self._asked(run)
        group = questions.batch.group
        state, parts = self.model.network.initial(len(group.users), group.pairs), []
        for followed in self.model.follow(questions.batch, self.vectors, state):
            parts.append(questions.contacts(self.model, followed.before, followed.step.number).numpy())
        names = ("positive", *questions.asked.negative)
        return dict(zip(names, np.concatenate(parts, 1), strict=True))

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return _numbers(self.model)

    def _asked(self, run: int) -> Questions:
        group, rng = self.timeline.group(), np.random.default_rng(run)
        rows = np.arange(len(group.events.contact_split))
        batch, asked = Batch(group, self.vectors.device, self.vectors.dtype), candidates(group, rows, rows, rng)
        return Questions.of(batch, Habits(group), asked, rng)


class Drawer(Protocol):
    """Where a pass's contacts and negatives come from."""

    def __call__(self, run: int) -> Candidates:
        """Those of a run."""


class Theirs:
    """TGN of `emotide.bench.rivals.tgn`."""

    def __init__(self, stream: Stream, drawn: Drawer) -> None:
        torch.manual_seed(0)
        self.stream, self.drawn = stream, drawn
        self.model: Any = tgn_module(stream.users, stream.message.shape[1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def train(self, run: int) -> None:
        """A pass over all events."""
        train_epoch(self.model, self.stream, self.drawn(run), self.optimizer)

    def infer(self, run: int) -> dict[str, np.ndarray]:
        """The scores of all events."""
        self.model.eval()
        self.model.reset()
        return tgn_scores(self.model, self.stream, self.drawn(run))

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return _numbers(self.model)


def drawn_of(timeline: Timeline) -> Drawer:
    """All contacts of a timeline with negatives drawn anew for every run."""
    group = timeline.group()
    rows = np.arange(len(group.events.contact_split))

    def drawn(run: int) -> Candidates:
        return candidates(group, rows, rows, np.random.default_rng(run))

    return drawn


def _numbers(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
