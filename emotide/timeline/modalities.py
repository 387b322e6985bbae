"""A timeline whose posts are taken apart: a row a post and modality in the place of a row a post (DESIGN 3.3)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from jaxtyping import Bool

from emotide.timeline.timeline import Timeline


def by_modality(timeline: Timeline, present: Bool[np.ndarray, "posts modalities"], names: Sequence[str]) -> Timeline:
    """The timeline with a row for each modality that a post has; a post of which nothing is there has none.

    Its table of posts also has `post` (the row of the post before) and `modality`; the rows of a post stand together.
    What was counted stays counted: two rows of one post are one post written.

    Args:
        timeline: with a row a post.
        present: what there is of each post.
        names: of the modalities, in the order of the columns of `present`.
    """
    post, kind = np.nonzero(present)
    count = present.sum(1)
    first = np.cumsum(count) - count
    e = timeline.events
    times = count[e.post]
    within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    events = replace(
        e,
        step=e.step | {"post": np.repeat(e.step["post"], times)},
        post_user=np.repeat(e.post_user, times),
        post=(np.repeat(first[e.post], times) + within).astype(np.int32),
    )
    posts = timeline.posts[post].with_columns(
        pl.Series("post", post), pl.Series("modality", [names[k] for k in kind.tolist()], pl.String)
    )
    return replace(timeline, events=events, posts=posts)
