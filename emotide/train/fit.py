"""Training: truncated back-propagation through time over groups of networks, early stopping on dev (DESIGN 3.3)."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model import AffectiveModel, Batch, Reports, Shown, State, Unrolled
from emotide.model.affective import Followed
from emotide.model.window import Windows
from emotide.timeline import Timeline
from emotide.train.behaviour import (
    Lesson,
    behaviour_dev,
    behaviour_weight,
    calibrate_behaviour,
    measure_habits,
)  # fmt: skip
from emotide.train.checkpoint import Checkpoint
from emotide.train.config import TrainConfig
from emotide.train.evaluate import dev_score
from emotide.train.flat import Descent, Flat, adamw
from emotide.train.hiding import hidden_share, thinned
from emotide.train.loss import class_weights, window_loss
from emotide.train.tuning import begin, judged_posts, seen
from emotide.train.weak import WEAK_SPACE, without_weak_labels

Progress = Callable[[int, int, str], None]
BatchOf = Callable[[tuple[int, ...]], Batch]
TRAIN = 0


@dataclass
class History:
    """What happened in training: one row an epoch, with the score on dev by which the best was kept."""

    rows: list[dict[str, float]] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The best score on dev so far."""
        return max((row["dev"] for row in self.rows), default=-np.inf)

    @property
    def by_loss(self) -> bool:
        """Whether dev had nothing to judge by, so that the loss of training chose the epoch."""
        return all(row["dev"] == -row["loss"] for row in self.rows)

    @property
    def since_best(self) -> int:
        """Epochs since the best score."""
        scores = [row["dev"] for row in self.rows]
        return len(scores) - 1 - int(np.argmax(scores)) if scores else 0


