"""What can be seen of the town: posts and replies, likes and messages, reports (the tables of DESIGN 4)."""

from datetime import timedelta

import numpy as np
import polars as pl
from jaxtyping import Float

from emotide.demo.cast import ITEM_MOODS, Cast
from emotide.demo.config import TownConfig
from emotide.demo.dynamics import Days
from emotide.demo.language import TOPICS, sentence
from emotide.demo.truth import AXES

NETWORK = "town"
BLUR = 0.05  # of what people say of their state, against what it is: squared distance that makes a mood e times rarer


def posts_of(
    config: TownConfig, cast: Cast, days: Days, points: Float[np.ndarray, "categories 3"], categories: list[str]
) -> pl.DataFrame:
    """post_id, user_id, time, network, text, tags, reply_to; and day, user, mood, for what follows from posts."""
    rng = np.random.default_rng([config.seed, 4])
    day, user = np.nonzero(count := rng.poisson(cast.rate, (config.days, config.people)))
    day, user = (np.repeat(place, count[count > 0]) for place in (day, user))
    second = rng.integers(7 * 3600, 23 * 3600, len(day))
    order = np.lexsort((user, second, day))
    day, user, second = day[order], user[order], second[order]
    state = days.state[day, user]
    mood = _drawn(rng, -((state[:, None] - points) ** 2).sum(2) / BLUR)
    topic = _drawn(rng, cast.interest[user])
    answered = _answered(rng, config, cast, day, user)
    names = list(TOPICS)
    return pl.DataFrame(
        {
            "post_id": [f"post-{k}" for k in range(len(day))],
            "user_id": [cast.names[i] for i in user],
            "time": _times(config, day, second),
            "network": NETWORK,
            "text": [
                sentence(rng, categories[mood[k]], names[topic[k]], state[k, 1], config.noise, bool(answered[k] >= 0))
                for k in range(len(day))
            ],
            "tags": [names[k] for k in topic],
            "reply_to": pl.Series([f"post-{k}" if k >= 0 else None for k in answered], dtype=pl.String),
            "day": day,
            "user": user,
            "mood": mood,
        }
    )


def interactions_of(config: TownConfig, cast: Cast, posts: pl.DataFrame) -> pl.DataFrame:
    """source_id, target_id, time, kind, network, post_id: likes of the posts of the followed, messages both ways."""
    rng = np.random.default_rng([config.seed, 5])
    tie = np.arange(len(cast.follower))
    seen = (
        pl.DataFrame({"tie": tie, "user": cast.followed})
        .join(posts.with_row_index("row"), on="user")
        .sort("row", "tie")
    )
    seen = seen.filter(_stands(cast, seen["tie"].to_numpy(), seen["day"].to_numpy()))
    likes = seen.filter(rng.random(len(seen)) < 0.25 * cast.closeness[seen["tie"].to_numpy()])
    later = pl.Series(rng.integers(60, 3600, len(likes))) * 1_000_000
    liked = likes.select(
        pl.Series("source_id", [cast.names[cast.follower[k]] for k in likes["tie"]], dtype=pl.String),
        target_id="user_id",
        time=pl.col("time") + later.cast(pl.Duration("us")),
        kind=pl.lit("like"),
        network="network",
        post_id="post_id",
    )
    day, tie = np.nonzero(rng.random((config.days, len(tie))) < 0.12 * cast.closeness)
    day, tie = (place[_stands(cast, tie, day)] for place in (day, tie))
    ends = np.stack([cast.follower[tie], cast.followed[tie]])
    source, target = np.where(rng.random(len(tie)) < 0.5, ends, ends[::-1])
    messages = pl.DataFrame(
        {
            "source_id": [cast.names[i] for i in source],
            "target_id": [cast.names[i] for i in target],
            "time": _times(config, day, rng.integers(7 * 3600, 23 * 3600, len(day))),
            "kind": "message",
            "network": NETWORK,
            "post_id": pl.Series([None] * len(day), dtype=pl.String),
        }
    )
    return pl.concat([liked, messages]).sort("time", "source_id", "target_id")


def ties_of(config: TownConfig, cast: Cast) -> pl.DataFrame:
    """source_id (who follows), target_id, time, until, kind, network."""
    begin, end = _times(config, cast.begin, 0), _times(config, cast.end, 86399)
    return pl.DataFrame(
        {
            "source_id": [cast.names[i] for i in cast.follower],
            "target_id": [cast.names[i] for i in cast.followed],
            "time": begin,
            "until": end.zip_with(pl.Series(cast.end < config.days), pl.Series([None], dtype=end.dtype)),
            "kind": "follow",
            "network": NETWORK,
        }
    )


