"""Screening: which posts of a step are worth opening, told from a cheap view (paper 2; DESIGN 3.6)."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from emotide.model.batch import Step, View
from emotide.model.fused import State
from emotide.nn import Gathered, Residual, segment_softmax
from emotide.nn.sampling import best, inclusion, sample

Choice = Literal["top", "sample", "random", "recent", "first"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
EVEN = 0.1  # share of the chances of a sample that is dealt out evenly, so that no post stands for very many
# from numbers of posts to the rows of the table of vectors that they have, and these vectors
Opener = Callable[[np.ndarray], tuple[np.ndarray, Tensor]]


class Importance(nn.Module):
    """The share of its author's attention that each post of a step will get, told before it is opened.

        importance = softmax over the posts of i in step t of f_S(H[i,t-1], coarse view)

    Args:
        state: width of H.
        coarse: width of a coarse view.
        width, depth, dropout: of the residual network.
    """

    def __init__(self, state: int, coarse: int, width: int = 64, depth: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.f_S = Residual((state, coarse), 1, width, depth, dropout=dropout)
        nn.init.zeros_(self.f_S.last)  # before it has learned, all are alike

    def forward(
        self,
        H: Float[Tensor, "authors state"],
        author: Int[Tensor, " posts"],
        coarse: Float[Tensor, "posts coarse"],
    ) -> Float[Tensor, " posts"]:
        """The importance of each post; those of one author sum to 1."""
        return segment_softmax(self.f_S(Gathered(H, author), coarse)[:, 0], author, len(H))


class Screen:
    """Stands in the place of the vectors of all posts: a post is opened when a step wants it, or never.

    In every step the budget is shared out among all who wrote in it: as many posts are opened as it allows, and at
    least one of everybody. By `top` the most important are; by `sample` a post is drawn with a chance in proportion to
    its importance and stands for 1/chance of its like in the attention. `random`, `recent` and `first` see no
    importance, and are there to compare with.

    Args:
        importance: taught.
        coarse: views of all posts.
        opener: decodes and encodes posts; asked for each at most once.
        post: of each row of the table of vectors; a post of several modalities has several, and they stand together.
        width: of a vector.
        budget: share of the posts of a step that are opened.
        choice: how they are chosen.
        seed: of `sample` and `random`.
    """

    def __init__(
        self,
        importance: Importance,
        coarse: Float[Tensor, "posts coarse"],
        opener: Opener,
        post: Int[np.ndarray, " rows"],
        width: int,
        budget: float,
        choice: Choice = "top",
        seed: int = 0,
    ) -> None:
        self.network, self.coarse, self.opener = importance, coarse, opener
        self.post = torch.from_numpy(post.astype(np.int64)).to(coarse.device)
        self.budget, self.choice = budget, choice
        self.generator = torch.Generator().manual_seed(seed)
        self.table = coarse.new_zeros(len(post), width)  # vectors, of those that were opened
        self.there = torch.zeros(len(post), dtype=torch.bool, device=coarse.device)  # rows that opening gave
        self.opened: Bool[np.ndarray, " posts"] = np.zeros(len(coarse), bool)
        self.importance = np.full(len(coarse), np.nan, np.float32)  # of those that were looked at
        self.chance = np.full(len(coarse), np.nan, np.float32)

    @property
    def device(self) -> torch.device:
        """Where the vectors are."""
        return self.table.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the vectors."""
        return self.table.dtype

    @torch.no_grad()
    def shown(self, state: State, step: Step) -> tuple[Step, Float[Tensor, "rows width"]]:
        """The step with the posts alone that are opened, and the table in which their vectors are now."""
        view = step.seen
        if not len(view.post):
            return step, self.table
        posts, at = self.post.index_select(0, view.post).unique(return_inverse=True)  # type: ignore[no-untyped-call]
        owner = torch.zeros_like(posts).index_copy_(0, at, view.owner)
        score = self.network(state.H.index_select(0, view.user), owner, self.coarse.index_select(0, posts))
        kept, chance = self._chosen(score, posts, owner)
        numbers = posts.cpu().numpy()
        self.importance[numbers], self.chance[numbers] = score.cpu().numpy(), chance.cpu().numpy()
        self._open(numbers[kept.cpu().numpy()])
        mine = torch.zeros(len(posts), dtype=torch.bool, device=self.device).index_fill_(0, kept, True)
        rows = torch.nonzero(mine[at] & self.there[view.post]).flatten()
        weight = chance[at[rows]].to(self.dtype) if self.choice == "sample" else None
        seen, both = (only(each, rows, weight) for each in (view, step.both))
        return step._replace(seen=seen, both=both), self.table

    def _chosen(self, score: Tensor, posts: Tensor, owner: Tensor) -> tuple[Tensor, Tensor]:
        """Positions of the posts that are opened, and the chance that each post had."""
        budget = max(math.ceil(self.budget * len(posts) - 1e-9), int((owner.bincount() > 0).sum()))
        if self.choice == "sample":
            chance = inclusion((1 - EVEN) * score + EVEN / owner.bincount()[owner], budget)
            return sample(chance, owner, self.generator), chance
        if self.choice == "random":
            score = torch.rand(len(posts), generator=self.generator).to(score)
        elif self.choice != "top":
            # posts of an author stand in the order of their times: everybody's last one first, then the one before it
            score = -_rank(posts if self.choice == "first" else -posts, owner).to(score)
        kept = best(score, owner, budget)
        return kept, torch.zeros_like(score).index_fill(0, kept, 1)

    def _open(self, posts: Int[np.ndarray, " posts"]) -> None:
        new = posts[~self.opened[posts]]
        if len(new):
            rows, vectors = self.opener(new)
            place = torch.from_numpy(rows.astype(np.int64)).to(self.device)
            self.table.index_copy_(0, place, vectors.to(self.table))
            self.there[place] = True
            self.opened[new] = True


Posts = Tensor | Screen  # the vectors of all posts, or who opens those that are worth it


def opened(posts: Posts, state: State, step: Step) -> tuple[Step, Tensor]:
    """A step as it is seen from the state before it, and the table of vectors that it reads."""
    return posts.shown(state, step) if isinstance(posts, Screen) else (step, posts)


def only(view: View, rows: Int[Tensor, " shown"], chance: Tensor | None = None) -> View:
    """A view with these of its posts alone, and the chance that each had to be among them."""
    return view._replace(post=view.post[rows], owner=view.owner[rows], opened=chance)


def _rank(order: Int[Tensor, " rows"], owner: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    """The place of each row among those of its owner, from 0."""
    by = torch.argsort(order, stable=True)
    by = by[torch.argsort(owner[by], stable=True)]
    begin = torch.searchsorted(owner[by], owner[by])
    return torch.empty_like(by).index_copy_(0, by, torch.arange(len(by), device=by.device) - begin)
