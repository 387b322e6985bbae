"""Honest probabilities: what the readings of a trained space are worth, learned on dev once training is over.

Of categories, for each space, task and regime of reports (temperature and bias; Guo et al. 2017):

    p = softmax(z / T + b)          z the network's scores; σ where several categories may hold at once

by the least negative log-likelihood, with a ridge of log T to 0 and of b to the prior shift −log w that undoes the
class weights w of training (Saerens et al. 2002). What is decided on, the `reading`, stays the category of the greatest
z: under the class weights rare emotions count more, and that choice is none of the probability's business. Where each
network is wholly of one part (dialogues), train and dev are draws of the same kind, and how frequent the categories are
is known better from both: the rows of dev are weighted to the shares of the two.

Of dimensions: the standard deviation of the error, dimension by dimension.

Both keep how strange the truths of dev were, for sets that hold the truth as often as is asked for (`conformal`). As
dev also chose the epoch and fitted T and b, its rows are not wholly set aside: the guarantee holds of the sets nearly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from emotide.model import AffectiveModel
from emotide.timeline import SPLITS, Labels, Timeline
from emotide.train.config import TrainConfig
from emotide.train.conformal import category_sets, intervals, strangeness
from emotide.train.evaluate import REPORTS, TASKS, Answers, answers_of
from emotide.train.loss import class_weights

RIDGE = 30.0  # in rows of dev; of 3 to 1000 the least NLL on MELD's dev part cut into five by dialogue, three seeds
FLOOR = 1e-12
Key = tuple[str, str, str]  # space, reports, task


@dataclass(frozen=True)
class Fitted:
    """What dev taught about one space, task and regime.

    Attributes:
        coldness: 1 / T, how much the scores are sharpened; 1 for dimensions.
        bias: added to the scores; empty for dimensions.
        multi: whether several categories may hold at once, so that each has a probability of its own.
        spread: standard deviation of the error of each dimension, NaN where dev gave none; empty for categories.
        strange: what the truths of dev had against them, ascending: one column for categories, else one a dimension
            (absolute errors, NaN at the end where dev gave none).
    """

    coldness: float
    bias: Float[np.ndarray, " categories"]
    multi: bool
    spread: Float[np.ndarray, " dimensions"]
    strange: Float[np.ndarray, "aside columns"]

    def apply(self, read: Float[np.ndarray, "rows names"]) -> Float[np.ndarray, "rows names"]:
        """Calibrated probabilities; coordinates stay what they are."""
        if self.dimensional:
            return read
        z = torch.from_numpy(_scores(read, self.multi) * self.coldness + self.bias)
        return np.asarray((z.sigmoid() if self.multi else z.softmax(1)).numpy().astype(read.dtype))

    @property
    def dimensional(self) -> bool:
        """Whether it is about coordinates."""
        return len(self.bias) == 0

    def errors(self, k: int) -> Float[np.ndarray, " given"]:
        """The column `k` of `strange`, without what was not given."""
        column = self.strange[:, k]
        given: np.ndarray = column[~np.isnan(column)]
        return given

    def sets(
        self, probability: Float[np.ndarray, "rows names"], decided: Int[np.ndarray, " rows"], coverage: float
    ) -> Bool[np.ndarray, "rows names"]:
        """The categories that hold the truth as often as is asked for, from calibrated probabilities."""
        return category_sets(probability, decided, self.errors(0), coverage)

    def intervals(
        self, coordinates: Float[np.ndarray, "rows names"], coverage: float, ends: Sequence[tuple[float, float]]
    ) -> Float[np.ndarray, "rows names 2"]:
        """For each dimension on its own, the interval that holds the truth so often; `ends`: the dimension's range."""
        columns = [
            intervals(coordinates[:, k], self.errors(k), coverage, low, high) for k, (low, high) in enumerate(ends)
        ]
        return np.stack(columns, 1)


@dataclass(frozen=True)
class Calibration:
    """What dev taught about the spaces that were trained; readings in others stay as they are."""

    fitted: Mapping[Key, Fitted] = field(default_factory=dict)

    def of(self, space: str, reports: str, task: str, names: int) -> Fitted | None:
        """What is known of one space of so many names, regime and task; nothing where names came to it since."""
        found = self.fitted.get((space, reports, task))
        return found if found and names == max(len(found.bias), len(found.spread)) else None

    def apply(self, space: str, reports: str, found: Answers) -> Answers:
        """Answers with calibrated probabilities."""
        known = {task: self.of(space, reports, task, found.recognition.shape[1]) for task in TASKS}
        return replace(found, **{task: part.apply(getattr(found, task)) for task, part in known.items() if part})

    def tensors(self) -> dict[str, Tensor]:
        """Everything as tensors, to be kept beside the weights."""
        return {
            ".".join(("calibration", *key, name)): torch.from_numpy(np.atleast_1d(getattr(part, name)).copy())
            for key, part in self.fitted.items()
            for name in PARTS
        }

    @classmethod
    def taken(cls, tensors: dict[str, Tensor]) -> "Calibration":
        """What `tensors` gave; it is taken out of these."""
        found: dict[Key, dict[str, np.ndarray]] = {}
        for name in [name for name in tensors if name.startswith("calibration.")]:
            space, reports, task, part = name.removeprefix("calibration.").rsplit(".", 3)
            found.setdefault((space, reports, task), {})[part] = tensors.pop(name).numpy()
        return cls(
            {
                key: Fitted(float(p["coldness"][0]), p["bias"], bool(p["multi"][0]), p["spread"], p["strange"])
                for key, p in found.items()
            }
        )


