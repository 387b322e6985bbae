"""Who will post and who will turn to whom in the step after the log's end, as tables."""

from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from emotide.api.frames import who_and_when
from emotide.errors import BadInput
from emotide.model import Batch, Shown
from emotide.model.behaviour import Behaviour, asked_pairs
from emotide.model.trace import groups
from emotide.timeline import Timeline
from emotide.train import Trained


class Tables(NamedTuple):
    """What people will do in the next step."""

    posts: pl.DataFrame  # user_id, network, time, post
    contacts: pl.DataFrame  # source_id, target_id, network, time, probability


@torch.no_grad()
def behaviour_tables(trained: Trained, timeline: Timeline, vectors: Tensor, shown: Shown | None, top: int) -> Tables:
    """For everybody heard of, the probability of a post, and of contacts with those most likely.

    Who is asked about: everybody whom a person was in touch with, and the most popular of late of the network.

    Args:
        trained, timeline, vectors: of one log.
        shown: which labels are fed back.
        top: contacts a person.

    Raises:
        BadInput: the model has not learned behaviour.
    """
    model = trained.model
    if model.behaviour is None:
        raise BadInput("this model has not learned behaviour: train it by a recipe with [train] behaviour = 1.0")
    posts, contacts = [], []
    for group in groups(timeline):
        batch, state = Batch(group, vectors.device, vectors.dtype), model.network.initial(len(group.users), group.pairs)
        habits = batch.habits
        for followed in model.follow(batch, vectors, state, shown=shown, owned=True):
            state = followed.state
        for network in range(group.networks):
            step = int(habits.ends[network]) + 1
            people = np.flatnonzero((habits.network == network) & (habits.touched < step))
            own = torch.from_numpy(habits.own(people, np.full(len(people), step))).to(state.H)
            chance = model.behaviour.posts(state.H[torch.from_numpy(people).to(own.device)], own).sigmoid()
            place = who_and_when(timeline, group.users[people], np.full(len(people), step))
            posts.append(place.with_columns(pl.Series("post", chance.cpu().numpy(), pl.Float32)))
            source, target = habits.likely(people)
            pairs = asked_pairs(habits, source, target, step, state.H)
            scores = model.behaviour.contacts(model.network, state, pairs)
            frame = _contacts(timeline, group.users[source], group.users[target], step)
            contacts.append(_best(frame, model.behaviour, scores, top))
    return Tables(pl.concat(posts), pl.concat(contacts))


def _contacts(timeline: Timeline, source: np.ndarray, target: np.ndarray, step: int) -> pl.DataFrame:
    ends = [who_and_when(timeline, who, np.full(len(who), step)) for who in (source, target)]
    return ends[0].select(
        pl.col("user_id").alias("source_id"), ends[1]["user_id"].alias("target_id"), "network", "time"
    )


def _best(frame: pl.DataFrame, head: Behaviour, scores: Tensor, top: int) -> pl.DataFrame:
    """The likeliest contacts of each person, by source."""
    chance = head.probability(scores).cpu().numpy()
    ranked = frame.with_columns(pl.Series("probability", chance, pl.Float32)).sort(
        "source_id", "probability", "target_id", descending=[False, True, False]
    )
    return ranked.group_by("source_id", maintain_order=True).head(top).select(*frame.columns, "probability")
