"""Temporal graph networks (Rossi et al. 2020) as in PyTorch Geometric's example: who contacts whom in the next batch.

TGNMemory with IdentityMessage and LastAggregator, attention over the last ten neighbours, a two-layer link predictor;
sizes as in the example (https://github.com/pyg-team/pytorch_geometric/blob/master/examples/tgn.py). The message of an
event is its kind. A batch is a step of the timeline: what came in earlier batches is known, nothing of this one.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from emotide.errors import BadInput
from emotide.train.candidates import Candidates

SIZE, NEIGHBOURS = 100, 10
Scores = dict[str, np.ndarray]  # "positive" and each kind of negative, a score a contact


@dataclass(frozen=True)
class Stream:
    """Contacts in the order of time."""

    source: Int[Tensor, " contacts"]
    target: Int[Tensor, " contacts"]
    time: Int[Tensor, " contacts"]  # seconds since the first
    message: Float[Tensor, "contacts kinds"]
    step: Int[np.ndarray, " contacts"]
    users: int


def tgn_module(users: int, kinds: int) -> nn.Module:
    """Memory, embedding and link predictor as one module.

    Raises:
        BadInput: torch_geometric is not installed.
    """
    try:
        from torch_geometric.nn import TGNMemory, TransformerConv
        from torch_geometric.nn.models.tgn import IdentityMessage, LastAggregator, LastNeighborLoader
    except ImportError as error:
        raise BadInput(f"TGN is not installed ({error}): install emotide[rivals]") from error

    class TGN(nn.Module):
        """Memory, graph attention over the last neighbours, and the link predictor."""

        def __init__(self) -> None:
            super().__init__()
            message = IdentityMessage(kinds, SIZE, SIZE)
            self.memory = TGNMemory(users, kinds, SIZE, SIZE, message, LastAggregator())
            self.conv = TransformerConv(SIZE, SIZE // 2, heads=2, dropout=0.1, edge_dim=kinds + SIZE)
            self.lin_src, self.lin_dst = nn.Linear(SIZE, SIZE), nn.Linear(SIZE, SIZE)
            self.lin_final = nn.Linear(SIZE, 1)
            self.near = LastNeighborLoader(users, size=NEIGHBOURS)
            self.place = torch.empty(users, dtype=torch.long)

        def reset(self) -> None:
            self.memory.reset_state()
            self.near.reset_state()

        def scores(self, stream: Stream, source: Tensor, targets: list[Tensor]) -> list[Tensor]:
            n_id, edge, e_id = self.near(torch.unique(torch.cat([source, *targets])))
            self.place[n_id] = torch.arange(len(n_id))
            z, last = self.memory(n_id)
            since = (last[edge[0]] - stream.time[e_id]).to(z.dtype)
            attributes = torch.cat([self.memory.time_enc(since), stream.message[e_id]], 1)
            z = self.conv(z, edge, attributes)
            of_source = self.lin_src(z[self.place[source]])
            return [
                self.lin_final((of_source + self.lin_dst(z[self.place[target]])).relu())[:, 0] for target in targets
            ]

        def seen(self, stream: Stream, rows: slice) -> None:
            source, target = stream.source[rows], stream.target[rows]
            self.memory.update_state(source, target, stream.time[rows], stream.message[rows])
            self.near.insert(source, target)

    return TGN()


def train_tgn(
    stream: Stream,
    fresh: Callable[[int], Candidates],
    dev: Candidates,
    judged: Callable[[Scores], float],
    lr: float,
    seed: int,
    epochs: int,
    patience: int,
) -> tuple[Any, float]:
    """A trained TGN of the best epoch on dev, as it stood after dev, and its score there.

    Args:
        stream: all contacts; the first of them are those that `fresh` gives.
        fresh: the training contacts with negatives, drawn anew for each epoch.
        dev: the dev contacts, which follow on the training contacts.
        judged: the score of dev's scores.
        lr: learning rate.
        seed: of weights and dropout.
        epochs: at most.
        patience: epochs without a better score before training stops.
    """
    torch.manual_seed(seed)
    model: Any = tgn_module(stream.users, stream.message.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    best, kept, since = -np.inf, model, 0
    for epoch in range(epochs):
        train_epoch(model, stream, fresh(epoch), optimizer)
        score = judged(tgn_scores(model, stream, dev))
        since += 1
        if score > best:
            best, since, kept = score, 0, deepcopy(model)
        if since >= patience:
            break
    return kept, best


def train_epoch(model: Any, stream: Stream, train: Candidates, optimizer: torch.optim.Optimizer) -> None:
    """One pass over the training contacts from an empty memory, a gradient step a batch."""
    model.train()
    model.reset()
    for rows, targets in _batches(train, 0):
        optimizer.zero_grad()
        positive, *negatives = model.scores(stream, stream.source[rows], targets)
        loss = functional.binary_cross_entropy_with_logits(positive, torch.ones_like(positive))
        false = torch.cat(negatives)
        loss = loss + functional.binary_cross_entropy_with_logits(false, torch.zeros_like(false))
        model.seen(stream, rows)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        model.memory.detach()


@torch.no_grad()
def tgn_scores(model: Any, stream: Stream, asked: Candidates) -> Scores:
    """Scores of contacts that follow on everything that the model has seen; it has seen them afterwards."""
    model.eval()
    parts: list[list[np.ndarray]] = []
    for rows, targets in _batches(asked, model.near.cur_e_id):
        parts.append([score.numpy() for score in model.scores(stream, stream.source[rows], targets)])
        model.seen(stream, rows)
    names = ("positive", *asked.negative)
    return {name: np.concatenate(column) for name, column in zip(names, zip(*parts, strict=True), strict=True)}


def _batches(asked: Candidates, start: int) -> Iterator[tuple[slice, list[Tensor]]]:
    """For each step the rows of the stream, and targets: the real ones and each kind of negative."""
    cuts = [0, *(np.flatnonzero(np.diff(asked.step)) + 1).tolist(), len(asked.step)]
    columns = [torch.from_numpy(column.astype(np.int64)) for column in (asked.target, *asked.negative.values())]
    for first, end in pairwise(cuts):
        yield slice(start + first, start + end), [column[first:end] for column in columns]
