"""Recommending: in a simulated town, beside the paper, on real logs, how quick it is, and what the guard costs."""

from typing import Any

from emotide.bench.bench import Composite
from emotide.bench.recommend import guard, incarmusic, latency, open_bandit, paper, town

JOINED = {"latency": "latency_ms"}


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """`{"town", "paper", "open_bandit", "incarmusic", "latency_ms", "guard"}`: figures of what was measured."""
    return {JOINED.get(part, part): figures for part, figures in found.items()}


BENCH = Composite(
    "recommending: a simulated town, the paper's form, real logs, latency, the wellbeing guard",
    {
        "town": town.BENCH,
        "paper": paper.BENCH,
        "open_bandit": open_bandit.BENCH,
        "incarmusic": incarmusic.BENCH,
        "latency": latency.BENCH,
        "guard": guard.BENCH,
    },
    joined,
)
