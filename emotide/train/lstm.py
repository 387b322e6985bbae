"""The plain LSTM and GRU that the network is measured against: one cell, no users, no pairs, no attention."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn import functional

from emotide.timeline import Timeline
from emotide.train.evaluate import Answers
from emotide.train.history import history_features
from emotide.train.selection import drawn, score_of
from emotide.train.sequences import Sequences, sequences

TRAIN, DEV = 0, 1
LENGTH = 64  # longer sequences are cut, the state starting anew


class PlainConfig(BaseModel, frozen=True, extra="forbid"):
    """The plain LSTM or GRU; the defaults are what did best on MELD's dev part."""

    cell: Literal["lstm", "gru"] = "lstm"
    state: int = 128
    learning_rate: float = 2e-3
    dropout: float = Field(0.4, ge=0, lt=1)
    class_weights: float = Field(0.5, ge=0, le=1, description="power of the inverse class frequency")
    epochs: int = 40
    patience: int = 6
    batch: int = 32
    updates: int = Field(24, ge=1, description="gradient steps in an epoch, at least: a small log is gone over again")


GRID = {
    "state": (64, 128, 256),
    "learning_rate": (1e-3, 2e-3),
    "dropout": (0.2, 0.4, 0.5, 0.6),
    "class_weights": (0.0, 0.5, 0.6),
}
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


class _Plain(nn.Module):
    def __init__(self, inputs: int, context: int, names: int, config: PlainConfig) -> None:
        super().__init__()
        self.config = config
        self.cell = CELLS[config.cell](inputs, config.state, batch_first=True)
        self.recognition = nn.Linear(config.state, names)
        self.forecast = nn.Linear(config.state + context, names)

    def forward(self, inputs: Tensor, context: Tensor, earlier: Tensor) -> tuple[Tensor, Tensor]:
        drop = self.config.dropout
        out, _ = self.cell(functional.dropout(inputs, drop, self.training))
        out = functional.dropout(out, drop, self.training)
        before = functional.pad(out, (0, 0, 1, 0)).gather(1, (earlier + 1)[:, :, None].expand_as(out))
        return self.recognition(out), self.forecast(torch.cat([before, context], -1))


def plain_answers(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    space: str,
    split: int,
    known: bool,
    seed: int = 0,
    config: PlainConfig | None = None,
) -> Answers:
    """Trained on train, stopped on dev, the answers for a split.

    Args:
        timeline, vectors, space, split: as everywhere.
        known: whether it sees the labels of earlier steps: those of its user, and of its sequence.
        seed: of weights, order and dropout.
        config: cell, sizes and rates.
    """
    table = _Table(sequences(timeline, vectors, space), timeline, space, known)
    model, _ = _trained(table, timeline, space, seed, config or PlainConfig())
    return _answers(model, table, timeline, space, split)


def tuned(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    space: str,
    known: bool,
    trials: int,
    start: PlainConfig,
    seed: int = 0,
) -> PlainConfig:
    """The best on dev of so many settings: `start`, then others drawn from GRID.

    Args:
        timeline, vectors, space, known: as for `plain_answers`.
        trials: how many settings are trained.
        start: the cell, and what the grid does not name.
        seed: of the settings drawn, and of each training.
    """
    table = _Table(sequences(timeline, vectors, space), timeline, space, known)
    tried = [PlainConfig.model_validate(start.model_dump() | changes) for changes in drawn(GRID, trials, seed)]
    found = [_trained(table, timeline, space, seed, config)[1] for config in tried]
    return tried[int(np.argmax(found))]


def _trained(table: "_Table", timeline: Timeline, space: str, seed: int, config: PlainConfig) -> tuple[_Plain, float]:
    """The best epoch on dev, and its score."""
    torch.manual_seed(seed)
    labels = timeline.labels[space]
    model = _Plain(table.inputs.shape[1], table.context.shape[1], labels.target.shape[1], config)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=1e-2)
    share = torch.from_numpy(np.nan_to_num(labels.target[labels.split == TRAIN]).mean(0)).clamp(min=1e-6)
    weight = share**-config.class_weights
    dimensional = space in timeline.dimensional
    best, best_score, stale = deepcopy(model.state_dict()), -1.0, 0
    rng = np.random.default_rng(seed)
    for _ in range(config.epochs):
        model.train()
        for rows in table.batches(rng, config.batch, config.updates):
            loss = _loss(model, table, rows, weight, dimensional)
            if loss is None:
                continue
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        score = score_of(labels, _answers(model, table, timeline, space, DEV), dimensional)
        stale = 0 if score > best_score else stale + 1
        if stale == 0:
            best, best_score = deepcopy(model.state_dict()), score
        if stale >= config.patience:
            break
    model.load_state_dict(best)
    return model, best_score


