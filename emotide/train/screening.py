"""The importance of posts is learned from the attention that the trained network gives them (paper 2; DESIGN 3.6)."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Bool, Float, Float32, Int
from pydantic import BaseModel, Field
from torch import Tensor

from emotide.model import AffectiveModel, Batch, Reports
from emotide.model.screening import Importance
from emotide.model.trace import groups
from emotide.nn import segment_softmax
from emotide.timeline import Timeline

Progress = Callable[[int, int, str], None]
HELD = 0.15  # of the lessons, the latest, where the log has no part that was not trained on
SHARE = 0.2  # of an author's posts, for the figure


class ScreeningConfig(BaseModel, frozen=True, extra="forbid"):
    """How the importance of posts is learned."""

    width: int = Field(64, ge=4, description="width of the hidden layers")
    depth: int = Field(2, ge=1, description="hidden layers")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of hidden units dropped in training")
    epochs: int = Field(60, ge=1, description="passes over the training part, at most")
    patience: int = Field(8, ge=1, description="passes without a better cross-entropy on held-out posts")
    batch: int = Field(256, ge=1, description="authors and steps in one gradient step")
    learning_rate: float = Field(3e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    lessons: int = Field(100_000, ge=1, description="authors and steps to learn from, at most; the latest are kept")


@dataclass(frozen=True)
class Lessons:
    """Authors in steps in which they wrote several posts, and the attention that each post got."""

    H: Float[Tensor, "lessons state"]  # of the author, before the step
    train: Bool[Tensor, " lessons"]
    lesson: Int[Tensor, " rows"]  # whose post; ascending
    post: Int[Tensor, " rows"]  # row of the table of posts
    attention: Float[Tensor, " rows"]  # mean of the heads; sums to 1 over a lesson

    def some(self, chosen: Int[Tensor, " some"]) -> "Lessons":
        """These lessons alone."""
        place = torch.full((len(self.H),), -1, device=self.H.device)
        place[chosen] = torch.arange(len(chosen), device=place.device)
        rows = torch.nonzero(place[self.lesson] >= 0).flatten()
        rows = rows[torch.argsort(place[self.lesson[rows]], stable=True)]
        lesson = place[self.lesson[rows]]
        return Lessons(self.H[chosen], self.train[chosen], lesson, self.post[rows], self.attention[rows])


@torch.no_grad()
def lessons(model: AffectiveModel, timeline: Timeline, vectors: Tensor, most: int, seed: int = 0) -> Lessons:
    """What f_AT looks at when every post is open, with reports fed back as in training: some at random.

    Args:
        model: trained.
        timeline, vectors: with a row a post, or a post and modality.
        most: lessons that are kept, the latest.
        seed: of which reports are fed back.
    """
    coin = torch.Generator().manual_seed(seed)

    def shown(space: str, reports: Reports) -> Tensor:
        return reports.train & (torch.rand(len(reports.train), generator=coin) < 0.5).to(reports.train)

    table = timeline.posts
    post_of, train = (
        torch.from_numpy(column.to_numpy().copy()).to(vectors.device)
        for column in (table["post"] if "post" in table.columns else pl.arange(len(table), eager=True), table["train"])
    )
    parts: list[Lessons] = []
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            view = followed.step.seen
            if not len(view.post):
                continue
            weight, _ = model.network.f_AT.rows(followed.before.H[view.user], view.owner, vectors[view.post])
            posts, at = post_of[view.post].unique(return_inverse=True)  # type: ignore[no-untyped-call]
            attention = weight.new_zeros(len(posts)).index_add(0, at, weight.mean(1))  # over the rows of a post
            owner, teaches = (
                torch.zeros_like(column[:1]).expand(len(posts)).clone().index_copy_(0, at, column)
                for column in (view.owner, train[view.post])
            )
            several = owner.bincount(minlength=len(view.user)) > 1
            kept = torch.nonzero(several[owner]).flatten()
            kept = kept[torch.argsort(owner[kept], stable=True)]
            if not len(kept):
                continue
            who, lesson = torch.unique(owner[kept], return_inverse=True)
            # a step that is partly held out teaches nothing
            whole = torch.ones(len(who), dtype=torch.bool, device=who.device).scatter_reduce(
                0, lesson, teaches[kept], "amin"
            )
            H = followed.before.H[view.user[who]]
            parts.append(Lessons(H, whole, lesson, posts[kept], attention[kept]))
    found = _joined(parts, model.network.config.state, vectors)
    return found if len(found.H) <= most else found.some(torch.arange(len(found.H) - most, len(found.H)))


def learn_importance(
    found: Lessons,
    coarse: Float32[np.ndarray, "posts coarse"],
    config: ScreeningConfig,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Importance, dict[str, Any]]:
    """Importance that approaches the attention, by cross-entropy; the best pass on held-out posts is kept.

    Returns:
        the network, and of the held-out posts: `lessons`, `cross_entropy` beside `entropy` of the attention itself (no
        less is possible) and that of `even` shares; and `attention`: what share of it the most important fifth of an
        author's posts gets, beside `even` and the `most` possible.
    """
    torch.manual_seed(seed)
    device, rng = found.H.device, np.random.default_rng(seed)
    views = torch.from_numpy(coarse).to(device)
    made = Importance(found.H.shape[1], coarse.shape[1], config.width, config.depth, config.dropout).to(device)
    taught, held = _parts(found)
    if not len(taught.H):
        return made.eval(), {"lessons": 0}
    optimizer = torch.optim.AdamW(made.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    best, kept, since = float("inf"), deepcopy(made.state_dict()), 0
    for epoch in range(config.epochs):
        made.train()
        for chosen in np.array_split(rng.permutation(len(taught.H)), -(-len(taught.H) // config.batch)):
            loss = _cross_entropy(made, taught.some(torch.from_numpy(chosen).to(device)), views)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        made.eval()
        with torch.no_grad():
            score = float(_cross_entropy(made, held, views))
        since += 1
        if score < best:
            best, kept, since = score, deepcopy(made.state_dict()), 0
        if progress:
            progress(epoch + 1, config.epochs, f"importance: cross-entropy {score:.3f} (best {best:.3f})")
        if since >= config.patience:
            break
    made.load_state_dict(kept)
    return made.eval(), _facts(made.eval(), held, views)


def _parts(found: Lessons) -> tuple[Lessons, Lessons]:
    taught, held = torch.nonzero(found.train).flatten(), torch.nonzero(~found.train).flatten()
    if not len(held) and len(taught) > 1:
        cut = max(1, round((1 - HELD) * len(taught)))
        taught, held = taught[:cut], taught[cut:]
    return found.some(taught), found.some(held)


def _cross_entropy(made: Importance, some: Lessons, views: Tensor) -> Tensor:
    """−Σ attention · log importance, a lesson."""
    told: Tensor = made(some.H, some.lesson, views[some.post])
    return -(some.attention * told.clamp(min=1e-12).log()).sum() / max(1, len(some.H))


@torch.no_grad()
def _facts(made: Importance, held: Lessons, views: Tensor) -> dict[str, Any]:
    if not len(held.H):
        return {"lessons": 0}
    told, lessons = made(held.H, held.lesson, views[held.post]), len(held.H)
    size = held.lesson.bincount(minlength=lessons)
    even = 1 / size[held.lesson].to(told)

    def entropy(share: Tensor) -> float:
        return float(-(held.attention * share.clamp(min=1e-12).log()).sum() / lessons)

    def got(score: Tensor) -> float:
        """The attention on the fifth of each author's posts with the highest scores, one of them at least."""
        order = torch.argsort(held.lesson - 0.5 * segment_softmax(score, held.lesson, lessons))
        begin = torch.cat([size.new_zeros(1), size.cumsum(0)[:-1]])
        rank = torch.arange(len(order), device=size.device) - begin[held.lesson[order]]
        first = rank < (SHARE * size[held.lesson[order]]).ceil()
        return float(held.attention[order][first].sum() / lessons)

    few = (SHARE * size).ceil() / size
    return {
        "lessons": lessons,
        "cross_entropy": {"importance": entropy(told), "entropy": entropy(held.attention), "even": entropy(even)},
        "attention": {"importance": got(told.log()), "even": float(few.mean()), "most": got(held.attention.log())},
    }


def _joined(parts: list[Lessons], state: int, like: Tensor) -> Lessons:
    if not parts:
        none = torch.zeros(0, dtype=torch.long, device=like.device)
        return Lessons(like.new_zeros(0, state), none.bool(), none, none, like.new_zeros(0))
    begin = np.cumsum([0, *(len(part.H) for part in parts[:-1])]).tolist()
    return Lessons(
        torch.cat([part.H for part in parts]),
        torch.cat([part.train for part in parts]),
        torch.cat([part.lesson + first for part, first in zip(parts, begin, strict=True)]),
        torch.cat([part.post for part in parts]),
        torch.cat([part.attention for part in parts]),
    )
