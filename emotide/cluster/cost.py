"""What a network costs to run in parts: a model fitted on runs, to plan for networks that nobody here can run.

    seconds = per_step · steps + per_active · active + per_sight · sights        of one worker's processor
    bytes   = 4 (d_H + d_M) · users + 4 d_A · pairs                              of states
    traffic = per_cut · cut sights                                               bytes between workers

`active` counts users, and `sights` pairs, once for each step in which they are moved.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotide.model import NetworkConfig
from emotide.timeline import Timeline


class Load(NamedTuple):
    """What there is to do."""

    steps: int
    active: float
    sights: float

    @classmethod
    def of(cls, timeline: Timeline) -> "Load":
        """All of a timeline."""
        return cls(timeline.group().steps, len(timeline.events.active_user), len(timeline.events.pair))


class Cost(NamedTuple):
    """Coefficients, in seconds."""

    per_step: float
    per_active: float
    per_sight: float

    @classmethod
    def fitted(cls, loads: Sequence[Load], seconds: Sequence[float]) -> "Cost":
        """The coefficients, none below 0, with the least relative squared error."""
        rows = np.array(loads, np.float64) / np.array(seconds)[:, None]
        kept, found = list(range(rows.shape[1])), np.zeros(rows.shape[1])
        while kept:
            found[:] = 0
            found[kept] = np.linalg.lstsq(rows[:, kept], np.ones(len(rows)), rcond=None)[0]
            if found.min() >= 0:
                break
            kept.remove(int(found.argmin()))
        return cls(*found.tolist())

    def seconds(self, load: Load, workers: int = 1, balance: float = 1.0) -> float:
        """Of the busiest of some workers."""
        shared = (self.per_active * load.active + self.per_sight * load.sights) * balance / workers
        return self.per_step * load.steps + shared


def state_bytes(config: NetworkConfig, users: float, pairs: float) -> float:
    """Memory of H and M, and of A."""
    return 4.0 * ((config.state + config.affect + 1) * users + config.influence * pairs)


class Plan(NamedTuple):
    """A network in parts."""

    workers: int
    hours: float  # of the busiest worker, for all steps
    gigabytes: float  # of states, in each worker
    megabits: float  # a second, that each worker sends while it computes


def plan(
    cost: Cost,
    config: NetworkConfig,
    load: Load,
    users: float,
    pairs: float,
    workers: int,
    cut: float,
    per_cut: float,
    balance: float = 1.05,
) -> Plan:
    """What so many workers need.

    Args:
        cost: fitted.
        config: widths of the states.
        load, users, pairs: of the network.
        workers: of one processor each.
        cut: share of the sights whose source is elsewhere.
        per_cut: bytes that each of them costs.
        balance: work of the busiest worker over the mean.
    """
    seconds = cost.seconds(load, workers, balance)
    sent = per_cut * cut * load.sights / workers
    held = state_bytes(config, users, pairs) / workers
    return Plan(workers, seconds / 3600, held / 1e9, sent * 8 / 1e6 / seconds)
