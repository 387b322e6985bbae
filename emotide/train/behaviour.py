"""What the network learns about behaviour, and how well: who posts and who turns to whom in the next step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from emotide.model import AffectiveModel, Batch, State, Unrolled
from emotide.model.behaviour import Behaviour, asked_pairs
from emotide.model.habits import Habits
from emotide.model.trace import groups
from emotide.timeline import SPLITS, Group, Timeline
from emotide.train.candidates import NEGATIVES, Candidates, candidates
from emotide.train.config import TrainConfig

TRAIN, DEV = SPLITS.index("train"), SPLITS.index("dev")
MOST = 2000  # people of a step who are asked whether they post; a sample where there are more
DRAWN = 400  # pairs without a contact that are drawn of a step for calibration, of each of two kinds


@dataclass(frozen=True)
class Questions:
    """All questions about some contacts of a batch, and who posts in the same steps."""

    batch: Batch
    habits: Habits
    asked: Candidates
    first: Int[np.ndarray, " ticks"]  # of each step of the group, the first row of `asked`; and the end
    rng: np.random.Generator

    @classmethod
    def of(cls, batch: Batch, habits: Habits, asked: Candidates, rng: np.random.Generator) -> "Questions":
        """Questions about contacts that are sorted by step."""
        ticks = np.arange(batch.group.first_step, batch.group.first_step + batch.group.steps + 1)
        return cls(batch, habits, asked, np.searchsorted(asked.step, ticks), rng)

    def contacts(self, model: AffectiveModel, state: State, step: int) -> Float[Tensor, "kinds contacts"]:
        """Scores of the contacts of a step, then of each kind of negative; `state` is that before the step."""
        k = step - self.batch.group.first_step
        here = slice(*self.first[k : k + 2])
        targets = [column[here] for column in (self.asked.target, *self.asked.negative.values())]
        source = np.tile(self.asked.source[here], len(targets))
        pairs = asked_pairs(self.habits, source, np.concatenate(targets), step, state.H)
        return head_of(model).contacts(model.network, state, pairs).reshape(len(targets), -1)

    def posts(
        self, model: AffectiveModel, state: State, step: int
    ) -> tuple[Float[Tensor, " people"], Float[Tensor, " people"]]:
        """Logits that people known before the step post in it, and who does; people of networks that still go on."""
        group = self.batch.group
        user = self.habits.present(step)
        if len(user) > MOST:
            user = np.sort(self.rng.choice(user, MOST, replace=False))
        k = step - group.first_step
        wrote = group.events.post_user[slice(*group.bounds["post"][k : k + 2])]
        own = torch.from_numpy(self.habits.own(user, np.full(len(user), step))).to(state.H)
        logits = head_of(model).posts(state.H[torch.from_numpy(user).to(own.device)], own)
        return logits, torch.from_numpy(np.isin(user, wrote)).to(own)


def behaviour_weight(timeline: Timeline, config: TrainConfig) -> float:
    """The config's weight, or 1 where a log has contacts and no labels, and 0 elsewhere."""
    if config.behaviour is not None:
        return config.behaviour
    return 1.0 if len(timeline.events.contact_split) and not timeline.labels else 0.0


@dataclass(frozen=True)
class Lesson:
    """What a batch teaches about behaviour: its training contacts, and who posts in the same steps."""

    questions: Questions
    weight: float
    end: int  # steps of the batch until the last training contact

    @classmethod
    def of(cls, batch: Batch, weight: float, rng: np.random.Generator) -> "Lesson":
        """Negatives are drawn anew; who may be drawn is reached by a training contact."""
        group = batch.group
        rows = np.flatnonzero(group.events.contact_split == TRAIN)
        questions = Questions.of(batch, Habits(group), candidates(group, rows, rows, rng), rng)
        end = int(questions.asked.step.max(initial=group.first_step - 1)) + 1 - group.first_step
        return cls(questions, weight, end)

    @property
    def teaches(self) -> Bool[np.ndarray, " steps"]:
        """Which steps hold a training contact."""
        held: np.ndarray = np.diff(self.questions.first) > 0
        return held

    def added(self, loss: Tensor | None, model: AffectiveModel, unrolled: Sequence[Unrolled]) -> Tensor | None:
        """The loss of some steps with that of behaviour, the mean over the steps with contacts."""
        first, teaches = self.questions.batch.group.first_step, self.teaches
        asked = [u for u in unrolled if teaches[u.step.number - first]]
        if not asked:
            return loss
        mine = self.weight * torch.stack([self._of(model, u) for u in asked]).mean()
        return mine if loss is None else loss + mine

    def _of(self, model: AffectiveModel, unrolled: Unrolled) -> Tensor:
        """Cross-entropy of contacts against drawn pairs, and of posts."""
        step = unrolled.step.number
        yes, *no = self.questions.contacts(model, unrolled.before, step)
        loss = functional.softplus(-yes).mean() + functional.softplus(torch.cat(no)).mean()
        logits, posted = self.questions.posts(model, unrolled.before, step)
        return loss + functional.binary_cross_entropy_with_logits(logits, posted) if len(logits) else loss


