"""The demo: the whole flow on a simulated town, or on a log of the user's own, ending with a report page."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import polars as pl
import torch

from emotide.api import Emotide, Recipe, SocialLog
from emotide.api.skimming import inside_curve
from emotide.demo.content import ReportContent
from emotide.demo.recorded import recorded
from emotide.demo.report import write_report
from emotide.demo.town import TownConfig, simulate
from emotide.demo.truth import Truth
from emotide.errors import BadInput
from emotide.model import NetworkConfig
from emotide.timeline import TimelineConfig

Progress = Callable[[int, int, str], None]
Say = Callable[[str], None]
HORIZON = 5
# a town of sixty is little to learn from, and the demo is to be short
SMALL = NetworkConfig(state=48, influence=12, observed=48, width=64, pair_width=24, dropout=0.4)


def run_demo(
    out: Path,
    data: Path | None,
    recipe: Recipe | None,
    seed: int,
    say: Say,
    progress: Progress,
    media: bool = False,
    media_from: Path | None = None,
) -> Path:
    """Ingest, train, evaluate, predict, influence, recommend; returns the report's path.

    Args:
        out: the folder for the store, the model and the report; what an earlier demo left there is replaced.
        data: a social log; a town is simulated where None.
        recipe: how to train; one step a day by default.
        seed: of the town and the training.
        say: called with a line for every part that is done.
        progress: called with (done, total, what) within a part.
        media: whether the people of the simulated town also post pictures, sounds and clips.
        media_from: a folder with the sets face_expressions and emodb, for real faces and voices; drawn where None.
    """
    torch.set_num_threads(1)  # the matrices are small: a second thread waits more than it works
    out.mkdir(parents=True, exist_ok=True)
    truth: Truth | None = None
    with _timed("a town of 60 people, watched for 60 days, was simulated", say, data is None):
        if data is None:
            town = TownConfig(seed=seed).showing() if media else TownConfig(seed=seed)
            with recorded(media_from) if media and media_from else nullcontext() as source:
                truth, data = simulate(out / "town", town, source), out / "town" / "log"
    recipe = (recipe or Recipe(timeline=TimelineConfig(step="1d"), network=SMALL)).changed({}, train={"seed": seed})
    store, model = out / "demo.db", out / "model"
    for old in out.glob("demo.db*"):
        old.unlink()
    log = SocialLog.open(str(store))
    with _timed("the log was read, checked and stored", say):
        log.ingest(data, rejects=out / "rejects", progress=progress)
    with _timed("the network was trained", say):
        emotide = Emotide.fit(log, recipe, progress=progress)
        emotide.save_pretrained(model)
    content = ReportContent(title="Emotide on a simulated town" if truth else f"Emotide on {data.name}", truth=truth)
    with _timed("readings, influence and recommendations were made and judged", say):
        own = (
            f" --data {data}" if truth is None else f" --media-from {media_from}" if media_from else " --media" * media
        )
        content = _asked(emotide, log, content, out, own, seed)
    report = out / "report.html"
    write_report(report, content)
    return report


def _asked(emotide: Emotide, log: SocialLog, content: ReportContent, out: Path, own: str, seed: int) -> ReportContent:
    counts = {f"rows of {name}": n for name, n in log.store.counts().items() if n}
    run = emotide.trained.run
    facts: dict[str, str | int | float] = {
        **counts,
        "step": run.timeline.step,
        "text vectors": run.text,
        "parameters": sum(p.numel() for p in emotide.trained.model.parameters()),
        "epochs": len(emotide.history.rows),
        "seed": seed,
    }
    store, model = out / "demo.db", out / "model"
    several, evaluation = bool(emotide.trained.media.by_kind), _evaluated(emotide, log)
    return ReportContent(
        title=content.title,
        truth=content.truth,
        facts=facts,
        readings=emotide.predict(log, horizon=HORIZON),
        pleasure=emotide.predict(log, horizon=HORIZON, space="pad").drop("space", "reading"),
        influence=emotide.influence(log, total=True),
        evaluation=evaluation,
        recommendations=emotide.recommend(log) if emotide.recommender else pl.DataFrame(),
        items=log.table("items").select("item_id", "title"),
        attention=emotide.attention(log) if several else pl.DataFrame(),
        taught=emotide.trained.media.learned,
        pairs=emotide.reconstructions(log) if several else {},
        inside=_curve(emotide, log, evaluation) if several else pl.DataFrame(),
        commands=[
            f"emotide demo --seed {seed} --out {out}{own}",
            f"emotide evaluate --store {store} --model {model}",
            f"emotide predict --store {store} --model {model} --horizon {HORIZON}",
            f"emotide influence --store {store} --model {model} --total",
            f"emotide recommend --store {store} --model {model} --top 5",
        ],
    )


def _evaluated(emotide: Emotide, log: SocialLog) -> dict[str, object]:
    """The test part with reports hidden; nothing where it has no labels."""
    try:
        return emotide.evaluate(log)
    except BadInput:
        return {}


def _curve(emotide: Emotide, log: SocialLog, evaluation: dict[str, object]) -> pl.DataFrame:
    """What is read and saved where parts of files alone are looked at; nothing without labels to compare with."""
    space = evaluation.get("space")
    return inside_curve(emotide.trained, log, str(space)) if space else pl.DataFrame()


@contextmanager
def _timed(what: str, say: Say, wanted: bool = True) -> Iterator[None]:
    start = time.monotonic()
    yield
    if wanted:
        say(f"{what} ({time.monotonic() - start:.1f} s)")
