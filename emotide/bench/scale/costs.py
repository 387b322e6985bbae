"""The cost model, fitted on small runs of one worker and asked about a larger one; then of the internet."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.scale.world import drawn, large
from emotide.cluster.cost import Cost, Load, plan, state_bytes
from emotide.cluster.cut import cut
from emotide.cluster.peers import Peers
from emotide.cluster.run import PartRun
from emotide.model import NetworkConfig

FITTED = ((2_000, 16), (5_000, 4), (5_000, 16), (10_000, 16), (20_000, 4), (20_000, 16))  # users, neighbours
HELD_OUT = (60_000, 16)
RUNS = 3
INTERNET = {"users": 1e8, "pairs": 1e10, "steps": 30, "active_share": 0.3, "sights_an_active": 16, "workers": 1000}


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"cost_model_error", "cost": {coefficients}, "held_out": {…}, "plan": {…}}` of the first seed.

    The error is that of the seconds of the processor, the least of `RUNS` runs, relative to those measured.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measured = []
        for number, (users, neighbours) in enumerate((*FITTED, HELD_OUT)):
            progress(number, len(FITTED) + 1, f"{users} users")
            measured.append(_measured(users, neighbours, seeds[0]))
            say(f"{users} users, {neighbours} neighbours: {measured[-1]}")
    finally:
        torch.set_num_threads(before)
    *fitted, (load, seconds) = measured
    cost = Cost.fitted([one for one, _ in fitted], [took for _, took in fitted])
    told = cost.seconds(load)
    return {
        "cost_model_error": round(abs(told - seconds) / seconds, 4),
        "cost": cost._asdict(),
        "held_out": {**load._asdict(), "seconds": round(seconds, 3), "predicted": round(told, 3)},
        "plan": internet(cost),
    }


def internet(cost: Cost, cut_sights: float = 0.3) -> dict[str, Any]:
    """A network of the size of the internet's largest, a month of days.

    That three sights in ten lie across parts is assumed; that each of them costs a row of H and one of A is the most
    that it can.
    """
    config = NetworkConfig()
    users, pairs, steps = INTERNET["users"], INTERNET["pairs"], int(INTERNET["steps"])
    active = users * steps * INTERNET["active_share"]
    load, most = Load(steps, active, active * INTERNET["sights_an_active"]), 4.0 * (config.state + config.influence)
    made = plan(cost, config, load, users, pairs, int(INTERNET["workers"]), cut_sights, most)
    said = {name: round(float(value), 3) for name, value in made._asdict().items()}
    return said | {"cut_sights": cut_sights, "terabytes": round(state_bytes(config, users, pairs) / 1e12, 3)}


def _measured(users: int, neighbours: int, seed: int) -> tuple[Load, float]:
    """What there was to do, and the least seconds that it took."""
    with large(users, seed, neighbours) as timeline:
        model, vectors = drawn(timeline, seed)
        part = cut(timeline, np.zeros(len(timeline.users), np.int32), 1, vectors.numpy())[0]
        seconds = []
        for _ in range(RUNS):
            begun = time.process_time()
            PartRun(model, part, Peers()).run(0, part.steps)
            seconds.append(time.process_time() - begun)
        return Load.of(timeline), min(seconds)


BENCH = Bench("the cost model, fitted on small runs and asked about a larger one", None, run)
