"""What the network learns about behaviour, and how well: who posts and who turns to whom in the next step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from emotide.model import AffectiveModel, Batch, State, Unrolled
from emotide.model.affective import Followed
from emotide.model.ahead import Ahead
from emotide.model.behaviour import Behaviour, Pairs, asked_pairs
from emotide.model.habits import Habits
from emotide.model.trace import groups
from emotide.model.window import Window
from emotide.timeline import SPLITS, Group, Timeline
from emotide.timeline.sort import stable_order
from emotide.train.candidates import NEGATIVES, Candidates, candidates
from emotide.train.config import TrainConfig

TRAIN, DEV = SPLITS.index("train"), SPLITS.index("dev")
MOST = 2000  # people of a step who are asked whether they post; a sample where there are more
LEARNED = 500  # as many in training, where other steps ask others
BLOCK = 32  # steps at most whose questions are made at once
CONTACTS = 8192  # contacts, about, of such steps
DRAWN = 400  # pairs without a contact that are drawn of a step for calibration, of each of two kinds


class Asked(NamedTuple):
    """The questions about one step: contacts, then each kind of negative; and who posts."""

    pairs: Pairs
    people: Int[Tensor, " people"]  # row of H
    own: Float[Tensor, "people own"]  # their habits
    posted: Float[Tensor, " people"]


@dataclass
class Questions:
    """All questions about some contacts of a batch, and who posts in the same steps; made for many steps at once.

    Attributes:
        batch: whose contacts.
        asked: contacts sorted by step, and negatives.
        seed: of the people who are drawn where a step has more than `most`.
        most: people of a step who are asked whether they post.
    """

    batch: Batch
    asked: Candidates
    seed: int
    most: int = MOST

    def __post_init__(self) -> None:
        group = self.batch.group
        ticks = np.arange(group.first_step, group.first_step + group.steps + 1)
        self.first = np.searchsorted(self.asked.step, ticks)  # of each step the first row of `asked`; and the end
        self._ends = _block_ends(self.first)
        self._blocks = Ahead(lambda number: dict(self._block(number)), len(self._ends))

    def at(self, step: int) -> Asked:
        """The questions about a step that something is asked about, made together with those of the steps around it."""
        k = step - self.batch.group.first_step
        return self._blocks.at(int(np.searchsorted(self._ends, k, side="right")))[k]

    def _block(self, number: int) -> Iterator[tuple[int, Asked]]:
        """The questions about the steps of a block in which something is asked; each block draws by itself."""
        first, rng = int(self._ends[number - 1]) if number else 0, np.random.default_rng((self.seed, number))
        end = int(self._ends[number])
        steps = [k for k in range(first, end) if self.first[k] < self.first[k + 1]]
        if not steps:
            return
        group, kinds = self.batch.group, 1 + len(self.asked.negative)
        rows = slice(self.first[first], self.first[end])
        targets = [column[rows] for column in (self.asked.target, *self.asked.negative.values())]
        order = stable_order(np.tile(self.asked.step[rows], kinds))  # by step, then kind
        source, target, when = (
            np.concatenate(columns)[order]
            for columns in ([self.asked.source[rows]] * kinds, targets, [self.asked.step[rows]] * kinds)
        )
        like = torch.empty(0, dtype=self.batch.dtype, device=self.batch.device)
        pairs = asked_pairs(self.batch.habits, source, target, when, like)
        people = [self.batch.habits.known(k + group.first_step, self.most, rng) for k in steps]
        who, at = np.concatenate(people), np.repeat(steps, list(map(len, people)))
        wrote = group.events.post_user[slice(*group.bounds["post"][[first, end]])].astype(np.int64)
        posts = np.diff(group.bounds["post"][first : end + 1])
        wrote = np.repeat(np.arange(first, end), posts) * len(group.users) + wrote
        columns = (
            torch.from_numpy(who).to(like.device),
            torch.from_numpy(self.batch.habits.own(who, at + group.first_step)).to(like),
            torch.from_numpy(np.isin(at * len(group.users) + who, wrote)).to(like),
        )
        bounds = np.concatenate([[0], np.cumsum(list(map(len, people)))])
        for n, k in enumerate(steps):
            here = slice(*(kinds * (self.first[k : k + 2] - self.first[first])))
            mine = slice(bounds[n], bounds[n + 1])
            yield k, Asked(Pairs(*(column[here] for column in pairs)), *(column[mine] for column in columns))


def _block_ends(first: Int[np.ndarray, " ticks"]) -> Int[np.ndarray, " blocks"]:
    """The step at which each block ends: at most `BLOCK` steps with about `CONTACTS` contacts, or one with more."""
    ends, steps = [0], len(first) - 1
    while ends[-1] < steps:
        begun = ends[-1]
        full = int(np.searchsorted(first, first[begun] + CONTACTS, side="right")) - 1
        ends.append(min(max(full, begun + 1), begun + BLOCK, steps))
    return np.array(ends[1:])


def contacts_said(model: AffectiveModel, state: State, asked: Asked) -> Float[Tensor, "kinds contacts"]:
    """Scores of the contacts of a step, then of each kind of negative; `state` is that before the step."""
    return head_of(model).contacts(model.network, state, asked.pairs).reshape(1 + len(NEGATIVES), -1)


def posts_said(model: AffectiveModel, state: State, asked: Asked) -> Float[Tensor, " people"]:
    """Logits that people known before the step post in it; of networks that still go on."""
    return head_of(model).posts(state.H.index_select(0, asked.people), asked.own)


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
        questions = Questions(batch, candidates(group, rows, rows, rng), int(rng.integers(1 << 62)), LEARNED)
        end = int(questions.asked.step.max(initial=group.first_step - 1)) + 1 - group.first_step
        return cls(questions, weight, end)

    @property
    def teaches(self) -> Bool[np.ndarray, " steps"]:
        """Which steps hold a training contact."""
        held: np.ndarray = np.diff(self.questions.first) > 0
        return held

    def asked(self, first: int, end: int) -> "Together | None":
        """The questions about the steps from `first` to `end`, exclusive, that hold a training contact."""
        start = self.questions.batch.group.first_step
        steps = (first + np.flatnonzero(self.teaches[first:end])).tolist()
        return Together.of([self.questions.at(start + k) for k in steps]) if steps else None

    def added(
        self,
        loss: Tensor | None,
        model: AffectiveModel,
        unrolled: Sequence[Followed | Unrolled],
        asked: "Together | None",
    ) -> Tensor | None:
        """The loss of some steps with that of behaviour, the mean over the steps with contacts.

        Args:
            loss: of the steps, if there is one.
            model: whose head answers.
            unrolled: the steps.
            asked: the questions about those that hold a contact; rows are of the tables of these steps.
        """
        if asked is None:
            return loss
        first, teaches = self.questions.batch.group.first_step, self.teaches
        mine = self.weight * asked.loss(model, [u.before for u in unrolled if teaches[u.step.number - first]])
        return mine if loss is None else loss + mine


class Together(NamedTuple):
    """The questions about some steps on end, to be answered in one call."""

    asked: Asked  # rows of H and A are positions in `who` and `met`
    who: Int[Tensor, " who"]  # row of H, each once a step, step by step
    met: Int[Tensor, " met"]  # row of A
    sizes: tuple[list[int], list[int]]  # how many of `who` and of `met` are of each step
    truth: Float[Tensor, " pairs"]  # 1 for a contact, 0 for a negative
    weight: Float[Tensor, " pairs"]  # Σ weight · loss is the mean over the steps of the means of each
    of_person: Float[Tensor, " people"]  # such weights

    @classmethod
    def of(cls, asked: Sequence[Asked]) -> "Together":
        """The questions about one or more steps."""
        steps, like = len(asked), asked[0].own
        ends = [torch.cat([one.pairs.source, one.pairs.target, one.people]) for one in asked]
        distinct = [torch.unique(rows, return_inverse=True) for rows in ends]
        users = [len(rows) for rows, _ in distinct]
        places = [place + first for (_, place), first in zip(distinct, accumulate(users, initial=0), strict=False)]
        columns = [
            torch.split(place, [len(one.pairs.source)] * 2 + [len(one.people)])
            for place, one in zip(places, asked, strict=True)
        ]
        source, target, people = map(torch.cat, zip(*columns, strict=True))
        rows = [row for one in asked for row in (one.pairs.there, one.pairs.back)]
        every = torch.cat(rows)
        known = every >= 0
        place = torch.split(torch.where(known, known.cumsum(0) - 1, -1), list(map(len, rows)))
        there, back = torch.cat(place[::2]), torch.cat(place[1::2])
        pairs = Pairs(source, target, there, back, torch.cat([one.pairs.habits for one in asked]))
        own, posted = (torch.cat(column) for column in ([one.own for one in asked], [one.posted for one in asked]))
        half = [int(part.sum()) for part in torch.split(known, [2 * len(one.pairs.there) for one in asked])]
        contacts = np.array([len(one.pairs.source) // (1 + len(NEGATIVES)) for one in asked])
        each = np.stack([contacts, len(NEGATIVES) * contacts], 1).ravel()
        persons = np.array([len(one.people) for one in asked])
        return cls(
            Asked(pairs, people, own, posted),
            torch.cat([rows for rows, _ in distinct]),
            every[known],
            (users, half),
            *(
                torch.from_numpy(np.repeat(value, times)).to(like)
                for value, times in (
                    (np.tile([1.0, 0.0], steps), each),
                    (1 / (steps * np.maximum(each, 1)), each),
                    (1 / (steps * np.maximum(persons, 1)), persons),
                )
            ),
        )

    def placed(self, window: Window) -> "Together":
        """The questions about rows of the tables of a window that was made with room for `who` and `met`, last."""
        return self._replace(who=window.users.parts[-1], met=window.pairs.parts[-1])

    def loss(self, model: AffectiveModel, before: Sequence[State]) -> Tensor:
        """Cross-entropy of contacts against drawn pairs, and of posts, read from the states before the steps."""
        who, met = (torch.split(rows, sizes) for rows, sizes in zip((self.who, self.met), self.sizes, strict=True))
        H = torch.cat([state.H.index_select(0, rows) for state, rows in zip(before, who, strict=True)])
        A = torch.cat([state.A.index_select(0, rows) for state, rows in zip(before, met, strict=True)])
        state, entropy = State(H, A, before[0].M[:0]), functional.binary_cross_entropy_with_logits
        scores = head_of(model).contacts(model.network, state, self.asked.pairs)
        loss = entropy(scores, self.truth, self.weight, reduction="sum")
        if not len(self.asked.people):
            return loss
        said = posts_said(model, state, self.asked)
        return loss + entropy(said, self.asked.posted, self.of_person, reduction="sum")


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
    questions: Questions | None = None
    contacts, posts, posted = [np.zeros((1 + len(NEGATIVES), 0))], [np.zeros(0)], [np.zeros(0)]
    for batch, step, state in _before_steps(model, timeline, vectors, split):
        if questions is None or questions.batch is not batch:
            questions = Questions(batch, judged_candidates(batch.group, split, rng), seed)
        asked = questions.at(step)
        contacts.append(contacts_said(model, state, asked).cpu().numpy())
        posts.append(posts_said(model, state, asked).cpu().numpy())
        posted.append(asked.posted.cpu().numpy())
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
    for batch, step, state in _before_steps(model, timeline, vectors, DEV):
        source, target, happened, weight = batch.habits.population(step, DRAWN, rng)
        scores = head.contacts(model.network, state, asked_pairs(batch.habits, source, target, step, state.H))
        parts.append(np.stack([scores.cpu().numpy(), happened, weight]))
    score, happened, weight = np.concatenate(parts, 1)
    if 0 < happened.sum() < len(happened):
        fitted = LogisticRegression(C=100.0).fit(score[:, None], happened, sample_weight=weight)
        head.scale.copy_(torch.tensor([float(fitted.coef_[0, 0]), float(fitted.intercept_[0])]))


def _before_steps(
    model: AffectiveModel, timeline: Timeline, vectors: Tensor, split: int
) -> Iterator[tuple[Batch, int, State]]:
    """The steps with a contact of a split, and the states before each."""
    for group in groups(timeline):
        e = group.events
        steps = set(e.step["contact"][e.contact_split == split].tolist())
        if not steps:
            continue
        batch = Batch(group, vectors.device, vectors.dtype)
        state, last = model.network.initial(len(group.users), group.pairs), max(steps) + 1 - group.first_step
        for followed in model.follow(batch, vectors, state, last=last, owned=True):
            if followed.step.number in steps:
                yield batch, followed.step.number, followed.before
