"""From feedback to a recommender, and from a recommender to a table (paper 4; DESIGN 3.8)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import torch
from jaxtyping import Float
from torch import Tensor

from emotide.api.frames import steps_at, who_and_when
from emotide.api.guarding import audit_table, barred
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.model import Shown
from emotide.model.trace import SHOWN, states_before
from emotide.recommend import Guard, QConfig, Recommender, Transitions, reasons, recovered
from emotide.recommend.guard import FREE
from emotide.timeline import Timeline
from emotide.train import Trained

Progress = Callable[[int, int, str], None]
TRAIN = 0
END = np.iinfo(np.int64).max


def learn_recommender(
    trained: Trained, log: SocialLog, timeline: Timeline, vectors: Tensor, config: QConfig, progress: Progress | None
) -> Recommender | None:
    """Q(H, a) learned from the log's feedback; None where it has none.

    Each feedback is taken with the user's state as it stood before the step of the feedback.
    """
    items, item_vectors = items_of(trained, log)
    feedback = log.table("feedback").join(items.with_row_index("item"), on="item_id")
    if feedback.is_empty():
        return None
    user, step = steps_at(timeline, feedback)
    H, M = states_before(trained.model, timeline, vectors, SHOWN["known"], user, step)
    time, reward = feedback["time"].to_physical().to_numpy(), feedback["reward"].to_numpy()
    if config.recovery:
        reward = _with_recovery(reward, _pleasure(trained, H, M), user, time, config.recovery)
    transitions = Transitions.from_feedback(
        user, time, H, feedback["item"].cast(pl.Int64).to_numpy(), reward,
        feedback["propensity"].fill_null(float("nan")).to_numpy(),
    )  # fmt: skip
    return Recommender.fit(transitions, item_vectors, config, progress=progress)


def recommendations(
    trained: Trained,
    recommender: Recommender,
    log: SocialLog,
    timeline: Timeline,
    vectors: Tensor,
    space: str,
    shown: Shown | None,
    user: str | None,
    top: int,
    epsilon: float,
    guard: Guard | None = None,
    diversity: float = 0.0,
    audit: Path | None = None,
) -> pl.DataFrame:
    """user_id, network, time, rank, item_id, value, propensity, reason for one or all users at the end of the log.

    What the guard bars is not shown, also not by chance; `audit` is a .jsonl file of one line a decision.
    """
    items, item_vectors = items_of(trained, log)
    if items.is_empty():
        raise BadInput("the log has no items to recommend")
    named = timeline.users["user_id"]
    asked = np.flatnonzero((named == user).to_numpy()) if user is not None else np.arange(len(named))
    H, M = states_before(trained.model, timeline, vectors, shown, asked, np.full(len(asked), END))
    # the items of this log, not those of the log that the recommender learned from: new ones can be shown at once
    candidates = np.ones(len(items), bool)
    chooser = Recommender(recommender.network, recommender.target, item_vectors, candidates, recommender.config)
    held = barred(guard, trained, log, timeline, vectors, shown, asked) if guard else None
    exclude = held.rule != FREE if held else None
    ranking = chooser.recommend(H, top, epsilon, exclude, diversity=diversity)
    last = timeline.networks["steps"].to_numpy()[timeline.users["network_row"].to_numpy()] - 1
    if audit is not None:
        who = who_and_when(timeline, asked, last[asked])
        audit_table(who, H, chooser.scores(H), ranking, held, items["item_id"].to_list()).write_ndjson(audit)
    rank = np.broadcast_to(np.arange(1, ranking.item.shape[1] + 1), ranking.item.shape)
    kept = ranking.item >= 0
    row = np.broadcast_to(np.arange(len(asked))[:, None], kept.shape)[kept]
    item, value = ranking.item[kept], ranking.value[kept]
    neutral = chooser.neutral()
    titles = items["title"].fill_null(items["item_id"]).to_list()
    moods = moods_of(trained, space, H, M)
    why = reasons(
        value, neutral[item], float(neutral.mean()), [titles[k] for k in item], [moods[k] for k in row],
        ranking.explored[kept],
    )  # fmt: skip
    return who_and_when(timeline, asked[row], last[asked[row]]).with_columns(
        pl.Series("rank", rank[kept].astype(np.int32)),
        items["item_id"].gather(item).alias("item_id"),
        pl.Series("value", value),
        pl.Series("propensity", ranking.propensity[kept]),
        pl.Series("reason", why),
    )


def items_of(trained: Trained, log: SocialLog) -> tuple[pl.DataFrame, Float[np.ndarray, "items width"]]:
    """The items of a log (item_id, title), and their vectors from title, text and tags."""
    items = log.table("items").sort("item_id")
    said = pl.concat_str(pl.col("title", "text", "tags"), separator="\n", ignore_nulls=True).fill_null("")
    texts = items.select(said).to_series().str.replace_all(",", " ").to_list()
    return items.select("item_id", "title"), trained.vectors(texts).cpu().numpy()


def _with_recovery(
    reward: np.ndarray, pleasure: np.ndarray, user: np.ndarray, time: np.ndarray, weight: float
) -> Float[np.ndarray, " feedback"]:
    """The rewards with what low moods gained by the same user's next feedback; the last of a user gains nothing."""
    order = np.lexsort((time, user))
    after = pleasure.copy()
    same = user[order][1:] == user[order][:-1]
    after[order[:-1][same]] = pleasure[order[1:][same]]
    return recovered(reward.astype(float), pleasure, after, weight)


def _pleasure(trained: Trained, H: np.ndarray, M: np.ndarray) -> Float[np.ndarray, " rows"]:
    with torch.no_grad():
        Y = trained.model.network.read(torch.from_numpy(H).to(trained.device), torch.from_numpy(M).to(trained.device))
    return Y[:, 0].cpu().numpy().astype(float)


def moods_of(trained: Trained, space: str, H: np.ndarray, M: np.ndarray) -> list[str]:
    """The word for each state."""
    model = trained.model
    with torch.no_grad():
        Y = model.network.read(torch.from_numpy(H).to(trained.device), torch.from_numpy(M).to(trained.device))
        best = model.readings.read(space, Y).argmax(1).tolist()
    names = model.readings.spaces[space].names
    return [names[k] for k in best]
