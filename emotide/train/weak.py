"""Weak labels: what a lexicon says of the training posts that nobody labelled (a documented option, off by default).

They are no truth, and nothing takes them for it: they stand in a space of their own, `weak_polarity`, in the timeline
of one training run alone, for posts of the training part, with a weight below that of a label. They are never fed back
as reports, never decide which epoch is kept, and no evaluation can ask for them, as no log holds them.

| lexicon | for posts in | what it is | licence |
| --- | --- | --- | --- |
| vader | Latin letters (English) | VADER, words with rules for negation and degree (Hutto & Gilbert 2014) | MIT |
| pysenti | Chinese characters | word weights with rules for negation, degree and conjunctions | Apache-2.0 |

Which is asked is decided by the script of each post; a post in neither gets no weak label.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from emotide.errors import BadInput
from emotide.model import EmotionSpace, built_in
from emotide.timeline import Labels, Timeline
from emotide.train.config import TrainConfig

WEAK_SPACE = "weak_polarity"
CJK = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
CHINESE = 0.3  # share of Chinese characters among the letters from which on a post is taken for Chinese
TRAIN = 0


class Lexicon(NamedTuple):
    """A word list with its rules: how it is loaded, what it reads, and where neutral ends."""

    script: str
    load: Callable[[], Callable[[str], float]]  # gives the function from a text to its valence
    neutral: float  # a valence that is not further from 0 says neutral


def _vader() -> Callable[[str], float]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    return lambda text: float(analyzer.polarity_scores(text)["compound"])


def _pysenti() -> Callable[[str], float]:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    from pysenti import rule_classifier

    return lambda text: float(rule_classifier.classify(text)["score"])


LEXICONS: dict[str, Lexicon] = {
    "vader": Lexicon("latin", _vader, 0.05),  # the threshold that its authors give
    "pysenti": Lexicon("chinese", _pysenti, 1.0),  # its weights are never quite 0
}


def weak_space() -> EmotionSpace:
    """The space of the weak labels: the categories of polarity under a name that tells."""
    return built_in()["polarity"].model_copy(update={"name": WEAK_SPACE})


def with_weak_labels(timeline: Timeline, texts: Sequence[str], config: TrainConfig) -> Timeline:
    """The timeline with weak labels of the training posts whose author has no label in that step.

    Args:
        timeline: of the log.
        texts: of its posts, in the timeline's order.
        config: names the lexicons, the weight, and the spaces whose labels count: a post that is labelled in another
            gets a weak label all the same.

    Raises:
        BadInput: the log has labels in a space of that name, or a lexicon is not installed.
    """
    if WEAK_SPACE in timeline.labels:
        raise BadInput(f"the log has labels in space {WEAK_SPACE!r}, a name kept for weak labels: rename theirs")
    counted = [timeline.labels[space] for space in config.spaces or timeline.spaces]
    labelled = [_key(labels.user, labels.step) for labels in counted]
    key = _key(timeline.posts["user"].to_numpy(), timeline.posts["step"].to_numpy())
    free = timeline.posts["train"].to_numpy() & ~np.isin(key, np.concatenate([key[:0], *labelled]))
    polarity = polarities([texts[k] for k in np.flatnonzero(free).tolist()], config.weak_labels)
    said = ~np.isnan(polarity)
    post = np.flatnonzero(free)[said]
    shares = np.eye(3, dtype=np.float32)[(polarity[said] + 1).astype(int)]
    labels = _labels(timeline, post, shares, config.weak_weight)
    names = {WEAK_SPACE: weak_space().names}
    return replace(timeline, labels=timeline.labels | {WEAK_SPACE: labels}, spaces=timeline.spaces | names)


def weak_facts(timeline: Timeline, config: TrainConfig) -> dict[str, Any]:
    """What the model folder tells of the weak labels that a model has seen."""
    told = {"lexicons": list(config.weak_labels), "space": WEAK_SPACE, "weight": config.weak_weight}
    return told | {"labels": len(timeline.labels[WEAK_SPACE].step)}


def without_weak_labels(timeline: Timeline) -> Timeline:
    """The timeline with the labels of the log alone."""
    labels = {space: labels for space, labels in timeline.labels.items() if space != WEAK_SPACE}
    return replace(timeline, labels=labels)


def polarities(texts: Sequence[str], lexicons: Sequence[str]) -> Float[np.ndarray, " texts"]:
    """-1, 0 or 1 by the lexicon of each text's script; NaN where none of these reads it.

    Raises:
        BadInput: a lexicon is not installed.
    """
    out = np.full(len(texts), np.nan)
    scripts = np.array([script(text) for text in texts], dtype=str)
    for name in lexicons:
        lexicon = LEXICONS[name]
        try:
            valence = lexicon.load()
        except ImportError as error:
            raise BadInput(f"the lexicon {name!r} is not installed ({error}): install emotide[weak]") from error
        for k in np.flatnonzero(scripts == lexicon.script).tolist():
            value = valence(texts[k])
            out[k] = np.sign(value) if abs(value) >= lexicon.neutral else 0.0
    return out


def script(text: str) -> str:
    """'chinese' or 'latin' by the letters of a text, '' where it has none or most are others."""
    letters = [sign for sign in text if sign.isalpha()]
    chinese = sum(1 for sign in letters if CJK.match(sign))
    if letters and chinese >= CHINESE * len(letters):
        return "chinese"
    latin = sum(1 for sign in letters if sign < "ɐ")
    return "latin" if 2 * latin > len(letters) else ""


def _labels(timeline: Timeline, post: np.ndarray, shares: Float[np.ndarray, "posts 3"], weight: float) -> Labels:
    """One label a user and step: the mean of its posts, which stand in the order of labels."""
    user, step = (timeline.posts[column].to_numpy()[post] for column in ("user", "step"))
    key = _key(user, step)
    start = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
    mean = np.add.reduceat(shares, start) / np.diff(np.append(start, len(key)))[:, None] if len(key) else shares
    return Labels(
        step=step[start].astype(np.int32),
        user=user[start].astype(np.int32),
        target=mean.astype(np.float32),
        latest=mean.argmax(1).astype(np.int32),
        weight=np.full(len(start), weight, np.float32),
        split=np.full(len(start), TRAIN, np.int8),
    )


def _key(user: np.ndarray, step: np.ndarray) -> np.ndarray:
    key: np.ndarray = user.astype(np.int64) << 32 | step
    return key