PARTS = ("coldness", "bias", "multi", "spread", "strange")


def calibrated(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "posts width"], config: TrainConfig
) -> Calibration:
    """What the dev part teaches about a trained model; nothing of a space that has no labels there."""
    dev, fitted = SPLITS.index("dev"), {}
    spaces = [s for s in model.readings.trained if s in timeline.labels and (timeline.labels[s].split == dev).any()]
    for reports in REPORTS:
        for space, found in answers_of(model, timeline, vectors, spaces, dev, reports).items():
            labels = timeline.labels[space]
            for task in TASKS:
                read = getattr(found, task)
                if space in timeline.dimensional:
                    fitted[space, reports, task] = fit_spread(read, labels.target[found.row])
                else:
                    prior = prior_shift(timeline, space, labels, config.class_weights)
                    target = labels.target[found.row] if model.readings.spaces[space].multi else None
                    truth, rates = labels.latest[found.row], base_rates(timeline, labels)
                    fitted[space, reports, task] = fit_probabilities(read, truth, prior, target, rates[truth])
    return Calibration(fitted)


def prior_shift(timeline: Timeline, space: str, labels: Labels, power: float) -> Float[np.ndarray, " names"]:
    """−log of the class weights of training, which they added to the scores; zeros where nothing was taught."""
    if not (labels.split == SPLITS.index("train")).any():
        return np.zeros(labels.target.shape[1])
    return np.asarray(-np.log(class_weights(timeline, space, power).double().numpy()))


def base_rates(timeline: Timeline, labels: Labels) -> Float[np.ndarray, " names"]:
    """Share of each category in train and dev over its share in dev; ones where a network has labels of both parts."""
    network = timeline.users["network_row"].to_numpy()[labels.user]
    train, dev = (labels.split == SPLITS.index(part) for part in ("train", "dev"))
    names = labels.target.shape[1]
    if np.isin(network[train], network[dev]).any() or not train.any():
        return np.ones(names)
    both, alone = (np.bincount(labels.latest[part], minlength=names) / part.sum() for part in (train | dev, dev))
    return np.asarray(np.divide(both, alone, out=np.ones(names), where=alone > 0))


def fit_probabilities(
    probability: Float[np.ndarray, "rows names"],
    truth: Int[np.ndarray, " rows"],
    prior: Float[np.ndarray, " names"],
    target: Float[np.ndarray, "rows names"] | None = None,
    weight: Float[np.ndarray, " rows"] | None = None,
) -> Fitted:
    """Temperature and bias of categories by penalised maximum likelihood.

    Args:
        probability: as the network gives it.
        truth: what was reported.
        prior: where the bias is drawn to.
        target: where several categories may hold at once, how much each does.
        weight: of each row; 1 by default.
    """
    multi = target is not None
    z, latest = torch.from_numpy(_scores(probability, multi)), torch.from_numpy(truth.astype(np.int64))
    held = None if target is None else torch.from_numpy(target.astype(np.float64))
    rows = torch.from_numpy(np.ones(len(truth)) if weight is None else weight.astype(np.float64))
    drawn = torch.from_numpy(np.asarray(prior, np.float64))
    cold = torch.zeros(1, dtype=torch.float64, requires_grad=True)  # −log T
    shift = torch.zeros_like(drawn, requires_grad=True)
    optimizer = torch.optim.LBFGS([cold, shift], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        scores = z * cold.exp() + drawn + shift
        if held is None:
            entropy = functional.cross_entropy(scores, latest, reduction="none")
        else:
            entropy = functional.binary_cross_entropy_with_logits(scores, held, reduction="none").sum(1)
        total = ((rows * entropy).sum() + RIDGE * (cold.square().sum() + shift.square().sum())) / len(latest)
        torch.autograd.backward(total)
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    fitted = Fitted(float(cold.detach().exp()), (drawn + shift).detach().numpy(), multi, np.zeros(0), np.zeros((0, 1)))
    return replace(fitted, strange=strangeness(fitted.apply(probability), truth)[:, None])


def fit_spread(coordinates: Float[np.ndarray, "rows names"], truth: Float[np.ndarray, "rows names"]) -> Fitted:
    """Spread of the errors of coordinates, and the errors themselves."""
    error = np.sort(np.abs(coordinates.astype(np.float64) - truth), axis=0)  # NaN sorts to the end
    given = (~np.isnan(error)).sum(0)
    spread = np.sqrt(np.divide(np.nansum(error**2, 0), given, out=np.full(len(given), np.nan), where=given > 0))
    return Fitted(1.0, np.zeros(0), False, spread, error)


def _scores(probability: np.ndarray, multi: bool) -> Float[np.ndarray, "rows names"]:
    """Scores whose softmax, or σ, the probabilities are."""
    p = np.clip(probability.astype(np.float64), FLOOR, 1 - FLOOR if multi else None)
    return np.asarray(np.log(p) - np.log1p(-p) if multi else np.log(p))
