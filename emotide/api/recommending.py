"""From feedback to a recommender, and from a recommender to a table (paper 4; DESIGN 3.8)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from emotide.api.feedback import told_by
from emotide.api.frames import who_and_when
from emotide.api.guarding import audit_rows, held_of
from emotide.api.items import Items, chooser_over, items_of
from emotide.api.social_log import SocialLog
from emotide.model import Shown
from emotide.model.trace import states_before
from emotide.recommend import Guard, QConfig, Ranking, Recommender, reasons
from emotide.recommend.shortlist import BLOCK
from emotide.timeline import Timeline
from emotide.train import Trained

Progress = Callable[[int, int, str], None]
END = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Scene:
    """A log as a model with a recommender sees it.

    Attributes:
        trained, recommender: the model.
        log, timeline, vectors: what people did, compiled, and the vectors of their posts.
        space: in which moods are named.
        shown: which labels may be used.
    """

    trained: Trained
    recommender: Recommender
    log: SocialLog
    timeline: Timeline
    vectors: Tensor
    space: str
    shown: Shown | None


@dataclass(frozen=True)
class Slates:
    """What is asked of recommending; see `Emotide.recommend`."""

    user: str | None = None
    top: int = 5
    epsilon: float = 0.0
    guard: Guard | None = None
    diversity: float = 0.0
    audit: Path | None = None


def learn_recommender(
    trained: Trained, log: SocialLog, timeline: Timeline, vectors: Tensor, config: QConfig, progress: Progress | None
) -> Recommender | None:
    """Q(H, a) learned from the log's feedback; None where it has none.

    Each feedback is taken with the user's state as it stood before the step of the feedback.
    """
    items = items_of(trained, log)
    told = told_by(trained, log, timeline, vectors, items, config.recovery)
    if not len(told):
        return None
    made = Recommender.fit(told.transitions, items.vectors, config, progress=progress)
    made.place = told.place
    return made


def recommendations(scene: Scene, asked: Slates) -> pl.DataFrame:
    """user_id, network, time, rank, item_id, value, propensity, reason for one or all users at the end of the log.

    What the guard bars is not shown, also not by chance; `audit` is a .jsonl file of one line a decision. Users are
    taken a block at a time, so that memory does not grow with users times items.
    """
    trained, timeline = scene.trained, scene.timeline
    chooser, items = chooser_over(trained, scene.recommender, scene.log)
    named = timeline.users["user_id"]
    who = np.flatnonzero((named == asked.user).to_numpy()) if asked.user is not None else np.arange(len(named))
    H, M = states_before(trained.model, timeline, scene.vectors, scene.shown, who, np.full(len(who), END))
    held = None
    if asked.guard is not None:
        held = held_of(asked.guard, trained, scene.log, timeline, scene.vectors, scene.shown, who, items)
    when = who_and_when(timeline, who, _last(timeline)[who])
    rng, size, blocks = np.random.default_rng(chooser.config.seed), max(1, BLOCK // len(items)), []
    if asked.audit is not None:
        asked.audit.write_text("", "utf-8")
    for u in range(0, len(who), size):
        rows = slice(u, u + size)
        of = held[rows] if held is not None else None
        blocks.append(chooser.recommend(H[rows], asked.top, asked.epsilon, rng=rng, diversity=asked.diversity, held=of))
        if asked.audit is not None:
            some, values = chooser.considered(H[rows])
            told = pl.DataFrame(audit_rows(H[rows], some, values, blocks[-1], of, items.ids))
            table = pl.concat([when[rows], told], how="horizontal")
            with asked.audit.open("ab") as file:
                table.write_ndjson(file)
    fields = Ranking.__dataclass_fields__
    ranking = Ranking(*(np.concatenate([getattr(block, name) for block in blocks]) for name in fields))
    return _table(chooser, items, moods_of(trained, scene.space, H, M), when, ranking)


def _table(chooser: Recommender, items: Items, moods: list[str], when: pl.DataFrame, ranking: Ranking) -> pl.DataFrame:
    rank = np.broadcast_to(np.arange(1, ranking.item.shape[1] + 1), ranking.item.shape)
    kept = ranking.item >= 0
    row = np.broadcast_to(np.arange(len(when))[:, None], kept.shape)[kept]
    item, value = ranking.item[kept], ranking.value[kept]
    neutral, ids, titles = chooser.neutral(), items.ids, items.titles
    why = reasons(
        value, neutral[item], float(neutral.mean()), [titles[k] for k in item], [moods[k] for k in row],
        ranking.explored[kept],
    )  # fmt: skip
    return when[row].with_columns(
        pl.Series("rank", rank[kept].astype(np.int32)),
        pl.Series("item_id", [ids[k] for k in item], pl.String),
        pl.Series("value", value),
        pl.Series("propensity", ranking.propensity[kept]),
        pl.Series("reason", why),
    )


def _last(timeline: Timeline) -> np.ndarray:
    """The last step of each user's network."""
    return np.asarray(timeline.networks["steps"].to_numpy()[timeline.users["network_row"].to_numpy()] - 1)


def moods_of(trained: Trained, space: str, H: np.ndarray, M: np.ndarray) -> list[str]:
    """The word for each state."""
    model = trained.model
    with torch.no_grad():
        Y = model.network.read(torch.from_numpy(H).to(trained.device), torch.from_numpy(M).to(trained.device))
        best = model.readings.read(space, Y).argmax(1).tolist()
    names = model.readings.spaces[space].names
    return [names[k] for k in best]