def measure_habits(model: AffectiveModel, timeline: Timeline, seed: int) -> None:
    """Give the head mean and spread of the habits of training contacts and of pairs drawn against them."""
    rng, told = np.random.default_rng(seed), []
    for group in groups(timeline):
        rows = np.flatnonzero(group.events.contact_split == TRAIN)
        asked, habits = candidates(group, rows, rows, rng), Habits(group)
        told += [habits.of(asked.source, t, asked.step) for t in (asked.target, *asked.negative.values())]
    every, head = np.concatenate(told), head_of(model)
    if len(every):
        head.centre.copy_(torch.from_numpy(every.mean(0)))
        head.spread.copy_(torch.from_numpy(np.maximum(every.std(0), 1e-2)))


def head_of(model: AffectiveModel) -> Behaviour:
    """The model's head for behaviour, which it must have."""
    if model.behaviour is None:
        raise ValueError("this model has no head for behaviour")
    return model.behaviour


def judged_candidates(group: Group, split: int, rng: np.random.Generator) -> Candidates:
    """The contacts of a split and negatives; anybody may be drawn whom any contact of the log reaches."""
    split_of = group.events.contact_split
    return candidates(group, np.flatnonzero(split_of == split), np.arange(len(split_of)), rng)


class Said(NamedTuple):
    """What was said of the contacts and posts of a part of the log."""

    scores: dict[str, Float[np.ndarray, " contacts"]]  # "positive" and each kind of negative
    post: Float[np.ndarray, " asked"]  # logits
    posted: Float[np.ndarray, " asked"]


@torch.no_grad()
def behaviour_said(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "posts width"], split: int, seed: int
) -> Said:
    """Scores of the contacts of a split and of negatives drawn by seed; each step is judged from the states before."""
    rng = np.random.default_rng(seed)
    questions: dict[int, Questions] = {}
    contacts, posts, posted = [np.zeros((1 + len(NEGATIVES), 0))], [np.zeros(0)], [np.zeros(0)]
    for batch, habits, step, state in _before_steps(model, timeline, vectors, split):
        if id(batch) not in questions:
            questions = {id(batch): Questions.of(batch, habits, judged_candidates(batch.group, split, rng), rng)}
        asked = questions[id(batch)]
        contacts.append(asked.contacts(model, state, step).cpu().numpy())
        logits, wrote = asked.posts(model, state, step)
        posts.append(logits.cpu().numpy())
        posted.append(wrote.cpu().numpy())
    scores = dict(zip(("positive", *NEGATIVES), np.concatenate(contacts, 1), strict=True))
    return Said(scores, np.concatenate(posts), np.concatenate(posted))


def average_precision(scores: dict[str, Float[np.ndarray, " contacts"]]) -> dict[str, float]:
    """Of the contacts among as many negatives, for each kind of negative."""
    from sklearn.metrics import average_precision_score

    yes = scores["positive"]
    truth = np.repeat([1, 0], len(yes))
    return {kind: float(average_precision_score(truth, np.append(yes, scores[kind]))) for kind in NEGATIVES}


def behaviour_scores(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "posts width"], split: int, seed: int
) -> dict[str, float] | None:
    """Average precision of contacts, by kind of negative, and of posts where there are any; None without contacts."""
    from sklearn.metrics import average_precision_score

    said = behaviour_said(model, timeline, vectors, split, seed)
    if not len(said.scores["positive"]):
        return None
    found = average_precision(said.scores)
    if said.posted.any():
        found["post"] = float(average_precision_score(said.posted, said.post))
    return found


def behaviour_dev(model: AffectiveModel, timeline: Timeline, vectors: Tensor) -> float | None:
    """What early stopping watches where nothing is labelled: the mean of the average precisions on dev."""
    found = behaviour_scores(model, timeline, vectors, DEV, seed=0)
    return None if found is None else float(np.mean(list(found.values())))


@torch.no_grad()
def calibrate_behaviour(model: AffectiveModel, timeline: Timeline, vectors: Tensor) -> None:
    """Fit what scores of contacts are worth: a logistic regression on dev over all pairs of people known by then.

    Of the pairs without a contact in a step some are drawn, of those who had one before and of those who had none
    apart, and weighed to the number of all such pairs. Nothing is fitted where dev has no contacts.
    """
    from sklearn.linear_model import LogisticRegression

    head, rng, parts = head_of(model), np.random.default_rng(0), [np.zeros((3, 0))]
    for _, habits, step, state in _before_steps(model, timeline, vectors, DEV):
        source, target, happened, weight = habits.population(step, DRAWN, rng)
        scores = head.contacts(model.network, state, asked_pairs(habits, source, target, step, state.H))
        parts.append(np.stack([scores.cpu().numpy(), happened, weight]))
    score, happened, weight = np.concatenate(parts, 1)
    if 0 < happened.sum() < len(happened):
        fitted = LogisticRegression(C=100.0).fit(score[:, None], happened, sample_weight=weight)
        head.scale.copy_(torch.tensor([float(fitted.coef_[0, 0]), float(fitted.intercept_[0])]))


def _before_steps(
    model: AffectiveModel, timeline: Timeline, vectors: Tensor, split: int
) -> Iterator[tuple[Batch, Habits, int, State]]:
    """The steps with a contact of a split, and the states before each."""
    for group in groups(timeline):
        e = group.events
        steps = set(e.step["contact"][e.contact_split == split].tolist())
        if not steps:
            continue
        batch, habits = Batch(group, vectors.device, vectors.dtype), Habits(group)
        state, last = model.network.initial(len(group.users), group.pairs), max(steps) + 1 - group.first_step
        for followed in model.follow(batch, vectors, state, last=last):
            if followed.step.number in steps:
                yield batch, habits, followed.step.number, followed.before
