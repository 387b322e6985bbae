"""What the network must beat: the same splits, vectors and knowledge, simpler means (DESIGN 5).

No baseline knows what the network may not, nor less: with reports hidden none sees an earlier label; with reports known
each sees the labels of earlier steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from emotide.timeline import Labels, Timeline
from emotide.train.evaluate import Answers, scores
from emotide.train.history import history_features
from emotide.train.lstm import PlainConfig, plain_answers
from emotide.train.sequences import user_posts

PENALTIES = (0.001, 0.01, 0.1, 1.0)
TRAIN, DEV = 0, 1


@dataclass(frozen=True)
class Question:
    """What every baseline is asked."""

    timeline: Timeline
    vectors: Float[np.ndarray, "posts width"]
    space: str
    split: int
    reports: str
    seed: int

    @property
    def rows(self) -> np.ndarray:
        """Rows of the space's labels that are asked for."""
        return np.flatnonzero(self.timeline.labels[self.space].split == self.split)

    @property
    def dimensional(self) -> bool:
        """Whether the space has dimensions."""
        return self.space in self.timeline.dimensional


def baseline_scores(
    timeline: Timeline, vectors: Float[np.ndarray, "posts width"], space: str, split: int, reports: str, seed: int = 0
) -> dict[str, dict[str, dict[str, float | int | None]]]:
    """`{NAME: {"recognition": …, "forecast": …}}` of all baselines that the regime allows."""
    question = Question(timeline, vectors, space, split, reports, seed)
    labels = timeline.labels[space]
    if not (labels.split == TRAIN).any():
        return {}
    allowed = BASELINES if reports == "known" else {name: BASELINES[name] for name in BLIND}
    return {name: scores(labels, found(question), question.dimensional) for name, found in allowed.items()}


def majority(question: Question) -> Answers:
    """The shares of the categories (or the mean coordinates) of the training part, whatever happens."""
    labels, rows = question.timeline.labels[question.space], question.rows
    mean = _mean(labels)[None].repeat(len(rows), 0)
    return Answers(rows, mean, mean)


def post_logistic(question: Question) -> Answers:
    """Logistic (or ridge) regression on the user's posts of the step; the forecast, on the user's posts before."""
    now, before = user_posts(question.timeline, question.vectors, question.space)
    return _both(question, now, before)


def lstm(question: Question) -> Answers:
    """A plain LSTM over the dialogue's (turns) or the user's (windows) posts."""
    return _plain(question, PlainConfig(cell="lstm"))


def gru(question: Question) -> Answers:
    """A plain GRU in the LSTM's place."""
    return _plain(question, PlainConfig(cell="gru"))


def last_label(question: Question) -> Answers:
    """What the user reported last, and the shares of the training part before the first report."""
    labels, rows = question.timeline.labels[question.space], question.rows
    mean = _mean(labels)
    history = history_features(question.timeline, question.space)
    last = np.where(history.known[:, None], 0.9 * history.last + 0.1 * mean, mean)[rows]
    return Answers(rows, last, last)


def history_logistic(question: Question) -> Answers:
    """Logistic (or ridge) regression on the user's earlier labels; the recognition sees the posts of the step too."""
    past = history_features(question.timeline, question.space).table()
    now, _ = user_posts(question.timeline, question.vectors, question.space)
    return _both(question, np.hstack([past, now]), past)


BASELINES: dict[str, Callable[[Question], Answers]] = {
    "majority": majority,
    "post_logistic": post_logistic,
    "lstm": lstm,
    "gru": gru,
    "last_label": last_label,
    "history_logistic": history_logistic,
}
BLIND = ("majority", "post_logistic", "lstm", "gru")


def _mean(labels: Labels) -> Float[np.ndarray, " names"]:
    """Mean of the training part; 0 for a coordinate that nobody gave."""
    taught = labels.target[labels.split == TRAIN]
    given = ~np.isnan(taught)
    return np.asarray(np.nan_to_num(taught).sum(0) / np.maximum(given.sum(0), 1))


def _plain(question: Question, config: PlainConfig) -> Answers:
    known = question.reports == "known"
    return plain_answers(
        question.timeline, question.vectors, question.space, question.split, known, question.seed, config
    )


def _both(question: Question, now: np.ndarray, before: np.ndarray) -> Answers:
    return Answers(question.rows, _regression(question, now), _regression(question, before))


def _regression(question: Question, features: np.ndarray) -> np.ndarray:
    """Fitted on train, its penalty and class weights chosen on dev, answers for the split."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    labels = question.timeline.labels[question.space]
    if question.dimensional:
        out = majority(question).recognition
        for k in range(out.shape[1] if len(out) else 0):
            given = (labels.split == TRAIN) & ~np.isnan(labels.target[:, k])
            if given.any():
                fitted = make_pipeline(StandardScaler(), Ridge(len(features) / 100))
                fitted.fit(features[given], labels.target[given, k])
                out[:, k] = fitted.predict(features[question.rows])
        return out
    train, dev = (np.flatnonzero(labels.split == split) for split in (TRAIN, DEV))
    best, chosen = -1.0, None
    for penalty in PENALTIES:
        for weight in (None, "balanced"):
            model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, class_weight=weight, max_iter=500))
            if len(np.unique(labels.latest[train])) < 2:
                return majority(question).recognition
            model.fit(features[train], labels.latest[train])
            value = _score(labels.latest[dev], model.predict(features[dev])) if len(dev) else 0.0
            if value > best:
                best, chosen = value, model
    assert chosen is not None
    out = np.zeros((len(question.rows), labels.target.shape[1]))
    if len(question.rows):
        out[:, chosen.classes_] = chosen.predict_proba(features[question.rows])
    return out


def _score(truth: np.ndarray, answer: np.ndarray) -> float:
    from sklearn.metrics import f1_score

    return float(sum(f1_score(truth, answer, average=kind, zero_division=0) for kind in ("weighted", "macro")))
