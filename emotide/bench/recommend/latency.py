"""How long one recommendation takes from a thousand, a hundred thousand, a million items, and how fast it learns."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.recommend.lives import PLAIN
from emotide.recommend import Recommender, Transitions
from emotide.recommend.shortlist import Shortlist

SIZES = {"1e3": 1_000, "1e5": 100_000, "1e6": 1_000_000}
STATE, WIDTH, TOP = 64, 64, 10
ASKED, UPDATES = 200, 300


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Milliseconds, [median, p99], of one person's ten best: a shortlist of 500 by inner products, ranked by Q.

    `exact` is what Q of all items would take, and `lost` what the shortlist loses of the best value, in units of the
    spread of values, where that is feasible.
    """
    found: dict[str, Any] = {}
    for done, (name, items) in enumerate(SIZES.items()):
        rng = np.random.default_rng(seeds[0])
        made = _taught(items, rng)
        held, H = Shortlist(made), rng.normal(size=(ASKED, STATE)).astype(np.float32)
        held.best(H[:1], TOP)
        taken = _milliseconds(lambda row, held=held, H=H: held.best(H[row : row + 1], TOP), ASKED)
        found[name] = [round(float(np.quantile(taken, q)), 2) for q in (0.5, 0.99)]
        if items <= SIZES["1e5"]:
            some = H[:5]
            scores = made.scores(some)
            lost = scores.max(1) - scores[np.arange(len(some)), held.best(some, 1)[:, 0]]
            exact = _milliseconds(lambda row, made=made, H=H: made.scores(H[row : row + 1]), 5)
            found |= {
                f"exact_{name}": round(float(np.median(exact)), 2),
                f"lost_{name}": float((lost / scores.std(1)).mean()),
            }
        progress(done + 1, len(SIZES), name)
        say(f"{name} items: {found[name][0]} ms, p99 {found[name][1]} ms")
    return {**found, "updates_per_second": _updates(seeds[0])}


def _taught(items: int, rng: np.random.Generator) -> Recommender:
    """One that has learned a little, so that its values are not those of its first weights."""
    made = Recommender.new(STATE, rng.normal(size=(items, WIDTH)), PLAIN)
    made.learn(_rows(512, min(items, 1000), rng))
    return made


def _rows(n: int, items: int, rng: np.random.Generator) -> Transitions:
    H, after = (rng.normal(size=(n, STATE)).astype(np.float32) for _ in range(2))
    item, reward = rng.integers(0, items, n), rng.normal(size=n).astype(np.float32)
    return Transitions(H, item, reward, after, rng.random(n) < 0.1, np.full(n, 1 / items, np.float32))


def _milliseconds(ask: Any, times: int) -> list[float]:
    taken = []
    for row in range(times):
        began = time.perf_counter()
        ask(row)
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def _updates(seed: int) -> float:
    """Gradient steps a second, each on one new reward and 31 older ones, as `learn` takes them."""
    rng = np.random.default_rng(seed)
    made = Recommender.new(
        STATE, rng.normal(size=(1000, WIDTH)), PLAIN.model_copy(update={"online_every": 1, "online_batch": 32})
    )
    made.learn(_rows(300, 1000, rng))
    began = time.perf_counter()
    made.learn(_rows(UPDATES, 1000, rng))
    return round(UPDATES / (time.perf_counter() - began), 1)


BENCH = Bench("milliseconds for a recommendation from up to a million items, and online updates a second", None, run)
