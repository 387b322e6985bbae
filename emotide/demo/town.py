"""A small town whose true emotions, influences and tastes are known, written as a social log (DESIGN 4)."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from emotide.demo.activity import feedback_of, interactions_of, items_of, labels_of, posts_of, ties_of
from emotide.demo.cast import Cast, cast_of
from emotide.demo.config import TownConfig
from emotide.demo.dynamics import Days, live
from emotide.demo.showing import Drawn, Source, with_media
from emotide.demo.truth import AXES, Truth, nearest
from emotide.model.spaces import built_in

__all__ = ["TownConfig", "simulate"]
SPACE = "ekman_neutral"


def simulate(out: Path, config: TownConfig, source: Source | None = None) -> Truth:
    """Simulate a town; write its social log to `out/log` and the truth to `out/truth`.

    The log shows each format once: posts.csv, interactions.parquet, ties.csv, labels.jsonl (spaces `ekman_neutral` and
    `pad`), items.csv, feedback.parquet. The same config gives the same files, byte for byte. Where people show
    something, its files stand in `out/log/media`.

    Args:
        out: a folder.
        config: of the town.
        source: of pictures and sounds; they are drawn by default.
    """
    space = built_in()[SPACE]
    points = space.pad.numpy().astype(float)
    cast = cast_of(config)
    days = live(config, cast, points)
    category = nearest(days.state, points)
    posts = posts_of(config, cast, days, points, space.names)
    items = items_of(cast)
    log = out / "log"
    log.mkdir(parents=True, exist_ok=True)
    if config.shows:
        posts = with_media(posts, config, space.names, source or Drawn(), log)
    posts.drop("day", "user", "mood").write_csv(log / "posts.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    interactions_of(config, cast, posts).write_parquet(log / "interactions.parquet")
    ties_of(config, cast).write_csv(log / "ties.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
    _write_jsonl(labels_of(config, days, category, space.names, posts), log / "labels.jsonl")
    items.write_csv(log / "items.csv")
    feedback_of(config, cast, days, items).write_parquet(log / "feedback.parquet")
    truth = _truth(config, cast, days, np.array(space.names)[category], items["item_id"])
    truth.save(out / "truth")
    return truth


def _truth(config: TownConfig, cast: Cast, days: Days, category: np.ndarray, items: pl.Series) -> Truth:
    day, user = (place.ravel() for place in np.indices(category.shape))
    names = pl.Series(cast.names)
    midnight = pl.lit(config.start).cast(pl.Datetime("us", "UTC")) + pl.duration(days="day")
    emotion = pl.DataFrame({"user_id": names.gather(user), "day": day}).with_columns(
        midnight.alias("time"),
        *(pl.Series(axis, days.state[day, user, k]) for k, axis in enumerate(AXES)),
        pl.Series("category", category.ravel().tolist()),
    )
    ties = {"source_id": names.gather(cast.followed), "target_id": names.gather(cast.follower)}
    influence = pl.DataFrame({**ties, "weight": cast.weight, "begin": cast.begin, "end": cast.end})
    person, item = (place.ravel() for place in np.indices(cast.taste.shape))
    taste = {"user_id": names.gather(person), "item_id": items.gather(item), "taste": cast.taste.ravel()}
    lean = cast.vectors(2)
    leans = {"item_id": items, **{axis: lean[:, k] for k, axis in enumerate(AXES)}}
    return Truth(emotion, influence, pl.DataFrame(taste), pl.DataFrame(leans))


def _write_jsonl(rows: pl.DataFrame, file: Path) -> None:
    """One object a line, without the columns that are empty there."""
    times = rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    with file.open("w", encoding="utf-8") as lines:
        for row, time in zip(rows.iter_rows(named=True), times, strict=True):
            given = {name: value for name, value in {**row, "time": time}.items() if value is not None}
            lines.write(json.dumps(given, ensure_ascii=False) + "\n")
