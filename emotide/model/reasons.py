"""Why a reading is what it is: integrated gradients back to the posts (Sundararajan, Taly & Yan 2017)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch
from emotide.timeline import Timeline

POINTS = 16  # of the Gauss-Legendre quadrature along the path


@dataclass(frozen=True)
class Reasons:
    """What each post of the last steps, of anybody, gave to one number of one person's recognition."""

    post: Int[np.ndarray, " posts"]  # row of the timeline's posts
    author: Int[np.ndarray, " posts"]  # row of its users
    step: Int[np.ndarray, " posts"]
    share: Float[np.ndarray, " posts"]  # they sum to `reading` minus `without`
    slope: Float[np.ndarray, "posts width"]  # mean gradient along the path; share = slope · vector
    reading: float
    without: float  # what it would be if no post in the window said anything


def reasons(
    model: AffectiveModel,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    space: str,
    name: int,
    user: int,
    step: int,
    shown: Shown | None = None,
    window: int = 7,
) -> Reasons:
    """The share of every post in a reading.

    The path leads from posts that are there and say nothing, whose vectors are zeros, to the posts as they are; what
    came before the window, contacts and reports stay as they are.

    Args:
        model, timeline, vectors: of one log.
        space: in which the reading is made.
        name: column of the space: the category whose probability, or the dimension whose coordinate (before it ends
            where the dimension does) is explained.
        user: row of the timeline's table of users.
        step: one that touched the user.
        shown: which labels are fed back as reports.
        window: how many steps back posts are asked for, that of the reading counted.
    """
    group = timeline.group([int(timeline.users["network_row"][user])])
    batch = Batch(group, vectors.device, vectors.dtype)
    end = step - group.first_step + 1
    begin = max(end - window, 0)
    state = model.network.initial(len(group.users), group.pairs)
    with torch.no_grad():
        for followed in model.follow(batch, vectors, state, 0, begin, shown, owned=True):
            state = followed.state
    here = slice(group.bounds["post"][begin], group.bounds["post"][end])
    post, local = group.events.post[here], int(np.flatnonzero(group.users == user)[0])
    rows = torch.from_numpy(post.astype(np.int64)).to(vectors.device)
    said = vectors.index_select(0, rows)

    def read(along: Tensor) -> Tensor:
        heard = vectors.index_copy(0, rows, along)
        *_, last = model.follow(batch, heard, state, begin, end, shown)
        place = torch.nonzero(last.step.seen.user == local)[0]
        Y = model.network.read(last.H[place], last.before.M[local][None], last.X[place])
        given = model.readings.scores if model.readings.spaces[space].dimensional else model.readings.read
        return given(space, Y)[0, name]

    slope = torch.zeros_like(said)
    for point, weight in zip(*np.polynomial.legendre.leggauss(POINTS), strict=True):
        along = (said * (point + 1) / 2).requires_grad_()
        slope += weight / 2 * torch.autograd.grad(read(along), along, allow_unused=True, materialize_grads=True)[0]
    with torch.no_grad():
        reading, without = float(read(said)), float(read(torch.zeros_like(said)))
    share = (slope * said).sum(1).cpu().numpy()
    author, when = group.users[group.events.post_user[here]], group.events.step["post"][here]
    return Reasons(post, author, when, share, slope.cpu().numpy(), reading, without)
