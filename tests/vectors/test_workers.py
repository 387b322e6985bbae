"""A decoder that hangs, dies or swells costs its post alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from emotide.errors import EmotideError
from emotide.vectors.decode import MediaLimits, decode_image
from emotide.vectors.workers import Decoders

from .conftest import LIMITS, draw

HASTY = MediaLimits(job_seconds=1.0, memory=1 << 30)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("media") / "a.jpg", 0)


def test_hanging_dying_and_swelling_cost_their_job_alone(image):
    good = (decode_image, (image, 16, HASTY))
    bad = {
        "took longer than 1 s": (time.sleep, (30,)),
        "the decoder died (signal SIGABRT)": (os.abort, ()),
        "the decoder died (signal SIGKILL)": (signal.raise_signal, (signal.SIGKILL,)),
        "the decoder died (exit code 3)": (os._exit, (3,)),
        "needs more memory than a decoder may have": (bytearray, (2 << 30,)),
        "cannot be decoded (ZeroDivisionError": (divmod, (1, 0)),
    }
    with Decoders(HASTY, workers=2) as decoders:
        jobs = [job for each in bad.values() for job in (good, each)] + [good]
        outcomes = list(decoders.run(jobs))
        assert [outcome.fault is None for outcome in outcomes] == [True, False] * len(bad) + [True]
        for outcome, reason in zip(outcomes[1::2], bad, strict=True):
            assert reason in outcome.fault
            assert outcome.arrays == ()
        first = outcomes[0].arrays[0]
        assert all(np.array_equal(outcome.arrays[0], first) for outcome in outcomes[::2])
        children = [child.process for child in decoders.children]
    assert all(child.poll() is not None for child in children)


def test_memory_is_limited_and_enough_for_what_is_allowed():
    with Decoders(MediaLimits(memory=1 << 30), workers=1) as decoders:
        small, large = decoders.run([(np.zeros, ((1, 1000),)), (np.zeros, ((1, 1 << 28),))])
        assert "memory" in large.fault
        assert small.fault is None


def test_order_is_kept_though_a_later_job_is_done_first(decoders):
    sizes = [3_000_000, 1, 2, 1_000_000, 3, 4]
    outcomes = list(decoders.run([(np.zeros, ((1, size),)) for size in sizes]))
    assert [outcome.arrays[0].shape for outcome in outcomes] == [(size,) for size in sizes]
    assert outcomes[0].seconds > outcomes[1].seconds


def test_what_is_not_numbers_is_a_fault(decoders):
    (outcome,) = decoders.run([(os.getcwd, ())])
    assert outcome.fault
    assert outcome.arrays == ()


def test_numbers_of_every_kind_come_back_as_they_were(decoders):
    arrays = (np.arange(6, dtype=np.int64).reshape(2, 3), np.float32([0.5, np.nan]), np.zeros((0, 4), np.uint8))
    (outcome,) = decoders.run([(tuple, (arrays,))])
    for got, sent in zip(outcome.arrays, arrays, strict=True):
        assert got.dtype == sent.dtype
        np.testing.assert_array_equal(got, sent)
        assert got.flags.writeable


def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_next(decoders):
    first = next(iter(decoders.run([(np.array, ([[k]],)) for k in range(20)])))
    assert first.arrays[0].tolist() == [0]
    later = list(decoders.run([(np.array, ([[-k]],)) for k in range(5)]))
    assert [outcome.arrays[0].tolist() for outcome in later] == [[-k] for k in range(5)]


def test_one_that_died_with_nothing_to_do_costs_nobody(decoders, image):
    list(decoders.run([(decode_image, (image, 16, LIMITS))] * 3))
    for child in decoders.children:
        os.kill(child.process.pid, signal.SIGKILL)
        child.process.wait()
    outcomes = list(decoders.run([(decode_image, (image, 16, LIMITS))] * 3))
    assert [outcome.fault for outcome in outcomes] == [None] * 3


def test_children_that_cannot_start_are_an_error_and_no_fault_of_files(image, monkeypatch):
    monkeypatch.setattr("emotide.vectors.workers.CHILD", "raise SystemExit(7)")
    with Decoders(LIMITS, workers=1) as decoders, pytest.raises(EmotideError, match=r"does not start \(exit code 7\)"):
        list(decoders.run([(decode_image, (image, 16, LIMITS))]))


def test_a_child_loads_no_torch_and_ends_when_nobody_is_left_to_ask():
    script = (
        "import sys, time; from emotide.vectors.workers import Decoders; import numpy as np\n"
        "decoders = Decoders(workers=1); list(decoders.run([(np.zeros, ((1, 1),))]))\n"
        "print(decoders.children[0].process.pid, 'torch' in sys.modules, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid, torch = parent.stdout.readline().split()
        parent.kill()
    assert torch == "False"
    for _ in range(100):
        if not alive(int(pid)):
            break
        time.sleep(0.05)
    assert not alive(int(pid))


def alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and that nobody has asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_no_jobs_start_no_child():
    with Decoders(LIMITS) as decoders:
        assert list(decoders.run([])) == []
        assert decoders.children == []
