"""Recognition and forecast on a split, with reports hidden or known (DESIGN 2, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.model import AffectiveModel, Batch, Reports
from emotide.timeline import SPLITS, Labels, Timeline
from emotide.train.metrics import categorical, dimensional

REPORTS = ("hidden", "known")
BATCH = 6000


@dataclass(frozen=True)
class Answers:
    """Readings of the labels of one space and split."""

    row: Int[np.ndarray, " labels"]  # row of the timeline's labels of the space
    recognition: Float[np.ndarray, "labels names"]  # probabilities, or coordinates
    forecast: Float[np.ndarray, "labels names"]


def answers(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    space: str,
    split: int,
    reports: str = "hidden",
) -> Answers:
    """The model's readings of every label of a split, each with nothing seen that came later.

    Args:
        model: trained or not; used as it is, in evaluation mode.
        timeline, vectors: of the log.
        space: whose labels are asked for.
        split: 0 train, 1 dev, 2 test.
        reports: 'hidden': no label is ever fed back; 'known': each label is, after its own step has been read.
    """
    rows: list[np.ndarray] = []
    said: dict[str, list[Tensor]] = {"recognition": [], "forecast": []}
    with torch.no_grad():
        for networks in timeline.batches(timeline.networks_with(split, space), BATCH):
            group = timeline.group(networks)
            state = model.network.initial(len(group.users), group.pairs)
            shown = _all if reports == "known" else None
            for unrolled in model.unroll(Batch(group, vectors.device), vectors, state, shown=shown):
                here = unrolled.step.reports.get(space)
                if here is None:
                    continue
                rows.append(group.label_row[space][here.row.cpu().numpy()])
                for name in said:
                    said[name].append(model.readings.read(space, getattr(unrolled, name)[here.asked]))
    return _of_split(timeline.labels[space], rows, said, split)


def scores(labels: Labels, found: Answers, dimensional_space: bool) -> dict[str, dict[str, float | int | None]]:
    """`{"recognition": …, "forecast": …}` with the metrics of DESIGN 5."""
    if dimensional_space:
        truth = labels.target[found.row]
        return {name: dimensional(getattr(found, name), truth) for name in ("recognition", "forecast")}
    latest = labels.latest[found.row]
    return {name: categorical(getattr(found, name), latest) for name in ("recognition", "forecast")}


def dev_score(
    model: AffectiveModel, timeline: Timeline, vectors: Tensor, spaces: Sequence[str], known: bool
) -> float:
    """What early stopping watches: weighted F1 (or concordance) on dev, mean of recognition and forecast, of both regimes."""
    total = []
    model.eval()
    for space in spaces:
        if not (timeline.labels[space].split == SPLITS.index("dev")).any():
            continue
        for reports in REPORTS if known else REPORTS[:1]:
            found = answers(model, timeline, vectors, space, SPLITS.index("dev"), reports)
            by_kind = scores(timeline.labels[space], found, space in timeline.dimensional)
            for metrics in by_kind.values():
                watched = [metrics[name] for name in ("weighted_f1", "macro_f1", "auc", "ccc") if name in metrics]
                total.append(float(np.mean([value or 0.0 for value in watched])))
    return float(np.mean(total)) if total else 0.0


def _all(space: str, reports: Reports) -> Tensor:
    return torch.ones_like(reports.train)


def _of_split(labels: Labels, rows: list[np.ndarray], said: dict[str, list[Tensor]], split: int) -> Answers:
    width = labels.target.shape[1]
    row = np.concatenate(rows) if rows else np.zeros(0, int)
    kept = labels.split[row] == split
    found = {
        name: torch.cat(parts).cpu().numpy()[kept] if parts else np.zeros((0, width), np.float32)
        for name, parts in said.items()
    }
    return Answers(row[kept], found["recognition"], found["forecast"])
