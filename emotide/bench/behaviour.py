"""Who contacts whom in the next batch of 200 events: the network beside PyTorch Geometric's TGN, on TGN's own task."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.bench import Bench, Composite, Progress, Say, converted, spread
from emotide.bench.rivals.tgn import Scores, Stream, tgn_scores, train_tgn
from emotide.model import NetworkConfig
from emotide.model.habits import BACK, REACHED, THERE, Habits
from emotide.timeline import Timeline, TimelineConfig
from emotide.train import TrainConfig
from emotide.train.behaviour import average_precision, behaviour_said, judged_candidates
from emotide.train.candidates import NEGATIVES, Candidates, candidates

SETS = ("college_msg", "bitcoin_otc")
OURS, THEIRS = (1e-3, 2e-3, 4e-3), (1e-4, 3e-4, 1e-3)  # learning rates tried on dev, of the first seed
EPOCHS, PATIENCE = 10, 2
TRAIN, DEV, TEST = range(3)


def recipe(seed: int, learning_rate: float) -> Recipe:
    """Steps of 200 events, a small network; gradients go back four steps, lest contacts teach the head alone."""
    return Recipe(
        timeline=TimelineConfig(step="200 events", max_neighbours=8),
        network=NetworkConfig(state=64, influence=16, observed=32, width=64, pair_width=32, dropout=0.1),
        train=TrainConfig(
            seed=seed, learning_rate=learning_rate, epochs=EPOCHS, patience=PATIENCE, window=4, least_window=4,
            updates=100,
        ),
    )  # fmt: skip


def run(name: str, data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Average precision of the test contacts among as many negatives, random and historical, the same for all."""
    found: dict[str, list[dict[str, float]]] = {}
    with converted(name, data / name) as log:
        timeline = log.timeline(recipe(0, OURS[0]).timeline)
        stream = events_of(log, timeline)
        rates: dict[str, float] = {}
        tuned: dict[str, Any] = {}
        seconds = {"ours": 0.0, "tgn": 0.0}
        for seed in seeds:
            methods = {"ours": partial(ours, log, seed, progress), "tgn": partial(tgn, stream, timeline, seed)}
            lists = {"ours": OURS, "tgn": THEIRS}
            for method, fitted in methods.items():
                start = time.monotonic()
                tried = {rate: fitted(rate) for rate in ([rates[method]] if method in rates else lists[method])}
                rates.setdefault(method, max(tried, key=lambda rate: tried[rate][0]))
                tuned.setdefault(method, {f"{rate:g}": round(score, 4) for rate, (score, _) in tried.items()})
                seconds[method] += time.monotonic() - start
                found.setdefault(method, []).append(average_precision(tried[rates[method]][1](seed)))
            for method, scores in simple(timeline, seed).items():
                found.setdefault(method, []).append(average_precision(scores))
            say(f"{name}, seed {seed}: " + ", ".join(f"{method} {_told(runs[-1])}" for method, runs in found.items()))
    figures = {
        kind: {method: spread([one[kind] for one in runs]) for method, runs in found.items()} for kind in NEGATIVES
    }
    told = {"dev": tuned, "seconds": {method: round(value, 1) for method, value in seconds.items()}}
    return {**figures, "seeds": seeds, **told}


def ours(log: SocialLog, seed: int, progress: Progress, rate: float) -> tuple[float, Any]:
    """The score on dev, and what asks the trained network about test."""
    made = Emotide.fit(log, recipe(seed, rate), progress=progress)
    timeline, vectors = made.compiled(log)

    def asked(seed: int) -> Scores:
        return behaviour_said(made.trained.model, timeline, vectors, TEST, seed).scores

    return made.history.best, asked


def tgn(stream: Stream, timeline: Timeline, seed: int, rate: float) -> tuple[float, Any]:
    """The same of a TGN; it learns from the same kinds of negatives, and stops on the same dev score."""
    group = timeline.group()
    rows = np.flatnonzero(group.events.contact_split == TRAIN)

    def fresh(epoch: int) -> Candidates:
        return candidates(group, rows, rows, np.random.default_rng((seed, epoch)))

    def judged(scores: Scores) -> float:
        return float(np.mean(list(average_precision(scores).values())))

    dev = judged_candidates(group, DEV, np.random.default_rng(0))
    model, best = train_tgn(stream, fresh, dev, judged, rate, seed, EPOCHS, PATIENCE)

    def asked(seed: int) -> Scores:
        return tgn_scores(model, stream, judged_candidates(group, TEST, np.random.default_rng(seed)))

    return best, asked


def simple(timeline: Timeline, seed: int) -> dict[str, Scores]:
    """What needs no learning: EdgeBank, whether the source ever contacted the target; and how lately either contacted
    the other, then how often the target was contacted of late.
    """
    group = timeline.group()
    habits, asked = Habits(group), judged_candidates(group, TEST, np.random.default_rng(seed))
    found: dict[str, Scores] = {"edgebank": {}, "recency": {}}
    for kind, target in {"positive": asked.target, **asked.negative}.items():
        told = habits.of(asked.source, target, asked.step)
        found["edgebank"][kind] = (told[:, THERE] > 0).astype(float)
        lately = told[:, THERE + 2] + told[:, BACK + 2]
        found["recency"][kind] = lately + told[:, REACHED + 5] / 1000
    return found


def events_of(log: SocialLog, timeline: Timeline) -> Stream:
    """The timeline's contacts with their own times and kinds."""
    e, users = timeline.events, timeline.users.with_row_index("row").select("user_id", "row")
    rows = (
        log.table("interactions")
        .filter(pl.col("source_id") != pl.col("target_id"))
        .join(users.rename({"user_id": "source_id", "row": "source"}), on="source_id")
        .join(users.rename({"user_id": "target_id", "row": "target"}), on="target_id")
        .sort("time", "source", "target", "kind")
    )
    ends = [rows[column].to_numpy().astype(np.int64) for column in ("source", "target")]
    if not (np.array_equal(ends[0], e.contact_source) and np.array_equal(ends[1], e.contact_target)):
        raise ValueError("the contacts of the log stand in another order than those of its timeline")
    seconds = (rows["time"].to_physical() // 1_000_000).to_numpy()
    kinds = rows["kind"].to_dummies().to_numpy().astype(np.float32)
    return Stream(
        torch.from_numpy(ends[0]), torch.from_numpy(ends[1]), torch.from_numpy(seconds - seconds.min()),
        torch.from_numpy(kinds), np.asarray(e.step["contact"]), len(timeline.users),
    )  # fmt: skip


def _told(scores: dict[str, float]) -> str:
    return " ".join(f"{kind} {score:.4f}" for kind, score in scores.items())


BENCH = Composite(
    "who contacts whom in the next batch: the network beside TGN, EdgeBank and recency",
    {name: Bench(f"behaviour on {name}", name, partial(run, name)) for name in SETS},
    lambda found: found,
)