def fit(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    config: TrainConfig,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Train the model in place; it ends with the running mean of the weights of its best epoch on dev.

    Args:
        model: to be trained.
        timeline: of the log.
        vectors: of the posts, on the model's device.
        config: how.
        checkpoint: a folder; training that was interrupted there goes on where it was.
        progress: called with (epoch, epochs, what happened).
    """
    spaces, told = trained_spaces(timeline, config), without_weak_labels(timeline)
    classes = {space: class_weights(timeline, space, config.class_weights).to(vectors) for space in spaces}
    weight = behaviour_weight(timeline, config) if model.behaviour is not None else 0.0
    if weight:
        measure_habits(model, timeline, config.seed)
    mean, best, history = deepcopy(model).eval(), deepcopy(model.state_dict()), History()
    flat, flat_mean = Flat(model), Flat(mean)
    optimizer = adamw(flat, config)
    updates = 0
    regimes, batch_of = regimes_of(config), batches_of(timeline, vectors)
    saved = Checkpoint(checkpoint) if checkpoint else None
    if saved and saved.exists():
        best = saved.restore(model, mean, optimizer, history.rows)
        updates = int(sum(row["updates"] for row in history.rows))
    for epoch in range(len(history.rows), config.epochs):
        if history.since_best >= config.patience:
            break
        torch.manual_seed(config.seed * 10_007 + epoch)  # so that a resumed run equals one that was never interrupted
        rng = np.random.default_rng((config.seed, epoch))
        for part in (model, mean):
            begin(part, epoch >= config.tune_after)
        losses: list[float] = []
        for value in epoch_losses(
            model, timeline, batch_of, vectors, classes, config, Descent(flat, optimizer, config.clip), rng, weight
        ):
            losses.append(value)
            updates += 1
            flat_mean.towards(flat, 1 - min(config.averaging, updates / (updates + 10)))  # it starts as a plain mean
        loss = float(np.mean(losses)) if losses else 0.0
        with torch.no_grad():
            vectors = seen(mean, vectors, judged_posts(timeline))
        judged = dev_score(mean, told, vectors, [space for space in spaces if space != WEAK_SPACE], regimes)
        if judged is None and weight:
            judged = behaviour_dev(mean, timeline, vectors)
        score = -loss if judged is None else judged  # without labels in dev, the loss is all there is to go by
        history.rows.append({"loss": loss, "dev": score, "updates": len(losses)})
        if history.since_best == 0:
            best = deepcopy(mean.state_dict())
        if saved:
            saved.write(model, mean, optimizer, best, history.rows)
        if progress:
            progress(epoch + 1, config.epochs, f"loss {loss:.3f}, dev {score:.3f} (best {history.best:.3f})")
    model.load_state_dict(best)
    flat.release()
    model.eval()
    if weight:
        with torch.no_grad():
            vectors = seen(model, vectors, np.arange(len(vectors)))
        calibrate_behaviour(model, timeline, vectors)
    return history


def batches_of(timeline: Timeline, vectors: Tensor) -> BatchOf:
    """Batches by their networks, on the device of the vectors; the last one is kept: often there is no other."""

    @lru_cache(maxsize=1)
    def made(networks: tuple[int, ...]) -> Batch:
        return Batch(timeline.group(networks), vectors.device, vectors.dtype)

    return made


def epoch_losses(
    model: AffectiveModel,
    timeline: Timeline,
    batch_of: BatchOf,
    vectors: Tensor,
    classes: dict[str, Tensor],
    config: TrainConfig,
    descent: Descent,
    rng: np.random.Generator,
    weight: float,
) -> Iterator[float]:
    """The losses of an epoch's gradient steps: passes over the training part until there are enough of them."""
    done = 0
    while done < config.updates:
        before = done
        groups = _batches(timeline, list(classes), config, rng, weight > 0)
        for group in groups:
            shown, batch = shown_in_training(config, rng), batch_of(tuple(group))
            lesson = Lesson.of(batch, weight, rng) if weight else None
            last = last_train_step(batch, _train_posts(timeline), lesson)
            window = _window(batch, last, len(groups), config, lesson)
            descent.mark("batch building")
            for loss in _train_batch(model, batch, vectors, classes, config, descent, shown, window, last, lesson, rng):
                done += 1
                yield loss
        if done == before:
            return  # nothing to learn from


def trained_spaces(timeline: Timeline, config: TrainConfig) -> list[str]:
    """The spaces to train on: those that are asked for, or all that have labels in the training part."""
    with_labels = [space for space, labels in timeline.labels.items() if bool((labels.split == TRAIN).any())]
    return [space for space in with_labels if not config.spaces or space in (*config.spaces, WEAK_SPACE)]


def regimes_of(config: TrainConfig) -> list[str]:
    """Whether labels are fed back: the ways that are trained, and judged on dev."""
    return [name for name, share in (("hidden", 1 - config.reports), ("known", config.reports)) if share]


def _batches(
    timeline: Timeline, spaces: Sequence[str], config: TrainConfig, rng: np.random.Generator, contacts: bool = False
) -> list[list[int]]:
    """The networks with a label or a post to learn from, or a contact, in batches of like length, shuffled."""
    wrote = timeline.users["network_row"].to_numpy()[timeline.posts["user"].to_numpy()[_train_posts(timeline)]]
    turned = timeline.events.contact_target[timeline.events.contact_split == TRAIN] if contacts else wrote[:0]
    wrote = np.append(wrote, timeline.users["network_row"].to_numpy()[turned])
    networks = sorted(set(wrote.tolist()).union(*(timeline.networks_with(TRAIN, space) for space in spaces)))
    if not networks:
        networks = list(range(len(timeline.networks)))
    steps = timeline.networks["steps"].to_numpy()[networks]
    order = np.argsort(steps * rng.uniform(0.8, 1.25, len(networks)), kind="stable")
    groups = list(timeline.batches([networks[k] for k in order], config.batch_events))
    return [groups[k] for k in rng.permutation(len(groups))]


def _window(batch: Batch, last: int, batches: int, config: TrainConfig, lesson: Lesson | None = None) -> int:
    """Steps per gradient step: the config's, or fewer where an epoch would else hold too few gradient steps."""
    wanted = -(-config.updates // batches)
    taught = int(teaches(batch, lesson)[:last].sum())
    return min(config.window, max(config.least_window, taught // wanted))


def teaches(batch: Batch, lesson: Lesson | None = None) -> Bool[np.ndarray, " steps"]:
    """Which steps of a batch hold something to learn from: a label of the training part, a post, or a contact."""
    group = batch.group
    taught = np.diff(group.bounds["post"]) > 0
    for labels in group.labels.values():
        taught[labels.step[labels.split == TRAIN] - group.first_step] = True
    if lesson is not None:
        taught |= lesson.teaches
    return taught


def shown_in_training(config: TrainConfig, rng: np.random.Generator) -> Shown | None:
    """Reports in training: in a share of the batches, some of them at random, never one of dev or test."""
    if rng.random() >= config.reports:
        return None
    kept = rng.choice([1.0, 1.0, 0.5])

    def shown(space: str, reports: Reports) -> Tensor:
        chosen: Tensor = torch.rand(len(reports.train), device=reports.train.device) < kept
        return reports.train & chosen & (space != WEAK_SPACE)

    return shown


def _train_batch(
    model: AffectiveModel,
    batch: Batch,
    vectors: Tensor,
    classes: dict[str, Tensor],
    config: TrainConfig,
    descent: Descent,
    shown: Shown | None,
    window: int,
    last: int,
    lesson: Lesson | None = None,
    rng: np.random.Generator | None = None,
) -> Iterator[float]:
    """One pass over the steps before `last` of a batch, a gradient step per window of steps; yields the losses."""
    model.train()
    windows, taught = Windows(batch), teaches(batch, lesson)
    of_posts = len(batch.group.events.post) and (config.next_observation or config.names)
    forecasts = bool(classes or of_posts)  # nothing is made or read that no loss asks for
    run: Callable[..., Iterator[Followed | Unrolled]] = model.unrolled if forecasts else model.followed
    state = model.network.initial(len(batch.group.users), batch.group.pairs)
    for first in range(0, last, window):
        end = min(first + window, last)
        asked = lesson.asked(first, end) if lesson is not None else None
        cut = windows.window(first, end, *(([asked.who], [asked.met]) if asked else ([], [])), forecasts)
        share = hidden_share(config.hidden, rng) if config.hidden and rng else 0.0
        steps = thinned(cut.steps, share) if share else cut.steps
        descent.mark("batch building")
        with torch.set_grad_enabled(bool(taught[first:end].any())):
            read = seen(model, vectors, _posts(batch, first, end))
            unrolled = list(run(steps, read, cut.taken(state), shown))
        descent.mark("the rest of the step")
        loss = window_loss(model, [step for step in unrolled if isinstance(step, Unrolled)], read, classes, config)
        descent.mark("loss")
        if lesson is not None:
            loss = lesson.added(loss, model, unrolled, asked and asked.placed(cut))
            descent.mark("behaviour")
        state = State(*(part.detach() for part in state))
        cut.put(state, unrolled[-1].state)
        if loss is None or not loss.requires_grad:
            continue
        descent.step(loss)
        yield float(loss.detach())


def _posts(batch: Batch, first: int, last: int) -> Int[np.ndarray, " posts"]:
    """The posts of some steps of a batch."""
    begin, end = batch.group.bounds["post"][[first, last]]
    return batch.group.events.post[begin:end]


def _train_posts(timeline: Timeline) -> Bool[np.ndarray, " posts"]:
    """Which posts are of the training part."""
    train: np.ndarray = timeline.posts["train"].to_numpy()
    return train


def last_train_step(
    batch: Batch, train_posts: Bool[np.ndarray, " posts"], lesson: Lesson | None = None, none: int | None = None
) -> int:
    """The end of the training part of a batch: nothing after its last training label, post or contact is looked at.

    Where it has none of these it is `none`, by default the end of the batch.
    """
    group = batch.group
    posted = group.events.step["post"][train_posts[group.events.post]]
    ends = [int(posted.max()) + 1 - group.first_step] if len(posted) else []
    ends += [
        int(labels.step[labels.split == TRAIN].max()) + 1 - group.first_step
        for labels in group.labels.values()
        if (labels.split == TRAIN).any()
    ]
    if lesson is not None:
        ends.append(lesson.end)
    return max(ends, default=group.steps if none is None else none)
