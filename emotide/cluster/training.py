"""Training over the parts of a network: one gradient step of all of them at once, the very one of one process.

Each part runs its users through a window of steps with the others' states brought to it, and its share of the loss:
sums over its labels and posts, divided by how many all parts have. The way back crosses the borders the other way
round (`borders.py`), then gradients are added up over parts and every part takes the same step of the optimiser.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emotide.cluster.borders import PartBorders
from emotide.cluster.part import Part
from emotide.cluster.peers import Peers
from emotide.errors import BadInput
from emotide.model import AffectiveModel, Batch, State
from emotide.model.trace import SHOWN
from emotide.model.window import Windows
from emotide.timeline import SPLITS, Labels
from emotide.train.checkpoint import Checkpoint
from emotide.train.config import TrainConfig
from emotide.train.evaluate import TASKS, Answers, watched
from emotide.train.fit import History, last_train_step, regimes_of, shown_in_training, teaches
from emotide.train.flat import Descent, Flat, adamw
from emotide.train.loss import window_terms
from emotide.train.weak import WEAK_SPACE

Progress = Callable[[int, int, str], None]
DEV = SPLITS.index("dev")
APART = 1_000_003  # between the seeds of parts, so that no two drop the same units


def trainable(config: TrainConfig, behaviour: bool) -> None:
    """Raises BadInput where a recipe wants what cannot be learned in parts."""
    if behaviour:
        known = "behaviour is learned from everybody's habits, which no part knows"
        raise BadInput(f"{known}: set train.behaviour = 0, or do without --ray")
    if config.names:
        raise BadInput(
            "train.names compares all posts of a window, which no part has: leave it out, or do without --ray"
        )
    if config.tune_encoder is not None:
        raise BadInput("an encoder is tuned by one process alone: leave train.tune_encoder out, or do without --ray")


class PartTraining:
    """Training, as one part of the network sees it.

    Args:
        model: to be trained; the same in all parts.
        part: of the network.
        peers: the other parts.
        classes: space -> weights of its classes, of the whole log.
        config: how.
    """

    def __init__(
        self, model: AffectiveModel, part: Part, peers: Peers, classes: dict[str, Tensor], config: TrainConfig
    ) -> None:
        self.model, self.part, self.peers, self.classes, self.config = model, part, peers, classes, config
        like = model.network.H_0
        self.batch = Batch(part.group(), like.device, like.dtype)
        self.vectors = torch.from_numpy(np.array(part.vectors)).to(like)
        self.borders = PartBorders(part, peers, like.device)
        self.windows = Windows(self.batch)
        taught = torch.from_numpy(teaches(self.batch).astype(np.int64))
        self.teaches = peers.summed(taught, most=True).numpy() > 0
        train = part.timeline.posts["train"].to_numpy()
        last = torch.tensor(last_train_step(self.batch, train, none=0))
        self.last = int(peers.summed(last, most=True)) or part.steps

    def fit(self, checkpoint: Path | None = None, progress: Progress | None = None) -> History:
        """Train the model in place, as `emotide.train.fit.fit` does with all networks in one batch."""
        config, model = self.config, self.model
        mean, best, history = deepcopy(model).eval(), deepcopy(model.state_dict()), History()
        flat, flat_mean = Flat(model), Flat(mean)
        optimizer = adamw(flat, config)
        saved = Checkpoint(checkpoint) if checkpoint else None
        if saved and saved.exists():
            best = saved.restore(model, mean, optimizer, history.rows)
        updates = int(sum(row["updates"] for row in history.rows))
        descent = Descent(flat, optimizer, config.clip, added=self.added)
        for epoch in range(len(history.rows), config.epochs):
            if history.since_best >= config.patience:
                break
            torch.manual_seed(config.seed * 10_007 + epoch + APART * self.part.number)
            losses = []
            for loss in self.epoch(descent, np.random.default_rng((config.seed, epoch))):
                losses.append(loss)
                updates += 1
                flat_mean.towards(flat, 1 - min(config.averaging, updates / (updates + 10)))
            loss = float(np.mean(losses)) if losses else 0.0
            judged = self.dev_score(mean)
            score = -loss if judged is None else judged
            history.rows.append({"loss": loss, "dev": score, "updates": len(losses)})
            if history.since_best == 0:
                best = deepcopy(mean.state_dict())
            if saved and self.part.number == 0:
                saved.write(model, mean, optimizer, best, history.rows)
            self.peers.summed(torch.zeros(1))  # nobody goes on before the checkpoint is whole
            if progress:
                progress(epoch + 1, config.epochs, f"loss {loss:.3f}, dev {score:.3f} (best {history.best:.3f})")
        model.load_state_dict(best)
        flat.release()
        model.eval()
        return history

    def epoch(self, descent: Descent, rng: np.random.Generator) -> Iterator[float]:
        """The losses of an epoch's gradient steps."""
        config, done = self.config, 0
        taught = int(self.teaches[: self.last].sum())
        window = min(config.window, max(config.least_window, taught // config.updates))
        while done < config.updates:
            before = done
            rng.uniform(size=1), rng.permutation(1)  # one process draws the order of its batches here, and has but one
            for loss in self.passed(descent, rng, window):
                done += 1
                yield loss
            if done == before:
                return  # nothing to learn from

    def passed(self, descent: Descent, rng: np.random.Generator, window: int) -> Iterator[float]:
        """One pass over the training part, a gradient step per window of steps; yields the losses of all parts."""
        self.model.train()
        shown = shown_in_training(self.config, rng)
        state = self.model.network.initial(len(self.part.user), self.batch.group.pairs)
        for first in range(0, self.last, window):
            end = min(first + window, self.last)
            loss, after = self.window(state, first, end, shown)
            state = State(*(part.detach() for part in state))
            self.cut.put(state, after)
            if loss is None:
                continue
            descent.step(loss)
            yield float(self.peers.summed(loss.detach().clone()))

    def window(self, state: State, first: int, end: int, shown: object) -> tuple[Tensor | None, State]:
        """This part's share of the loss of some steps, and the window's states after them.

        None, in all parts alike, where there is nothing to learn.
        """
        begin = self.part.first_step
        wanted = bool(self.teaches[first:end].any())
        self.cut = self.windows.window(first, end, *self.borders.rows(begin + first, begin + end))
        self.borders.window = self.cut
        self.borders.begin(self.vectors, wanted)
        with torch.set_grad_enabled(wanted):
            taken = self.cut.taken(state)
            steps = self.model.unrolled(self.cut.steps, self.vectors, taken, shown, borders=self.borders)  # type: ignore[arg-type]
            unrolled = list(steps)
            terms = window_terms(self.model, unrolled, self.vectors, self.classes, self.config)
            counts = self.peers.summed(torch.tensor([float(term.rows) for term in terms]))
            if not wanted or not counts.any():
                return None, unrolled[-1].state
            means = [
                term.share * term.total / count for term, count in zip(terms, counts.tolist(), strict=True) if count
            ]
            loss = torch.stack(means).sum() + 0.0 * self.borders.token
        return loss, unrolled[-1].state

    def added(self, flats: Sequence[Tensor]) -> None:
        """The gradients of all parts, added up; one that nobody asked anything of has none."""
        asked = torch.tensor([float(flat.grad is not None) for flat in flats])
        self.peers.summed(asked, most=True)
        mine = [flat for flat, some in zip(flats, asked.tolist(), strict=True) if some]
        rows = [flat.grad if flat.grad is not None else torch.zeros_like(flat) for flat in mine]
        total = self.peers.summed(torch.cat(rows))
        for flat, slope in zip(mine, torch.split(total, [len(row) for row in rows]), strict=True):
            flat.grad = slope

    @torch.no_grad()
    def dev_score(self, model: AffectiveModel) -> float | None:
        """What early stopping watches, over the labels of all parts (`emotide.train.evaluate.dev_score`)."""
        spaces = sorted(space for space in self.classes if space != WEAK_SPACE)
        labels = self.part.timeline.labels
        ends = [int(held.step[held.split == DEV].max(initial=-1)) + 1 for held in (labels[space] for space in spaces)]
        end = int(self.peers.summed(torch.tensor(max(ends, default=0)), most=True)) - self.part.first_step
        total: list[float] = []
        if end <= 0:
            return None
        model.eval()
        for regime in regimes_of(self.config):
            said = self._answers(model, spaces, end, regime)
            for space in spaces:
                names = labels[space].target.shape[1]
                every = self.peers.gathered(np.concatenate(said[space], 0))
                if not len(every):
                    continue
                latest, target, *answers = np.split(every, [1, 1 + names, 1 + 2 * names], 1)
                held = _labels(latest[:, 0], target)
                found = Answers(np.arange(len(every)), *(answer.astype(np.float32) for answer in answers))
                total += watched(held, found, space in self.part.timeline.dimensional)
        return float(np.mean(total)) if total else None

    def _answers(self, model: AffectiveModel, spaces: list[str], end: int, regime: str) -> dict[str, list[np.ndarray]]:
        """Of each label of dev here: latest, target, recognition, forecast."""
        labels = self.part.timeline.labels
        said = {space: [np.zeros((0, 1 + 3 * labels[space].target.shape[1]))] for space in spaces}
        state = model.network.initial(len(self.part.user), self.batch.group.pairs)
        self.borders.window = None
        self.borders.begin(self.vectors, wanted=False)
        steps = self.batch.steps(0, end)
        for unrolled in model.unrolled(steps, self.vectors, state, SHOWN[regime], True, self.borders):
            for space in spaces:
                here = unrolled.step.reports.get(space)
                if here is None:
                    continue
                row = here.row.cpu().numpy()
                read = [model.readings.read(space, getattr(unrolled, task)[here.asked]).cpu().numpy() for task in TASKS]
                held = labels[space]
                rows = np.concatenate([held.latest[row][:, None], held.target[row], *read], 1)
                said[space].append(rows[held.split[row] == DEV])
        return said


def _labels(latest: np.ndarray, target: np.ndarray) -> Labels:
    """Labels of dev, of which nothing but what was reported matters."""
    rows = len(latest)
    return Labels(
        step=np.zeros(rows, np.int32), user=np.zeros(rows, np.int32), target=target.astype(np.float32),
        latest=latest.astype(np.int32), weight=np.ones(rows, np.float32), split=np.full(rows, DEV, np.int8),
    )  # fmt: skip
