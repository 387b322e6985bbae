"""Few labels on MELD: 1 %, 10 % and all dialogues labelled, with weak labels and without, beside the baselines."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.bench import Bench, Progress, Say, gathered
from emotide.bench.meld import recipe
from emotide.convert import convert

SHARES = (0.01, 0.1, 1.0)
METRICS = ("weighted_f1", "macro_f1")
METHODS = ("ours", "post_logistic", "lstm", "majority")


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Weighted and macro F1 on the whole test part, reports hidden; `weak`: the same network with VADER's labels.

    Labels are taken from whole dialogues at random by seed, of train and of dev alike: who has few has few to choose
    by. All posts stay. With all labels there is no unlabelled post, and so nothing for weak labels to do.
    """
    out: dict[str, Any] = {"data": "MELD, test part, MiniLM vectors, reports hidden", "seeds": seeds}
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        convert("meld", data / "meld", Path(folder))
        for share in SHARES:
            plain, weak = [], []
            for seed in seeds:
                with thinned(Path(folder), share, seed) as log:
                    plain.append(Emotide.fit(log, recipe(seed), progress=progress).evaluate(log, space="meld"))
                    if share < 1:
                        told = Emotide.fit(log, with_lexicon(recipe(seed)), progress=progress)
                        weak.append(told.evaluate(log, space="meld", baselines=False))
                figures = [one["recognition"]["weighted_f1"] for one in (plain[-1], *weak[-1:])]
                say(f"{share:.0%} of labels, seed {seed}: recognition {' weak '.join(f'{f:.4f}' for f in figures)}")
            methods = {name: found for name, found in gathered(plain, METRICS).items() if name in METHODS}
            out[f"{share:g}"] = methods | ({"weak": gathered(weak, METRICS)["ours"]} if weak else {})
    return out


def with_lexicon(plain: Recipe) -> Recipe:
    """The same recipe with weak labels."""
    return plain.changed({}, train={"weak_labels": ("vader",)})


@contextmanager
def thinned(source: Path, share: float, seed: int) -> Iterator[SocialLog]:
    """A converted log in which this share of the dialogues of train and dev, one at least, keeps its labels."""
    tables = {file.stem: pl.read_parquet(file) for file in source.glob("*.parquet")}
    split = tables["posts"].select("network", "split").unique().sort("network")
    kept = split.filter(
        (pl.col("split") == "test")
        | (pl.int_range(pl.len()).shuffle(seed).over("split") < (pl.len() * share).ceil().over("split"))
    )
    tables["labels"] = tables["labels"].join(kept, on="network", how="semi")
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        place = Path(folder) / "log"
        place.mkdir()
        for name, table in tables.items():
            table.write_parquet(place / f"{name}.parquet")
        log = SocialLog.open(Path(folder) / "bench.db")
        log.ingest(place)
        yield log


BENCH = Bench("few labels: 1 %, 10 % and all of MELD's, with weak labels and without", "meld", run)
