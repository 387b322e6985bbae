"""Recognition and forecast on a split, with reports hidden or known (DESIGN 2, 5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.model import AffectiveModel, Batch, Reports
from emotide.model.screening import Posts
from emotide.timeline import SPLITS, Group, Labels, Timeline
from emotide.train.metrics import categorical, dimensional, several

REPORTS = ("hidden", "known")
TASKS = ("recognition", "forecast")
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
    vectors: Posts,
    space: str,
    split: int,
    reports: str = "hidden",
) -> Answers:
    """The model's readings of every label of one space and split, see `answers_of`."""
    return answers_of(model, timeline, vectors, [space], split, reports)[space]


def answers_of(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Posts,
    spaces: Sequence[str],
    split: int,
    reports: str = "hidden",
) -> dict[str, Answers]:
    """The model's readings of every label of a split, each with nothing seen that came later; space -> answers.

    Args:
        model: trained or not; used as it is, in evaluation mode.
        timeline, vectors: of the log.
        spaces: whose labels are asked for.
        split: 0 train, 1 dev, 2 test.
        reports: 'hidden': no label is ever fed back; 'known': each label is, after its own step has been read.
    """
    rows: dict[str, list[np.ndarray]] = {space: [] for space in spaces}
    said: dict[str, dict[str, list[Tensor]]] = {space: {kind: [] for kind in TASKS} for space in spaces}
    asked = sorted({network for space in spaces for network in timeline.networks_with(split, space)})
    shown = _all if reports == "known" else None
    with torch.no_grad():
        for networks in timeline.batches(asked, BATCH):
            group = timeline.group(networks)
            state = model.network.initial(len(group.users), group.pairs)
            end = _end(group, spaces, split)
            batch = Batch(group, vectors.device, vectors.dtype)
            for unrolled in model.unrolled(batch.steps(0, end, idle=False), vectors, state, shown, owned=True):
                for space in spaces:
                    here = unrolled.step.reports.get(space)
                    if here is None:
                        continue
                    rows[space].append(group.label_row[space][here.row.cpu().numpy()])
                    for kind in TASKS:
                        Y = getattr(unrolled, kind)[here.asked]
                        said[space][kind].append(model.readings.read(space, Y))
    return {space: _of_split(timeline.labels[space], rows[space], said[space], split) for space in spaces}


def scores(
    labels: Labels, found: Answers, dimensional_space: bool, raw: Answers | None = None
) -> dict[str, dict[str, float | int | None]]:
    """`{"recognition": …, "forecast": …}` with the metrics of DESIGN 5, and `several` where categories hold at once.

    Args:
        labels: of the space.
        found: probabilities, or coordinates.
        dimensional_space: which of the two.
        raw: the answers before they were calibrated: what was decided on is their greatest; `found` by default.
    """
    if dimensional_space:
        truth = labels.target[found.row]
        return {name: dimensional(getattr(found, name), truth) for name in TASKS}
    latest, truth = labels.latest[found.row], labels.target[found.row]
    at_once = bool((labels.target.sum(1) > 1.001).any())
    return {
        name: categorical(getattr(found, name), latest, getattr(raw or found, name).argmax(1))
        | (several(getattr(found, name), truth) if at_once else {})
        for name in TASKS
    }


def dev_score(
    model: AffectiveModel, timeline: Timeline, vectors: Tensor, spaces: Sequence[str], regimes: Sequence[str] = REPORTS
) -> float | None:
    """What early stopping watches: scores on dev, meaned over recognition and forecast, spaces and regimes.

    None where dev has no labels. Of categories weighted F1, macro F1 and AUC count alike; of dimensions concordance.
    """
    total: list[float] = []
    model.eval()
    dev = SPLITS.index("dev")
    asked = [space for space in spaces if (timeline.labels[space].split == dev).any()]
    for reports in regimes:
        for space, found in answers_of(model, timeline, vectors, asked, dev, reports).items():
            total += watched(timeline.labels[space], found, space in timeline.dimensional)
    return float(np.mean(total)) if total else None


def watched(labels: Labels, found: Answers, dimensional_space: bool) -> list[float]:
    """Of recognition and of forecast what early stopping watches."""
    names = ("weighted_f1", "macro_f1", "auc", "ccc")
    by_task = scores(labels, found, dimensional_space).values()
    return [float(np.mean([metrics[name] or 0.0 for name in names if name in metrics])) for metrics in by_task]


def _end(group: Group, spaces: Sequence[str], split: int) -> int:
    """The end of a group's steps that hold a label of the split."""
    steps = [group.labels[space].step[group.labels[space].split == split] for space in spaces]
    return max((int(step.max()) + 1 - group.first_step for step in steps if len(step)), default=0)


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
