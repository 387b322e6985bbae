"""Any space, with no retraining: MELD's emotions read in polarity, emotions never trained on, EmoBank's pleasure."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench import meld
from emotide.bench.bench import Bench, Progress, Say, converted, spread
from emotide.convert import CONVERTERS
from emotide.convert.converter import write_log
from emotide.model import EmotionSpace, NetworkConfig, built_in
from emotide.model.trace import trace
from emotide.timeline import TimelineConfig
from emotide.train import TrainConfig

POSTS = 15_000  # of GoEmotions' training part, drawn at random
UNSEEN = 5  # emotions, drawn at random of the 27, neutral apart
TOGETHER = 500  # posts in a network: nobody knows anybody, but networks are what batches are made of
EPOCHS = 5  # of GoEmotions
SPACE = "goemotions"


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """The three claims on test, means and standard deviations over seeds; a seed draws emotions, posts and weights."""
    polarity, unseen = [], []
    with converted("meld", data / "meld") as log:
        for seed in seeds:
            polarity.append(polarity_of(log, seed, progress))
            say(f"seed {seed}: polarity {polarity[-1]}")
    for seed in seeds:
        unseen.append(unseen_emotions(data, seed, progress))
        say(f"seed {seed}: {unseen[-1]}")
    gaps = [each["trained_on_polarity"] - each["trained_on_emotions"] for each in polarity]
    dimensions = ("pleasure", "arousal", "dominance")
    return {
        "data": f"MELD, GoEmotions ({POSTS} posts of train), EmoBank; test parts, MiniLM vectors, reports hidden",
        "seeds": seeds,
        "polarity_gap": spread(gaps),
        "zero_shot_auc": spread([each["auc"] for each in unseen]),
        "emobank_pleasure_pearson": spread([each["emobank"]["pleasure"] for each in unseen]),
        "polarity_weighted_f1": {name: spread([each[name] for each in polarity]) for name in polarity[0]},
        "seen_auc": spread([each["seen_auc"] for each in unseen]),
        "zero_shot_by_emotion": [each["by_emotion"] for each in unseen],
        "emobank_pearson": {name: spread([each["emobank"][name] for each in unseen]) for name in dimensions},
        "train_seconds": spread([each["seconds"] for each in unseen]),
    }


def polarity_of(log: SocialLog, seed: int, progress: Progress) -> dict[str, float]:
    """Weighted F1 of recognised polarity: of a model of emotions that never saw one, and of a model of polarity."""
    found = {}
    for name, space in (("trained_on_emotions", "meld"), ("trained_on_polarity", "polarity")):
        wanted = meld.recipe(seed).changed({}, train={"spaces": (space,)})
        emotide = Emotide.fit(log, wanted, progress=progress)
        told = emotide.evaluate(log, split="test", space="polarity", baselines=False)
        found[name] = float(told["recognition"]["weighted_f1"])
    return found


def recipe(seed: int) -> Recipe:
    """What did best on dev, with emotions drawn for other seeds."""
    return Recipe(
        text="minilm",
        timeline=TimelineConfig(step="200d"),
        network=NetworkConfig(affect=51, dropout=0.3, input_dropout=0.3),
        train=TrainConfig(
            seed=seed, spaces=(SPACE,), epochs=EPOCHS, patience=3, reports=0.0, forecast=0.2,
            next_observation=0.0, names=1.0,
        ),
    )  # fmt: skip


def unseen_emotions(data: Path, seed: int, progress: Progress) -> dict[str, Any]:
    """Train on GoEmotions without five emotions, neither their labels, nor posts that bear them, nor their names.

    Then the five are added by name and place, and all are read in posts of test; AUC, one against the rest. Several
    emotions of a post count as shares: on dev that read unseen emotions better than questions of their own.
    """
    tables = CONVERTERS[SPACE].read(data / "goemotions")
    spaces = dict(built_in()) | {SPACE: built_in()[SPACE].model_copy(update={"multi": False})}
    whole, rng = spaces[SPACE], np.random.default_rng(seed)
    unseen = [str(name) for name in rng.choice([name for name in whole.names if name != "neutral"], UNSEEN, False)]
    labels = tables["labels"]
    bearing = labels.filter(pl.col("category").is_in(unseen))["post_id"].unique()
    posts = tables["posts"].filter(~pl.col("post_id").is_in(bearing.implode()))
    train = posts.filter(pl.col("split") == "train").sample(POSTS, seed=seed)
    taught = pl.concat([train, posts.filter(pl.col("split") == "dev")])
    start = time.monotonic()
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        log = _log(Path(folder) / "taught", taught, labels, [_without(space, unseen) for space in spaces.values()])
        emotide = Emotide.fit(log, recipe(seed), progress=progress)
        seconds = time.monotonic() - start
        emotide.add_space(whole)
        asked = tables["posts"].filter(pl.col("split") == "test")
        read, order = _read(emotide, Path(folder) / "asked", asked, SPACE)
        bears = _bears(labels, order, whole.names)
        auc = {name: _auc(read[:, k], bears[:, k]) for k, name in enumerate(whole.names)}
        bank = CONVERTERS["emobank"].read(data / "emobank")
        emobank = _emobank(emotide, Path(folder) / "bank", bank)
    return {
        "auc": float(np.mean([auc[name] for name in unseen])),
        "by_emotion": {name: round(auc[name], 4) for name in unseen},
        "seen_auc": float(np.mean([auc[name] for name in whole.names if name not in unseen])),
        "emobank": emobank,
        "seconds": seconds,
    }


def _emobank(emotide: Emotide, folder: Path, tables: dict[str, pl.DataFrame]) -> dict[str, float]:
    """Pearson correlation of the readings with EmoBank's test part, dimension by dimension."""
    posts = tables["posts"].filter(pl.col("split") == "test")
    read, order = _read(emotide, folder, posts, "pad")
    truth = pl.DataFrame({"post_id": order}).join(tables["labels"], on="post_id", how="left", maintain_order="left")
    names = built_in()["pad"].names
    return {name: float(np.corrcoef(read[:, k], truth[name].to_numpy())[0, 1]) for k, name in enumerate(names)}


