"""Why somebody is read as they are: the shares of posts and of their words, as a table (DESIGN 5)."""

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor

from emotide.api.checks import one_of
from emotide.api.frames import who_and_when
from emotide.errors import BadInput
from emotide.model import EmotionSpace
from emotide.model.affective import Shown
from emotide.model.attended import attention_weights
from emotide.model.reasons import reasons
from emotide.model.trace import trace
from emotide.timeline import Timeline
from emotide.train import Trained
from emotide.vectors import WordVectors

SHOWN_POSTS = 20  # whose words are looked at: those with the largest shares


class Question(NamedTuple):
    """Whose reading is explained, at what time (the last by default), as what (as it was read by default)."""

    user: str
    at: datetime | None
    name: str | None
    window: int


def reasons_table(
    trained: Trained,
    timeline: Timeline,
    vectors: Tensor,
    texts: list[str],
    space: EmotionSpace,
    shown: Shown | None,
    asked: Question,
) -> pl.DataFrame:
    """user_id, network, time, space, reading, kind, share, post_id, author_id, posted, word.

    The first row, of kind 'reading', is the number that is explained; 'without' is what it would be if no post in the
    window said anything; then what each 'post' adds, the largest first: without + posts = reading. Under a post stand
    its words: with word vectors their shares sum to the post's; with a sentence encoder each is what is lost when the
    word is left out. A model that reads more than text has a row a post and modality, which `modality` names, and in
    `weight` how much of its author's attention it had in its step.

    Raises:
        BadInput: nothing touched the user by then.
        UnknownName: the space has no such name.
    """
    user, step = _when(timeline, asked)
    name = _column(trained, timeline, vectors, space, shown, asked, user, step)
    found = reasons(trained.model, timeline, vectors, space.name, name, user, step, shown, asked.window)
    several = "modality" in timeline.posts
    kinds = timeline.posts["modality"].to_list() if several else ["text"] * len(timeline.posts)
    weight = attention_weights(trained.model, timeline, vectors, shown) if several else np.zeros(len(kinds), np.float32)
    rows: list[dict[str, object]] = [
        {"kind": "reading", "share": found.reading},
        {"kind": "without", "share": found.without},
    ]
    authors, posted = timeline.users["user_id"].to_list(), timeline.posts["time"].to_list()
    ids = timeline.posts["post_id"].to_list()
    for rank, k in enumerate(np.argsort(-abs(found.share), kind="stable")):
        post = int(found.post[k])
        of_post = {"post_id": ids[post], "author_id": authors[found.author[k]], "posted": posted[post]}
        of_post["modality"] = kinds[post]
        rows.append({"kind": "post", "share": float(found.share[k]), "weight": float(weight[post])} | of_post)
        if rank < SHOWN_POSTS and kinds[post] == "text":
            width = trained.text.width  # texts come first in a row
            words = _words(trained, texts[post], vectors[post, :width].cpu().numpy(), found.slope[k, :width])
            rows += [{"kind": "word", "share": share, "word": word} | of_post for word, share in words]
    place = who_and_when(timeline, np.array([user]), np.array([step]))
    schema: dict[str, Any] = {"kind": pl.String, "share": pl.Float64, "post_id": pl.String, "author_id": pl.String,
              "posted": timeline.posts["time"].dtype, "word": pl.String}  # fmt: skip
    schema |= {"modality": pl.String, "weight": pl.Float64} if several else {}
    asked_for = [pl.lit(place[column][0]).alias(column) for column in place.columns]
    return pl.DataFrame(rows, schema=schema).select(
        *asked_for, pl.lit(space.name).alias("space"), pl.lit(space.names[name]).alias("reading"), *schema
    )


def _when(timeline: Timeline, asked: Question) -> tuple[int, int]:
    """The row of the user, in whichever network last touched them by then, and that step."""
    e = timeline.events
    mine = np.flatnonzero((timeline.users["user_id"] == asked.user).to_numpy())
    row = np.flatnonzero(np.isin(e.active_user, mine))
    times = who_and_when(timeline, np.asarray(e.active_user)[row], np.asarray(e.step["active"])[row])["time"]
    places = pl.DataFrame({"row": row, "time": times})
    if asked.at is not None:
        places = places.filter(pl.col("time") <= asked.at)
    if places.is_empty():
        raise BadInput(f"nothing is known of user {asked.user!r} by {asked.at}: there is no reading to explain")
    last = int(places.sort("time", "row")["row"][-1])
    return int(e.active_user[last]), int(e.step["active"][last])


def _column(
    trained: Trained,
    timeline: Timeline,
    vectors: Tensor,
    space: EmotionSpace,
    shown: Shown | None,
    asked: Question,
    user: int,
    step: int,
) -> int:
    """The column that is asked for; without a name the one that the reading is."""
    if asked.name is not None:
        return space.names.index(one_of(f"name in space {space.name!r}", asked.name, space.names))
    found = trace(trained.model, timeline, vectors, shown)
    Y = torch.from_numpy(found.Y[(found.user == user) & (found.step == step)]).to(trained.device)
    with torch.no_grad():
        return 0 if space.dimensional else int(trained.model.readings.read(space.name, Y).argmax())


def _words(
    trained: Trained, text: str, vector: Float[np.ndarray, " width"], slope: Float[np.ndarray, " width"]
) -> list[tuple[str, float]]:
    """What each word of a post adds, in their order."""
    if isinstance(trained.text, WordVectors):
        words, part = trained.text.parts(text)
        shares = part * (trained.vectors(words).cpu().numpy() @ slope) if words else part
    else:
        words = text.split()
        left_out = [" ".join(words[:k] + words[k + 1 :]) for k in range(len(words))]
        shares = (vector - trained.vectors(left_out).cpu().numpy()) @ slope
    return list(zip(words, shares.tolist(), strict=True))
