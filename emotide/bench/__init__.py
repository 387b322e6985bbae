"""The measurements behind every claim: one file a claim, rerun by `emotide bench NAME`."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotide.bench import (
    ablation,
    behaviour,
    cped,
    factor_graph,
    fanchuan,
    influence,
    ingest,
    media,
    meld,
    meld_tuned,
    memory,
    network,
    recommend,
    scale,
    semi,
    service,
    shortcuts,
    social_evolution,
    spaces,
    speed,
)
from emotide.bench.bench import Bench, Composite
from emotide.bench.kept import Runner
from emotide.errors import UnknownName

BENCHES: dict[str, Bench | Composite] = {
    "ablation": ablation.BENCH,
    "behaviour": behaviour.BENCH,
    "cped": cped.BENCH,
    "factor_graph": factor_graph.BENCH,
    "fanchuan": fanchuan.BENCH,
    "influence": influence.BENCH,
    "ingest": ingest.BENCH,
    "media": media.BENCH,
    "meld": meld.BENCH,
    "meld_tuned": meld_tuned.BENCH,
    "memory": memory.BENCH,
    "recommend": recommend.BENCH,
    "scale": scale.BENCH,
    "semi": semi.BENCH,
    "service": service.BENCH,
    "shortcuts": shortcuts.BENCH,
    "social_evolution": social_evolution.BENCH,
    "spaces": spaces.BENCH,
    "speed": speed.BENCH,
}
BENCHES["network"] = network.composite(BENCHES)


def run_bench(
    name: str,
    data: Path | None,
    seeds: int,
    say: Callable[[str], None],
    progress: Callable[[int, int, str], None],
    out: Path | None = None,
    only: str | None = None,
) -> dict[str, Any]:
    """The figures of one measurement; 'list' tells which there are.

    Args:
        name: a key of `BENCHES`, one of its parts as NAME.PART, or 'list'.
        data: the folder of public data sets; `$EMOTIDE_DATA` where None.
        seeds: how many.
        say, progress: what happens meanwhile.
        out: a folder in which the figures of each part are kept, and found again; for 'network' also the report.
        only: this part alone, its figures standing where they stand among those of all.

    Raises:
        UnknownName: no such measurement, or it has no such part.
        BadInput: it needs a data set that is not there.
    """
    if name == "list":
        return {key: bench.about for key, bench in BENCHES.items()}
    bench = _named(name)
    if only is not None:
        part = _named(f"{name}.{only}")
        bench = replace(bench, parts={only: part}) if isinstance(bench, Composite) else part
    runner = Runner(data or Path(os.environ.get("EMOTIDE_DATA", ".")), list(range(seeds)), say, progress, out)
    figures = runner.figures(name, bench)
    if name == "network" and out:
        network.report(out, figures, runner)
    return figures


def _named(name: str) -> Bench | Composite:
    key, *parts = name.split(".")
    if key not in BENCHES:
        raise UnknownName("bench", key, [*BENCHES, "list"])
    bench = BENCHES[key]
    for part in parts:
        known = bench.parts if isinstance(bench, Composite) else {}
        if part not in known:
            raise UnknownName(f"part of bench {key!r}", part, known)
        bench = known[part]
    return bench
