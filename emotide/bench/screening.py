"""Screening of posts: what is read when few are opened, which those are, and what is saved (paper 2; DESIGN 3.6)."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.chatter import chatter
from emotide.demo.config import TownConfig
from emotide.demo.run import SMALL
from emotide.demo.town import simulate
from emotide.model.screening import CHOICES
from emotide.timeline import TimelineConfig
from emotide.train.screening import ScreeningConfig
from emotide.vectors import default_cache
from emotide.vectors.autoencoder import LearningConfig
from emotide.vectors.encoders import MediaConfig

BUDGETS = (0.05, 0.1, 0.2, 0.5, 1.0)
TASKS = ("recognition", "forecast")
TOWN = TownConfig(people=40, days=50, posts_per_day=1.5, labelled=1.0)
SHOWING = TownConfig(people=16, days=30, posts_per_day=1.5, labelled=1.0).showing()
TRAINING = {"epochs": 20}
CODES = MediaConfig(learning=LearningConfig(epochs=1))  # what encoders start from is all that so few files teach
TALK = 8.0  # posts a person and day that say nothing
NAMES = {"top": "ours"}  # of the choices in the figures


@contextmanager
def talkative_town(seed: int, showing: bool = False) -> Iterator[SocialLog]:
    """A town with eight posts about nothing a person and day beside one or two that tell a mood.

    Where it is `showing`, as many of either have pictures, sounds and clips; those about nothing show and sound like
    nothing.
    """
    config = (SHOWING if showing else TOWN).model_copy(update={"seed": seed})
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        simulate(Path(folder), config)
        chatter(Path(folder) / "log", TALK, config.days, seed, config)
        log = SocialLog.open(Path(folder) / "town.db")
        log.ingest(Path(folder) / "log")
        yield log


def run_screening(
    town: Callable[[int], AbstractContextManager[SocialLog]],
    data: Path,
    seeds: list[int],
    say: Say,
    progress: Progress,
) -> dict[str, Any]:
    """Accuracy on the test part at every budget, by every choice; and what decoding and encoding took.

    Returns:
        budget -> {"recognition": {choice: [mean, sd]}, "forecast": …, "opened": share of posts, "time_ratio": seconds
        of processors for all posts in those for the opened ones, "time_ratio_with_looks": the same with coarse views
        of all posts, none looked at before, on the side of the latter}; and `learned`: importance on held-out posts.
    """
    torch.set_num_threads(1)
    runs = []
    for number, seed in enumerate(seeds):
        with town(seed) as log:
            recipe = Recipe(timeline=TimelineConfig(step="1d"), network=SMALL, screening=ScreeningConfig(), media=CODES)
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
        "how": {"seeds": seeds, "score": "accuracy", "talk": TALK, **TRAINING},
    }


def _run(made: Emotide, log: SocialLog) -> dict[str, Any]:
    """Of one model: (budget, choice) -> accuracy of both tasks; budget -> share opened and seconds."""
    scores: dict[tuple[float, str], list[float]] = {}
    opened, seconds = {}, {}
    full = made.evaluate(log, baselines=False)
    for budget in BUDGETS:
        scores[budget, "full"] = [full[task]["accuracy"] for task in TASKS]
        for choice in CHOICES:  # all open the same number of posts
            if choice != "top" and budget == 1:
                scores[budget, choice] = scores[budget, "top"]
                continue
            with cold() if choice == "top" else nullcontext():  # only what is timed must find nothing done before
                found = made.evaluate(log, baselines=False, budget=budget, choice=choice)
            scores[budget, choice] = [found[task]["accuracy"] for task in TASKS]
            if choice == "top":
                opened[budget], seconds[budget] = found["opened"]["share"], found["opened"]["seconds"]
    learned = made.screening.facts if made.screening else {}
    return {"scores": scores, "opened": opened, "seconds": seconds, "learned": learned}


@contextmanager
def cold() -> Iterator[None]:
    """A cache in which no file was looked at or encoded; compiled timelines are there."""
    known, before = default_cache() / "timelines", os.environ.get("EMOTIDE_CACHE")
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        if known.exists():
            (Path(folder) / "timelines").symlink_to(known.resolve())
        os.environ["EMOTIDE_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["EMOTIDE_CACHE"]
            else:
                os.environ["EMOTIDE_CACHE"] = before


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


BENCH = Bench(
    "what is read when few posts of a town with media are opened, and what is saved",
    None,
    partial(run_screening, partial(talkative_town, showing=True)),
)
WORDS = Bench("the same where posts are words alone", None, partial(run_screening, talkative_town))
