"""Measurements kept in a folder, so that a long run goes on where it was interrupted."""

import hashlib
import inspect
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotide.bench.bench import Bench, Composite, Progress, Say
from emotide.errors import BadInput

PACKAGE = Path(__file__).parents[1]
SHELLS = ("bench", "cli", "terminal.py")  # but for the rivals, nothing in them moves another bench's figures


@dataclass(frozen=True)
class Runner:
    """How measurements are run.

    Attributes:
        data: the folder of public data sets.
        seeds: of every part.
        say, progress: what happens meanwhile.
        out: a folder in which the figures of each part are kept; a part is not run again that is there with the same
            seeds and code. Nothing is kept where None.
        records: what was run or found there: name -> seeds, version, seconds, machine, figures.
    """

    data: Path
    seeds: list[int]
    say: Say
    progress: Progress
    out: Path | None = None
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def figures(self, name: str, bench: Bench | Composite) -> dict[str, Any]:
        """The figures of a measurement; of several, those whose data sets are there.

        Raises:
            BadInput: no data set that it needs is there.
        """
        lacking = self._lacking(bench)
        if lacking is not None:
            raise BadInput(
                f"bench {name} needs the data set {lacking!r} there: give --data or set EMOTIDE_DATA",
                self.data.resolve(),
            )
        if isinstance(bench, Bench):
            return self._kept(name, bench)
        found = {}
        for part, one in bench.parts.items():
            missing = self._lacking(one)
            if missing is None:
                found[part] = self.figures(bench.name_of(name, part), one)
            else:
                self.say(f"{bench.name_of(name, part)} is left out: the data set {missing!r} is not at {self.data}")
        return bench.joined(found)

    def _lacking(self, bench: Bench | Composite) -> str | None:
        """The data set without which nothing can be measured; None where something can."""
        if isinstance(bench, Bench):
            return bench.needs if bench.needs and not (self.data / bench.needs).is_dir() else None
        lacking = [self._lacking(part) for part in bench.parts.values()]
        return None if None in lacking else next(iter(lacking), None)

    def _kept(self, name: str, bench: Bench) -> dict[str, Any]:
        version = code_version(bench.run)
        file = self.out / f"{name}.json" if self.out else None
        if file and file.exists():
            record = json.loads(file.read_text("utf-8"))
            if record["seeds"] == self.seeds and record["version"] == version:
                self.say(f"{name}: kept in {file}")
                self.records[name] = record
                return dict(record["figures"])
        start = time.monotonic()
        figures = _plain(bench.run(self.data, self.seeds, self.say, self.progress))
        seconds = round(time.monotonic() - start, 1)
        record = {"seeds": self.seeds, "version": version, "seconds": seconds, "machine": machine(), "figures": figures}
        self.records[name] = record
        if file:
            write(file, json.dumps(record, indent=1))
        return figures


def _plain(figures: dict[Any, Any]) -> dict[str, Any]:
    """The figures as they are once they were written and read: the same whether measured now or kept."""
    return dict(json.loads(json.dumps(figures, default=lambda number: number.item())))


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(text, "utf-8")
    part.replace(file)


def code_version(run: Callable[..., Any]) -> str:
    """A digest of the package without its shells, and of the file that the measurement is written in."""
    sources = [
        file
        for file in PACKAGE.rglob("*.py")
        if file.relative_to(PACKAGE).parts[0] not in SHELLS or file.parent.name == "rivals"
    ]
    own = inspect.getsourcefile(getattr(run, "func", run))
    digest = hashlib.sha256()
    for file in [*sorted(sources), *([Path(own)] if own else [])]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def machine() -> dict[str, Any]:
    """Where it was measured."""
    import torch

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
