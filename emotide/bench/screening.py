"""Screening of posts: what is read when few are opened, which those are, and what is saved (paper 2; DESIGN 3.6)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.bench import Progress, Say, spread
from emotide.bench.chatter import chatter
from emotide.demo.config import TownConfig
from emotide.demo.run import SMALL
from emotide.demo.town import simulate
from emotide.model.screening import CHOICES
from emotide.timeline import TimelineConfig
from emotide.train.screening import ScreeningConfig

BUDGETS = (0.05, 0.1, 0.2, 0.5, 1.0)
TASKS = ("recognition", "forecast")
TOWN = TownConfig(people=40, days=50, posts_per_day=1.5, labelled=1.0)
TRAINING = {"epochs": 20}
TALK = 8.0  # posts a person and day that say nothing
NAMES = {"top": "ours"}  # of the choices in the figures


@contextmanager
def talkative_town(seed: int) -> Iterator[SocialLog]:
    """A town with eight posts about nothing a person and day beside one that tells a mood."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        simulate(Path(folder), TOWN.model_copy(update={"seed": seed}))
        chatter(Path(folder) / "log", TALK, TOWN.days, seed)
        log = SocialLog.open(Path(folder) / "town.db")
        log.ingest(Path(folder) / "log")
        yield log


def run_screening(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Accuracy on the test part at every budget, by every choice; and what decoding and encoding took.

    Returns:
        budget -> {"recognition": {choice: [mean, sd]}, "forecast": …, "opened": share of posts, "time_ratio": seconds
        of processors for all posts in those for the opened ones, "time_ratio_with_looks": the same with coarse
        views of all posts on the side of the latter}; and `learned`: importance on held-out posts.
    """
    torch.set_num_threads(1)
    runs = []
    for number, seed in enumerate(seeds):
        with talkative_town(seed) as log:
            recipe = Recipe(timeline=TimelineConfig(step="1d"), network=SMALL, screening=ScreeningConfig())
            made = Emotide.fit(log, recipe.changed({}, train={"seed": seed, **TRAINING}), progress=progress)
            runs.append(_run(made, log))
        progress(number + 1, len(seeds), "seeds")
        for budget in BUDGETS:
            told = {name: [round(one, 4) for one in runs[-1]["scores"][budget, name]] for name in (*CHOICES, "full")}
            say(f"seed {seed}, budget {budget}: {told}, seconds {runs[-1]['seconds'][budget]}")
    out: dict[str, Any] = {str(budget): _joined(runs, budget) for budget in BUDGETS}
    learned = [run["learned"] for run in runs]
    return out | {
        "learned": {
            figure: {name: spread([one[figure][name] for one in learned]) for name in learned[0][figure]}
            for figure in ("cross_entropy", "attention")
        },
        "how": {"seeds": seeds, "score": "accuracy", "town": TOWN.model_dump(mode="json"), "talk": TALK, **TRAINING},
    }


def _run(made: Emotide, log: SocialLog) -> dict[str, Any]:
    """Of one model: (budget, choice) -> accuracy of both tasks; budget -> share opened and seconds."""
    scores: dict[tuple[float, str], list[float]] = {}
    opened, seconds = {}, {}
    full = made.evaluate(log, baselines=False)
    for budget in BUDGETS:
        scores[budget, "full"] = [full[task]["accuracy"] for task in TASKS]
        told = []
        for choice in CHOICES:  # all open the same number of posts
            found = made.evaluate(log, baselines=False, budget=budget, choice=choice)
            scores[budget, choice] = [found[task]["accuracy"] for task in TASKS]
            told.append(found["opened"])
        opened[budget] = told[0]["share"]
        seconds[budget] = {
            name: float(np.median([one["seconds"][name] for one in told])) for name in ("opening", "looking")
        }
    learned = made.screening.facts if made.screening else {}
    return {"scores": scores, "opened": opened, "seconds": seconds, "learned": learned}


def _joined(runs: list[dict[str, Any]], budget: float) -> dict[str, Any]:
    """The figures of one budget over all seeds."""
    whole, here = ([run["seconds"][each] for run in runs] for each in (1.0, budget))
    ratio = [a["opening"] / b["opening"] for a, b in zip(whole, here, strict=True)]
    looked = [a["opening"] / (b["opening"] + b["looking"]) for a, b in zip(whole, here, strict=True)]
    return {
        **{
            task: {
                NAMES.get(name, name): spread([run["scores"][budget, name][k] for run in runs])
                for name in (*CHOICES, "full")
            }
            for k, task in enumerate(TASKS)
        },
        "opened": spread([run["opened"][budget] for run in runs]),
        "time_ratio": spread(ratio),
        "time_ratio_with_looks": spread(looked),
    }
