"""Text, image, sound and video in one town: each alone, all together, and each one missing when it is asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.bench.bench import Bench, Progress, Say, spread
from emotide.bench.logs import town_recipe
from emotide.demo.config import TownConfig
from emotide.demo.recorded import SETS, recorded
from emotide.demo.showing import Drawn
from emotide.demo.town import simulate
from emotide.timeline import Timeline

MODALITIES = ("text", "image", "audio", "video")
SPACE = "ekman_neutral"
TASKS = ("recognition", "forecast")
PEOPLE, DAYS, EPOCHS = 24, 30, 16  # all of it is run in minutes
CLIPS = 0.15  # more than in the demo: of a few, nothing could be said of video alone
Scores = dict[str, float]


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Weighted F1, reports hidden, on the test part of a town a seed; the encoders are taught once a town.

    Faces and voices are those of `face_expressions` and `emodb` where both are in the folder of data sets, others in
    the days that teach than in those that are tested; otherwise they are drawn.
    """
    start = time.monotonic()
    real = all((data / name).is_dir() for name in SETS.values())
    runs = []
    with recorded(data) if real else nullcontext(Drawn()) as source:
        for number, seed in enumerate(seeds):
            with TemporaryDirectory(prefix="emotide-bench-") as folder:
                config = TownConfig(people=PEOPLE, days=DAYS, seed=seed).showing()
                simulate(Path(folder), config.model_copy(update={"clips": CLIPS}), source)
                runs.append(_measured(Path(folder), seed, say))
            progress(number + 1, len(seeds), "towns")
    return {
        "made_of": "photographs and utterances" if real else "drawn faces and made tunes",
        "seeds": seeds,
        "seconds": round(time.monotonic() - start, 1),
        **{regime: _gathered([one[regime] for one in runs]) for regime in runs[0]},
    }


def _measured(folder: Path, seed: int, say: Say) -> dict[str, dict[str, Scores]]:
    """alone, together, missing -> name -> task -> weighted F1."""
    recipe = town_recipe(seed).changed({}, train={"epochs": EPOCHS})
    with _stored(folder) as log:
        whole = Emotide.fit(log, recipe)
        all_ = _scores(whole.evaluate(log, space=SPACE, baselines=False))
        found: dict[str, dict[str, Scores]] = {"together": {"all": all_}, "alone": {}, "missing": {}}
        say(f"seed {seed}: all together {all_}")
        for name in MODALITIES:
            alone = Emotide.fit(log, recipe.changed({"modalities": (name,)}), media=whole.trained.media)
            found["alone"][name] = _scores(alone.evaluate(log, space=SPACE, baselines=False))
            say(f"seed {seed}: {name} alone {found['alone'][name]}")
        timeline, _ = whole.compiled(log)
    posts = pl.read_csv(folder / "log" / "posts.csv")
    for name in MODALITIES:
        _without(posts, name, timeline).write_csv(folder / "log" / "posts.csv")
        with _stored(folder) as log:
            found["missing"][name] = _scores(whole.evaluate(log, space=SPACE, baselines=False))
            say(f"seed {seed}: {name} missing {found['missing'][name]}")
    return found


def _without(posts: pl.DataFrame, name: str, timeline: Timeline) -> pl.DataFrame:
    """The posts, those from the first tested step on without one modality."""
    labels = timeline.labels[SPACE]
    late = timeline.posts.filter(pl.col("step") >= int(labels.step[labels.split == 2].min()))["post_id"].unique()
    return posts.with_columns(pl.when(~pl.col("post_id").is_in(late.implode())).then(pl.col(name)).alias(name))


@contextmanager
def media_town(seed: int) -> Iterator[SocialLog]:
    """The same town with drawn faces and made tunes, as a log."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        config = TownConfig(people=PEOPLE, days=DAYS, seed=seed).showing()
        simulate(Path(folder), config.model_copy(update={"clips": CLIPS}), Drawn())
        with _stored(Path(folder)) as log:
            yield log


@contextmanager
def _stored(folder: Path) -> Iterator[SocialLog]:
    with TemporaryDirectory(prefix="emotide-bench-") as room:
        log = SocialLog.open(Path(room) / "town.db")
        log.ingest(folder / "log")
        yield log


def _scores(said: dict[str, Any]) -> Scores:
    return {task: float(said[task]["weighted_f1"]) for task in TASKS}


def _gathered(runs: list[dict[str, Scores]]) -> dict[str, Any]:
    return {name: {task: spread([one[name][task] for one in runs]) for task in TASKS} for name in runs[0]}


BENCH = Bench("a town's posts: text, image, sound, video alone, together, one missing when asked", None, run)