def _without(space: EmotionSpace, names: Sequence[str]) -> EmotionSpace:
    return space.ordered([name for name in space.names if name not in names])


def _log(folder: Path, posts: pl.DataFrame, labels: pl.DataFrame | None, spaces: Sequence[EmotionSpace]) -> SocialLog:
    """These posts as a log of small networks, and these spaces in place of those built in."""
    posts = posts.with_columns(network=pl.format("n{}", pl.int_range(pl.len()) // TOGETHER))
    tables = {"posts": posts}
    if labels is not None:
        tables["labels"] = labels.drop("network").join(posts.select("post_id", "network"), on="post_id")
    write_log(tables, [], folder)
    log = SocialLog.open(str(folder / "bench.db"))
    log.ingest(folder)
    for space in spaces:
        log.store.keep_space(space.name, space.toml())
    return log


def _read(emotide: Emotide, folder: Path, posts: pl.DataFrame, space: str) -> tuple[np.ndarray, list[str]]:
    """What is read from each post, and their ids in that order: a user has one post."""
    log = _log(folder, posts, None, [])
    timeline, vectors = emotide.compiled(log)
    found = trace(emotide.trained.model, timeline, vectors, None)
    with torch.no_grad():
        read = emotide.trained.model.readings.read(space, torch.from_numpy(found.Y)).numpy()
    ids = dict(zip(posts["user_id"], posts["post_id"], strict=True))
    return read, [ids[timeline.users["user_id"][int(user)]] for user in found.user]


def _bears(labels: pl.DataFrame, posts: Sequence[str], names: Sequence[str]) -> Float[np.ndarray, "posts names"]:
    """Which post bears which emotion."""
    row, column = ({key: k for k, key in enumerate(keys)} for keys in (posts, names))
    found = np.zeros((len(posts), len(names)), np.float32)
    for post, name in labels.filter(pl.col("post_id").is_in(posts)).select("post_id", "category").iter_rows():
        found[row[post], column[name]] = 1
    return found


def _auc(read: np.ndarray, bears: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(bears, read))


BENCH = Bench("any space with no retraining: polarity, unseen emotions, EmoBank's pleasure", "goemotions", run)
