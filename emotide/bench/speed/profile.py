"""Where the time of a training step goes, by part of the network."""

from pathlib import Path
from statistics import median
from typing import Any

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.speed.gemm import USERS, Steps
from emotide.bench.speed.timing import here, runs_of, threads, told
from emotide.train import TrainConfig


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """The share of the seconds that each part takes, medians over runs, the largest first."""
    from emotide.train.profile import profile_step

    with threads():
        steps, found = Steps(USERS), []
        for run in range(runs_of(seeds) + 1):
            found.append(profile_step(steps.model, steps.timeline, steps.vectors, TrainConfig()))
            progress(run + 1, runs_of(seeds) + 1, "profile")
        shares, raw = shares_of(found[1:])
        say(", ".join(f"{part} {share:.0%}" for part, share in shares.items()))
        return {**shares, "how": {"shares": raw, "machine": here()}}


def shares_of(found: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """Of several runs' shares by part the medians, the largest first, and all that is told of each.

    A part that a run does not name has none of its time. Medians need not add up to 1.
    """
    values = {part: [one.get(part, 0.0) for one in found] for part in dict.fromkeys(p for one in found for p in one)}
    shares = {part: round(median(each), 4) for part, each in values.items()}
    order = sorted(shares, key=lambda part: -shares[part])
    return {part: shares[part] for part in order}, {part: told(values[part]) for part in order}


BENCH = Bench("where the time of a training step goes, by part of the network", None, run)
