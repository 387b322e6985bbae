"""Seconds from nothing: `emotide --help`, and `import emotide`, each in a process of its own."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.speed.timing import here, in_turn, runs_of, told

LEAST = 7  # processes of each
CALLS = {
    "help": "import sys; sys.argv = ['emotide', '--help']; from emotide.cli import main; main()",
    "import": "import emotide",
    "python": "pass",
}


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """Medians, beside that of a Python that does nothing."""
    started = {name: partial(_started, code) for name, code in CALLS.items()}
    seconds = in_turn(started, max(LEAST, runs_of(seeds)), progress)
    found = {name: round(median(values), 4) for name, values in seconds.items()}
    say(", ".join(f"{name} {value:.3f} s" for name, value in found.items()))
    return {**found, "how": {**{name: told(values) for name, values in seconds.items()}, "machine": here()}}


def _started(code: str, run: int) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


BENCH = Bench("seconds of `emotide --help` and of `import emotide`", None, run)
