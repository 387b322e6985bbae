"""The measurements behind every claim: one file a claim, rerun by `emotide bench NAME`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotide.bench import calibration, cped, fanchuan, influence, ingest, meld, semi, social_evolution
from emotide.bench.bench import Bench
from emotide.errors import BadInput, UnknownName

BENCHES: dict[str, Bench] = {
    "calibration": calibration.BENCH,
    "cped": cped.BENCH,
    "fanchuan": fanchuan.BENCH,
    "influence": influence.BENCH,
    "ingest": ingest.BENCH,
    "meld": meld.BENCH,
    "semi": semi.BENCH,
    "social_evolution": social_evolution.BENCH,
}


def run_bench(
    name: str, data: Path | None, seeds: int, say: Callable[[str], None], progress: Callable[[int, int, str], None]
) -> dict[str, Any]:
    """The figures of one measurement; 'list' tells which there are.

    Args:
        name: a key of `BENCHES`, or 'list'.
        data: the folder of public data sets; `$EMOTIDE_DATA` where None.
        seeds: how many.
        say, progress: what happens meanwhile.

    Raises:
        UnknownName: no such measurement.
        BadInput: it needs a data set that is not there.
    """
    if name == "list":
        return {key: bench.about for key, bench in BENCHES.items()}
    if name not in BENCHES:
        raise UnknownName("bench", name, [*BENCHES, "list"])
    bench = BENCHES[name]
    folder = data or Path(os.environ.get("EMOTIDE_DATA", "."))
    if bench.needs and not (folder / bench.needs).is_dir():
        raise BadInput(
            f"bench {name} needs the data set {bench.needs!r} there: give --data or set EMOTIDE_DATA", folder
        )
    return bench.run(folder, list(range(seeds)), say, progress)
