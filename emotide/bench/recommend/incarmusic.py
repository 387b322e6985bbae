"""Music for the car: does the mood that was to be imagined help to foretell ratings? Beside matrix factors."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float

from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.convert.sources import read_table
from emotide.recommend import QConfig, Recommender, Transitions

NEEDS = "incarmusic"
FOLDS = 5
CONFIG = QConfig(discount=0.0, width=32, weight_decay=0.3, passes=30)
METHODS = ("mean", "biases", "matrix_factors", "ours", "ours_with_mood")
RANK, RIDGE, SWEEPS = 8, 6.0, 12


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """RMSE of ratings (0 to 5) and order within people, over five folds; the same on the rows that name a mood."""
    rows, vectors = _rows(data / NEEDS)
    user, item, rating, mood = (rows[name].to_numpy() for name in ("user", "item", "rating", "mood"))
    told: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    for seed in seeds:
        fold = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
        for name in METHODS:
            said = np.empty(len(rows))
            for k in range(FOLDS):
                said[fold == k] = _foretold(name, user, item, rating, mood, vectors, fold != k, seed)
            for what, some in (("", np.ones(len(rows), bool)), ("_with_mood", mood > 0)):
                error = float(np.sqrt(np.mean((said - rating)[some] ** 2)))
                order = _order(said[some], rating[some], np.stack([user, fold], 1)[some])
                for metric, value in (("rmse", error), ("order", order)):
                    told[name].setdefault(metric + what, []).append(value)
        progress(seed + 1, len(seeds), f"seed {seed}")
        say(f"seed {seed}: " + ", ".join(f"{name} {each['rmse'][-1]:.3f}" for name, each in told.items()))
    return {
        "data": f"{len(rows)} ratings of {user.max() + 1} people, {int((mood > 0).sum())} for an imagined mood",
        "seeds": seeds,
        **{name: {metric: spread(values) for metric, values in each.items()} for name, each in told.items()},
    }


def _foretold(
    name: str, user: np.ndarray, item: np.ndarray, rating: np.ndarray, mood: np.ndarray, vectors: np.ndarray,
    known: np.ndarray, seed: int,
) -> np.ndarray:  # fmt: skip
    """The ratings of the rows that are not known."""
    mean = rating[known].mean()
    if name == "mean":
        return np.full(int((~known).sum()), float(mean))
    if name in ("biases", "matrix_factors"):
        rank = RANK if name == "matrix_factors" else 0
        return np.asarray(factorised(user, item, rating - mean, known, rank, seed)[~known] + mean)
    who, felt = np.eye(user.max() + 1)[user], np.eye(mood.max() + 1)[mood]
    if name == "ours":
        felt = np.zeros((len(mood), 0))
    H = np.concatenate([felt, who], 1).astype(np.float32)
    n = int(known.sum())
    log = Transitions.from_feedback(np.arange(n), np.arange(n), H[known], item[known], rating[known])
    made = Recommender.fit(log, vectors, CONFIG.model_copy(update={"seed": seed}), context=who.shape[1])
    return np.asarray(made.values(H[~known], item[~known, None])[:, 0])


def factorised(
    user: np.ndarray, item: np.ndarray, rest: np.ndarray, known: np.ndarray, rank: int, seed: int
) -> Float[np.ndarray, " rows"]:
    """b_u + c_i + p_u · q_i by alternating ridge regressions on the known rows; without factors where rank is 0."""
    rng = np.random.default_rng(seed)
    people, things = int(user.max()) + 1, int(item.max()) + 1
    P, Q = (np.c_[rng.normal(0, 0.1, (size, rank)), np.zeros((size, 1))] for size in (people, things))
    for _ in range(SWEEPS):
        for mine, own, theirs, other in ((P, user, Q, item), (Q, item, P, user)):
            for k in range(len(mine)):
                at = np.flatnonzero(known & (own == k))
                x = np.c_[theirs[other[at], :rank], np.ones(len(at))]
                left = rest[at] - theirs[other[at], rank]
                mine[k] = np.linalg.solve(x.T @ x + RIDGE * np.eye(rank + 1), x.T @ left)
    return np.asarray((P[user, :rank] * Q[item, :rank]).sum(1) + P[user, rank] + Q[item, rank])


def _order(said: np.ndarray, rating: np.ndarray, group: np.ndarray) -> float:
    """Share of pairs of one person's ratings, foretold together and not equal, whose order was foretold; ties half."""
    right = pairs = 0.0
    for own in np.unique(group, axis=0):
        at = (group == own).all(1)
        s, r = said[at], rating[at]
        higher = r[:, None] > r
        pairs += higher.sum()
        right += ((s[:, None] > s) & higher).sum() + 0.5 * ((s[:, None] == s) & higher).sum()
    return float(right / pairs) if pairs else 0.5


def _rows(folder: Path) -> tuple[pl.DataFrame, np.ndarray]:
    """user, item, rating, mood (0: none), and the items' vectors: the kind of music and the track itself."""
    columns = {"UserID": pl.String, "ItemID": pl.String, "Rating": pl.Float64, "mood?": pl.String}
    rows = read_table(folder, "ratings.csv", columns)
    tracks = read_table(folder, "tracks.csv", {"id": pl.String, "category_id?": pl.String}).unique(
        "id", maintain_order=True
    )
    place = tracks.select(ItemID="id", item=pl.int_range(pl.len()))
    rows = rows.join(place, on="ItemID", maintain_order="left").select(
        (pl.col("UserID").rank("dense").cast(pl.Int64) - 1).alias("user"),
        pl.col("item").cast(pl.Int64),
        pl.col("Rating").alias("rating"),
        pl.col("mood").rank("dense").cast(pl.Int64).fill_null(0).alias("mood"),
    )
    kinds = tracks.select("category_id").to_dummies().to_numpy().astype(float)
    return rows, np.concatenate([kinds, np.eye(len(tracks))], 1)


BENCH = Bench(
    "ratings of music with and without an imagined mood (InCarMusic), beside matrix factorisation", NEEDS, run
)
