"""Who attends to what: the weights of f_AT over the posts of each person and step (paper 2, 3.3)."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from emotide.model.affective import AffectiveModel, Shown
from emotide.model.batch import Batch
from emotide.model.trace import groups
from emotide.timeline import Timeline


@torch.no_grad()
def attention_weights(
    model: AffectiveModel, timeline: Timeline, vectors: Float[Tensor, "rows width"], shown: Shown | None
) -> Float32[np.ndarray, " rows"]:
    """The weight of every row of posts, the mean over heads; those of one person's step sum to 1.

    Args:
        model, timeline, vectors: of one log.
        shown: which labels are fed back as reports.
    """
    network, weight = model.network, np.zeros(len(vectors), np.float32)
    for group in groups(timeline):
        batch = Batch(group, vectors.device, vectors.dtype)
        state = model.network.initial(len(group.users), group.pairs)
        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            view = followed.step.seen
            if len(view.post):
                H = followed.before.H.index_select(0, view.user)
                share, _ = network.f_AT.rows(H, view.owner, vectors.index_select(0, view.post))
                weight[view.post.cpu().numpy()] = share.mean(1).cpu().numpy()
    return weight
