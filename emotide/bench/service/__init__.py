"""The service under load, faults and bad input, and what is left of a person after erasure."""

from typing import Any

from emotide.bench.bench import Composite
from emotide.bench.service import dashboard, erasure, fuzz, load
from emotide.bench.service.faults import FAULTS


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"events_s", "latency_ms", …, "faults", "fuzz", "erasure_bytes_left"}`: what was measured."""
    told = dict(found)
    flat = {**told.pop("load", {}), **told.pop("erasure", {})}
    return {**flat, **told}


BENCH = Composite(
    "the service: events a second, latency and memory under load, faults, bad input, erasure",
    {
        "load": load.BENCH,
        "faults": FAULTS,
        "fuzz": fuzz.BENCH,
        "erasure": erasure.BENCH,
        "dashboard": dashboard.BENCH,
    },
    joined,
)
