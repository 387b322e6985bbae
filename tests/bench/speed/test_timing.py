"""What is made of seconds, and that sides take turns."""

from types import SimpleNamespace

import pytest
import torch

from emotide.bench.speed import timing
from emotide.bench.speed.sides import Ours, Theirs
from emotide.bench.speed.tgn import trained_in_turn
from emotide.bench.speed.timing import LEAST, faster, in_turn, rate, runs_of, told


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is moved."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock.now)
    return clock


def test_medians_ratios_and_rates():
    assert told([3.0, 1.0, 2.5]) == {"median": 2.5, "min": 1.0, "max": 3.0, "runs": 3, "seconds": [3.0, 1.0, 2.5]}
    assert faster([10.0, 30.0, 20.0], [4.0, 5.0, 100.0]) == 4.0
    assert rate(1000, [0.5, 4.0, 0.25]) == 2000.0
    assert told([1.23456789])["median"] == 1.235


@pytest.mark.parametrize(("seeds", "runs"), [(1, LEAST), (LEAST, LEAST), (8, 8)])
def test_at_least_five_runs(seeds, runs):
    assert LEAST == 5
    assert runs_of(list(range(seeds))) == runs


def test_sides_alternate_and_the_first_run_is_not_timed(clock):
    ran, heard = [], []

    def side(name, pace):
        def once(run):
            ran.append((name, run))
            clock.now += pace * (run + 1)

        return once

    seconds = in_turn({"a": side("a", 1.0), "b": side("b", 10.0)}, 2, lambda *told: heard.append(told), "x")
    assert ran == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert seconds == {"a": [2.0, 3.0], "b": [20.0, 30.0]}
    assert heard[0] == (1, 6, "x a")
    assert heard[-1] == (6, 6, "x b")


def test_training_takes_turns_within_one_long_training_of_ours(clock):
    ran = []

    class FakeOurs(Ours):
        def __init__(self):
            pass

        def train(self, passes, over):
            clock.now += 1000  # what is done once, before the first pass
            for run in range(passes):
                clock.now += 1.0 + run
                ran.append(("ours", run))
                over(run)
            clock.now += 1000

    class FakeTheirs(Theirs):
        def __init__(self):
            pass

        def train(self, run):
            clock.now += 50.0 + run
            ran.append(("tgn", run))

    seconds = trained_in_turn(FakeOurs(), FakeTheirs(), 2, lambda *told: None, "")
    assert ran == [(side, run) for run in range(3) for side in ("ours", "tgn")]
    assert seconds == {"ours": [2.0, 3.0], "tgn": [51.0, 52.0]}


def test_threads_are_given_back(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(timing, "THREADS", before + 1)
    with timing.threads():
        assert torch.get_num_threads() == timing.here()["threads"] == before + 1
    assert torch.get_num_threads() == before