def labels_of(
    config: TownConfig, days: Days, category: np.ndarray, names: list[str], posts: pl.DataFrame
) -> pl.DataFrame:
    """user_id, time, space, network, post_id, category, pleasure, arousal, dominance: authors about themselves.

    Args:
        config, days: of the town.
        category: [days, people] int, the nearest category.
        names: of the categories.
        posts: as `posts_of` gives them.
    """
    rng = np.random.default_rng([config.seed, 6])
    day, user = posts["day"].to_numpy(), posts["user"].to_numpy()
    place = posts.select("user_id", "time", "network", "post_id").with_columns(
        pl.Series("category", [names[k] for k in category[day, user]], dtype=pl.String),
        *(pl.Series(axis, days.state[day, user, k].round(3)) for k, axis in enumerate(AXES)),
    )
    by_category = place.filter(pl.Series(rng.random(len(place)) < config.labelled)).drop(AXES)
    by_axis = place.filter(pl.Series(rng.random(len(place)) < config.labelled_pad)).drop("category")
    parts = [by_category.with_columns(space=pl.lit("ekman_neutral")), by_axis.with_columns(space=pl.lit("pad"))]
    return pl.concat(parts, how="diagonal").sort("time", "space", "user_id")


def items_of(cast: Cast) -> pl.DataFrame:
    """item_id, title, tags (topic and mood, with a comma between)."""
    topics = list(TOPICS)
    rows = [
        {
            "item_id": f"{mood}-{topics[topic]}" + (f"-{k // 40 + 1}" if k >= 40 else ""),
            "title": f"{ITEM_MOODS[mood][0]} {TOPICS[topics[topic]][k % 5]}".capitalize(),
            "tags": f"{topics[topic]},{mood}",
        }
        for k, (topic, mood) in enumerate(zip(cast.item_topic, cast.item_mood, strict=True))
    ]
    return pl.DataFrame(rows)


def feedback_of(config: TownConfig, cast: Cast, days: Days, items: pl.DataFrame) -> pl.DataFrame:
    """user_id, item_id, time, reward (1: clicked), network, propensity (of the uniform policy that chose)."""
    rng = np.random.default_rng([config.seed, 7])
    return pl.DataFrame(
        {
            "user_id": pl.Series([cast.names[i] for i in days.shown_user], dtype=pl.String),
            "item_id": items["item_id"].gather(days.shown_item),
            "time": _times(config, days.shown_day, rng.integers(7 * 3600, 86400, len(days.shown_day))),
            "reward": days.clicked.astype(float),
            "network": NETWORK,
            "propensity": 1 / config.items,
        }
    ).sort("time", "user_id")


def _answered(
    rng: np.random.Generator, config: TownConfig, cast: Cast, day: np.ndarray, user: np.ndarray
) -> np.ndarray:
    """For each post the earlier post of the same day that it answers, or -1; closer ties are answered more."""
    close = np.zeros((config.people, config.people))
    close[cast.follower, cast.followed] = cast.closeness
    answers = rng.random(len(day)) < 0.35
    chance = rng.random(len(day))
    answered = np.full(len(day), -1)
    first = np.searchsorted(day, day)
    for k in np.flatnonzero(answers & (np.arange(len(day)) > first)):
        weight = close[user[k], user[first[k] : k]].cumsum()
        if weight[-1] > 0:
            answered[k] = first[k] + np.searchsorted(weight, chance[k] * weight[-1], side="right")
    return answered


def _stands(cast: Cast, tie: np.ndarray, day: np.ndarray) -> np.ndarray:
    return np.asarray((cast.begin[tie] <= day) & (day <= cast.end[tie]))


def _drawn(rng: np.random.Generator, logits: np.ndarray) -> np.ndarray:
    """One column a row, with probabilities softmax(logits): the largest logit after Gumbel noise."""
    return np.asarray((logits + rng.gumbel(size=logits.shape)).argmax(1))


def _times(config: TownConfig, day: np.ndarray, second: np.ndarray | int) -> pl.Series:
    start = int(config.start.timestamp()) * 1_000_000
    moment = start + (day.astype(np.int64) * int(timedelta(days=1).total_seconds()) + second) * 1_000_000
    return pl.Series(moment).cast(pl.Datetime("us", "UTC"))