class _Table:
    """Padded blocks of rows: each sequence in pieces of at most LENGTH."""

    def __init__(self, data: Sequences, timeline: Timeline, space: str, known: bool) -> None:
        labels = timeline.labels[space]
        inputs = [data.vector, data.counts, data.context]
        context = [data.context]
        if known:
            own = np.zeros((len(data.vector), labels.target.shape[1]), np.float32)
            history = history_features(timeline, space)
            own[data.label_row] = history.last
            shown = np.zeros((len(own) + 1, own.shape[1]), np.float32)  # the last row: where nothing was before
            shown[data.label_row] = np.nan_to_num(labels.target)
            before = shown[data.earlier]
            inputs += [own, before]
            context += [own, before]
        self.inputs = torch.from_numpy(np.hstack(inputs).astype(np.float32))
        self.context = torch.from_numpy(np.hstack(context).astype(np.float32))
        _, starts = np.unique(data.sequence, return_index=True)
        ends = np.append(starts[1:], len(data.sequence))
        whole = zip(starts, ends, strict=True) if len(starts) else ()
        self.pieces = [(a, min(a + LENGTH, end)) for start, end in whole for a in range(start, end, LENGTH)]
        self.target = torch.full((len(data.vector), labels.target.shape[1]), float("nan"))
        self.target[data.label_row] = torch.from_numpy(np.array(labels.target))
        self.train = torch.zeros(len(data.vector), dtype=torch.bool)
        self.train[data.label_row[labels.split == TRAIN]] = True
        self.label_row, self.earlier = data.label_row, torch.from_numpy(data.earlier)

    def read(self, model: "_Plain", rows: Int[Tensor, "pieces length"]) -> tuple[Tensor, Tensor]:
        """Recognition and forecast of the rows of some pieces, whatever for padding."""
        place = self.earlier[rows] - rows[:, :1]
        earlier = place.clamp(-1, rows.shape[1] - 1)  # in a piece before, or none: the state starts anew
        both: tuple[Tensor, Tensor] = model(self.inputs[rows], self.context[rows], earlier)
        return both

    def batches(self, rng: np.random.Generator, size: int, least: int) -> Iterator[Tensor]:
        """Rows of the pieces that hold a training label, shuffled, so many pieces at a time; all of them, and again."""
        held = [k for k, (a, b) in enumerate(self.pieces) if bool(self.train[a:b].any())]
        passes = -(-least // max(-(-len(held) // size), 1))
        for _ in range(passes):
            order = rng.permutation(held)
            for start in range(0, len(order), size):
                yield self.padded(order[start : start + size])

    def padded(self, chosen: np.ndarray) -> Tensor:
        """int[pieces, length]: the rows of each piece, -1 for padding."""
        length = max(self.pieces[k][1] - self.pieces[k][0] for k in chosen)
        rows = torch.full((len(chosen), length), -1)
        for place, k in enumerate(chosen):
            a, b = self.pieces[k]
            rows[place, : b - a] = torch.arange(a, b)
        return rows


def _loss(model: _Plain, table: _Table, rows: Tensor, weight: Tensor, dimensional: bool) -> Tensor | None:
    said = table.read(model, rows)
    taught = (rows >= 0) & table.train[rows]
    if not bool(taught.any()):
        return None
    target = table.target[rows][taught]
    if dimensional:
        given = ~target.isnan()
        return torch.stack([((out[taught] - target.nan_to_num(0.0))[given] ** 2).mean() for out in said]).sum()
    scale = (target * weight).sum(1).mean()
    losses = [-(target * weight * out[taught].log_softmax(-1)).sum(1).mean() / scale for out in said]
    return torch.stack(losses).sum()


def _answers(model: _Plain, table: _Table, timeline: Timeline, space: str, split: int) -> Answers:
    model.eval()
    labels = timeline.labels[space]
    out = torch.zeros(2, len(table.inputs), labels.target.shape[1])
    with torch.no_grad():
        for start in range(0, len(table.pieces), 256):
            rows = table.padded(np.arange(start, min(start + 256, len(table.pieces))))
            for k, said in enumerate(table.read(model, rows)):
                out[k][rows[rows >= 0]] = said[rows >= 0]
    kept = np.flatnonzero(labels.split == split)
    read = out if space in timeline.dimensional else out.softmax(-1)
    recognition, forecast = (read[k].numpy()[table.label_row[kept]] for k in range(2))
    return Answers(kept, recognition, forecast)
