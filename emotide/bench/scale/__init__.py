"""Past one machine: parts against one process, workers that die, what Ray costs, what goes over the wire, a plan."""

from typing import Any

from emotide.bench.bench import Composite
from emotide.bench.scale import costs, equal, hosts, kills, traffic, workers

OVER = ("ray_overhead", "speedup_2", "overlap")


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"max_abs_diff", "kills", "lost", "ray_overhead", "speedup_2", "overlap", "traffic", "cost_model_error", …}`."""
    figures: dict[str, Any] = {}
    for part, wanted in (
        ("equal", ("max_abs_diff",)),
        ("kills", ("kills", "lost")),
        ("workers", OVER),
        ("traffic", ("traffic",)),
        ("costs", ("cost_model_error", "plan")),
    ):
        figures |= {name: found[part][name] for name in wanted if part in found}
    return figures | {"parts": found}


BENCH = Composite(
    "past one machine: equality of parts, kills, Ray's overhead, speed of two workers, traffic, the cost model",
    {
        "equal": equal.BENCH,
        "kills": kills.BENCH,
        "workers": workers.BENCH,
        "traffic": traffic.BENCH,
        "costs": costs.BENCH,
        "hosts": hosts.BENCH,
    },
    joined,
)
