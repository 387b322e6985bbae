"""The plain LSTM that the network is measured against: one cell, no users, no pairs, no attention."""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, Field
from torch import Tensor, nn
from torch.nn import functional

from emotide.timeline import Timeline
from emotide.train.evaluate import Answers, scores
from emotide.train.history import history_features
from emotide.train.sequences import Sequences, sequences

TRAIN, DEV = 0, 1
LENGTH = 64  # longer sequences are cut, the state starting anew


class LSTMConfig(BaseModel, frozen=True, extra="forbid"):
    """The plain LSTM; the defaults are what did best on MELD's dev part."""

    state: int = 128
    learning_rate: float = 2e-3
    dropout: float = Field(0.4, ge=0, lt=1)
    class_weights: float = Field(0.5, ge=0, le=1, description="power of the inverse class frequency")
    epochs: int = 40
    patience: int = 6
    batch: int = 32
    updates: int = Field(24, ge=1, description="gradient steps in an epoch, at least: a small log is gone over again")


class _PlainLSTM(nn.Module):
    def __init__(self, inputs: int, context: int, names: int, config: LSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.lstm = nn.LSTM(inputs, config.state, batch_first=True)
        self.recognition = nn.Linear(config.state, names)
        self.forecast = nn.Linear(config.state + context, names)

    def forward(self, inputs: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        drop = self.config.dropout
        out, _ = self.lstm(functional.dropout(inputs, drop, self.training))
        out = functional.dropout(out, drop, self.training)
        before = functional.pad(out, (0, 0, 1, 0))[:, :-1]
        return self.recognition(out), self.forecast(torch.cat([before, context], -1))


def lstm_answers(
    timeline: Timeline,
    vectors: Float[np.ndarray, "posts width"],
    space: str,
    split: int,
    known: bool,
    seed: int = 0,
    config: LSTMConfig | None = None,
) -> Answers:
    """Trained on train, stopped on dev, the answers for a split.

    Args:
        timeline, vectors, space, split: as everywhere.
        known: whether it sees the labels of earlier steps: those of its user, and of its sequence.
        seed: of weights, order and dropout.
        config: sizes and rates.
    """
    config = config or LSTMConfig()
    torch.manual_seed(seed)
    data = sequences(timeline, vectors, space)
    labels = timeline.labels[space]
    table = _Table(data, timeline, space, known)
    model = _PlainLSTM(table.inputs.shape[1], table.context.shape[1], labels.target.shape[1], config)
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
        score = _dev_score(timeline, space, _answers(model, table, timeline, space, DEV), dimensional)
        stale = 0 if score > best_score else stale + 1
        if stale == 0:
            best, best_score = deepcopy(model.state_dict()), score
        if stale >= config.patience:
            break
    model.load_state_dict(best)
    return _answers(model, table, timeline, space, split)


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
            before = np.zeros_like(own)
            shown = np.zeros_like(own)
            shown[data.label_row] = np.nan_to_num(labels.target)
            same = data.sequence[1:] == data.sequence[:-1]
            before[1:][same] = shown[:-1][same]
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
        self.label_row = data.label_row

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


def _loss(model: _PlainLSTM, table: _Table, rows: Tensor, weight: Tensor, dimensional: bool) -> Tensor | None:
    said = model(table.inputs[rows], table.context[rows])
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


def _answers(model: _PlainLSTM, table: _Table, timeline: Timeline, space: str, split: int) -> Answers:
    model.eval()
    labels = timeline.labels[space]
    out = torch.zeros(2, len(table.inputs), labels.target.shape[1])
    with torch.no_grad():
        for start in range(0, len(table.pieces), 256):
            rows = table.padded(np.arange(start, min(start + 256, len(table.pieces))))
            for k, said in enumerate(model(table.inputs[rows], table.context[rows])):
                out[k][rows[rows >= 0]] = said[rows >= 0]
    kept = np.flatnonzero(labels.split == split)
    read = out if space in timeline.dimensional else out.softmax(-1)
    recognition, forecast = (read[k].numpy()[table.label_row[kept]] for k in range(2))
    return Answers(kept, recognition, forecast)


def _dev_score(timeline: Timeline, space: str, found: Answers, dimensional: bool) -> float:
    by_kind = scores(timeline.labels[space], found, dimensional)
    watched = ("ccc",) if dimensional else ("weighted_f1", "macro_f1")
    return float(np.mean([by_kind[kind][name] or 0.0 for kind in by_kind for name in watched]))
