"""A large step is taken some users at a time: in a step rows of two users meet only in what was known before it."""

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from emotide.model.batch import View

PART = 1 << 15  # users and pairs whose products are made at once: more are slower, their memory is fresh each time
KEPT = 1 << 17  # users and pairs of a step above which nothing between is kept for the gradient, but computed again


class Part(NamedTuple):
    """Some users of a view, one after the other, with all that is theirs but the posts."""

    view: View  # positions count from the part's first user
    speakers: Int[Tensor, " speakers"]  # position in the whole view's `user` of those whose X the part's pairs hear


def parts(view: View, apart: int = 0) -> list[Part]:
    """The view cut between users, into runs of about `PART` users and pairs; whole where it holds no more.

    It is cut too behind the first `apart` users, where there are others behind them.

    A view whose pairs do not stand in the order of their targets stays whole.
    """
    users, pairs = len(view.user), len(view.pair)
    both = {apart} if 0 < apart < users else set()
    if (users + pairs <= PART and not both) or bool((view.target[1:] < view.target[:-1]).any()):
        return [Part(view, torch.arange(users, device=view.user.device))]
    ticks = torch.arange(users + 1, device=view.target.device)
    begin = torch.searchsorted(view.target, ticks)  # of each user's pairs, and the end
    number = (begin + ticks)[:-1] // PART
    cuts = sorted({0, *(torch.nonzero(number.diff()).flatten() + 1).tolist(), *both, users})
    return [
        _part(view, slice(first, last), slice(int(begin[first]), int(begin[last]))) for first, last in pairwise(cuts)
    ]


def too_large(view: View) -> bool:
    """Whether what lies between a view and the states after it is too much to be kept for the gradient."""
    return len(view.user) + len(view.pair) > KEPT


def _part(view: View, users: slice, pairs: slice) -> Part:
    near, source = torch.unique(view.source[pairs], return_inverse=True)
    speakers, spoke = torch.unique(view.spoke[pairs], return_inverse=True)
    silent = int(bool((speakers < 0).any()))  # -1, for a source who was not in touch, is no speaker
    of_pairs = {name: getattr(view, name)[pairs] for name in ("pair", "pair_elapsed", "kinds", "back", "chance")}
    mine = View(
        user=view.user[users],
        elapsed=view.elapsed[users],
        counts=view.counts[users],
        post=view.post[:0],
        owner=view.owner[:0],
        near=view.near[near],
        source=source,
        target=view.target[pairs] - users.start,
        spoke=spoke - silent,
        **of_pairs,
    )
    return Part(mine, speakers[silent:])
