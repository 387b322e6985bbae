"""What every measurement is made of: a data set as a log, seeds, means with spreads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotide.api import SocialLog
from emotide.convert import convert

Say = Callable[[str], None]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Bench:
    """A measurement: what it shows, which data set it needs, and how it runs (folder, seeds, say, progress)."""

    about: str
    needs: str | None
    run: Callable[[Path, list[int], Say, Progress], dict[str, Any]]


@dataclass(frozen=True)
class Composite:
    """Several measurements, and what their figures make together.

    Attributes:
        about: what it shows.
        parts: each may also be run alone, as NAME.PART.
        joined: from part -> figures to the figures of all.
        shared: whether the parts are benches with names of their own.
    """

    about: str
    parts: Mapping[str, "Bench | Composite"]
    joined: Callable[[dict[str, Any]], dict[str, Any]]
    shared: bool = False

    @property
    def needs(self) -> None:
        """Nothing: a part whose data set is not there is left out."""

    def name_of(self, name: str, part: str) -> str:
        """What a part is called where this is called `name`."""
        return part if self.shared else f"{name}.{part}"


@contextmanager
def converted(name: str, source: Path, **options: str) -> Iterator[SocialLog]:
    """A public data set as a log, in a store that goes away afterwards."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        convert(name, source, Path(folder) / "log", **options)
        log = SocialLog.open(str(Path(folder) / "bench.db"))
        log.ingest(Path(folder) / "log")
        yield log


def spread(values: Sequence[float | None]) -> list[float] | None:
    """[mean, standard deviation] over seeds; None where a value is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return [round(float(np.mean(known)), 4), round(float(np.std(known)), 4)]


def gathered(runs: list[dict[str, Any]], metrics: tuple[str, ...]) -> dict[str, Any]:
    """The chosen metrics of several `evaluate` results: method -> task -> metric -> [mean, sd]."""
    methods = ["ours", *runs[0]["baselines"]]

    def scores(run: dict[str, Any], method: str) -> dict[str, Any]:
        return run if method == "ours" else run["baselines"][method]

    return {
        method: {
            task: {metric: spread([scores(run, method)[task][metric] for run in runs]) for metric in metrics}
            for task in ("recognition", "forecast")
        }
        for method in methods
    }
