"""The service under load, faults and bad input, and what is left of a person after erasure."""

from typing import Any

from emotide.bench.bench import Bench, Composite
from emotide.bench.service import erasure, faults, fuzz, load


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"events_s", "latency_ms", …, "faults", "fuzz": {"cases", "crashes", "5xx"}, "erasure_bytes_left"}`: what was measured."""
    told = dict(found)
    flat = {**told.pop("load", {}), **told.pop("erasure", {})}
    return {**flat, **told}


BENCH = Composite(
    "the service: events a second, latency and memory under load, faults, bad input, erasure",
    {
        "load": load.BENCH,
        "faults": Bench("50 kills, a full disk, a database away, a corrupt checkpoint, a clock jump", None, faults.measured),
        "fuzz": fuzz.BENCH,
        "erasure": erasure.BENCH,
    },
    joined,
)
