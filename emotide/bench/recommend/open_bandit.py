"""Real clicks on clothes: a policy learned on the log of chance, judged off-policy, beside the logged ones."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.bench.bench import Bench, Progress, Say
from emotide.convert.sources import read_table
from emotide.recommend import Estimate, QConfig, Recommender, Transitions, off_policy
from emotide.recommend.policy import slate_propensity

NEEDS = "open_bandit_men"
FOLDS = 5
EPSILON = 0.1
USER = [f"user_feature_{k}" for k in range(4)]
CONFIG = QConfig(discount=0.0, width=16, passes=10)
FORMS: dict[str, dict[str, Any]] = {"ours": {}, "ours_conservative": {"conservative": 0.1}}
ESTIMATES = ("ips", "snips", "dr")


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Click rates; every row is judged by a policy and a model that were learned on the other folds."""
    random, thompson = (_log(data / NEEDS, file) for file in ("men_random.csv", "men_bts.csv"))
    state, vectors = _one_hot(random, USER), _items(data / NEEDS)
    found: dict[str, list[dict[str, Estimate]]] = {name: [] for name in (*FORMS, "popular")}
    for seed in seeds:
        for name in found:
            found[name].append(_judged(name, random, state, vectors, seed))
            progress(len(found[name]), len(seeds), name)
        said = {name: round(each[-1]["dr"].value, 5) for name, each in found.items()}
        say(f"seed {seed}, doubly robust: {said}")
    return {
        "data": f"{len(random)} showings by chance, {int(random['click'].sum())} clicks",
        "seeds": seeds,
        "logged": {"random": _itself(random), "thompson": _itself(thompson)},
        **{name: {kind: _mean([one[kind] for one in each]) for kind in ESTIMATES} for name, each in found.items()},
        "sd_over_seeds": {
            name: round(float(np.std([one["dr"].value for one in each])), 5) for name, each in found.items()
        },
    }


def _itself(log: pl.DataFrame) -> list[float]:
    """The click rate of a logged policy, and its interval."""
    click, p = (log[name].to_numpy() for name in ("click", "propensity_score"))
    return _mean([off_policy(click, p, p)["ips"]])


def _mean(estimates: list[Estimate]) -> list[float]:
    """[value, low, high], each the mean over seeds."""
    return [round(float(np.mean([getattr(one, side) for one in estimates])), 5) for side in ("value", "low", "high")]


def _judged(name: str, log: pl.DataFrame, state: np.ndarray, vectors: np.ndarray, seed: int) -> dict[str, Estimate]:
    """The estimates of one policy, ε-greedy on what was learned of the other folds."""
    n, items = len(log), len(vectors)
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    click, p, item = (log[name].to_numpy() for name in ("click", "propensity_score", "item_id"))
    values = np.empty((n, items))
    for k in range(FOLDS):
        learned, judged = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        if name == "popular":
            shows, clicks = (np.bincount(item[learned], w, items) for w in (None, click[learned]))
            values[judged] = (clicks + 100 * click[learned].mean()) / (shows + 100)
            continue
        H = state.astype(np.float32)
        rows = Transitions.from_feedback(
            np.arange(len(learned)), learned, H[learned], item[learned], click[learned], p[learned]
        )
        config = CONFIG.model_copy(update={"seed": seed, **FORMS[name]})
        made = Recommender.fit(rows, vectors, config, context=H.shape[1] - 1)
        values[judged] = made.scores(H[judged])
    best = values.argmax(1)
    table = slate_propensity(items, 1, EPSILON)[0]
    chance = np.where(item == best, table[0], table[1])
    expected = (1 - EPSILON) * values.max(1) + EPSILON * values.mean(1)
    return off_policy(click, p, chance, values[np.arange(n), item], expected, seed=seed)


def _log(folder: Path, file: str) -> pl.DataFrame:
    columns = {"item_id": pl.Int64, "click": pl.Float64, "propensity_score": pl.Float64}
    return read_table(folder, file, {**columns, **dict.fromkeys(USER, pl.String)})


def _one_hot(rows: pl.DataFrame, columns: list[str]) -> np.ndarray:
    return rows.select(columns).to_dummies().to_numpy().astype(float)


def _items(folder: Path) -> np.ndarray:
    """Features as published, and the item itself."""
    kinds = {f"item_feature_{k}": pl.Float64 if k == 0 else pl.String for k in range(4)}
    rows = read_table(folder, "men_item_context.csv", {"item_id": pl.Int64, **kinds}).sort("item_id")
    own = np.eye(len(rows))
    return np.concatenate([rows["item_feature_0"].to_numpy()[:, None], _one_hot(rows, list(kinds)[1:]), own], 1)


BENCH = Bench("a policy learned on real clicks of the Open Bandit log (men), judged off-policy", NEEDS, run)
