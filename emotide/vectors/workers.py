"""Files are decoded in child processes, so that one that hangs, dies or swells costs its post alone.

A child is a fresh interpreter that imports no torch and runs nothing of the caller's script. Jobs go to it as pickles
of a function's name and its arguments; what comes back is numbers alone, so that nothing of a child is ever unpickled.
"""

import json
import math
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from emotide.errors import BadInput, EmotideError
from emotide.vectors.decode import MediaLimits

START_SECONDS = 120  # for a child to come up, on a machine that has much else to do
AHEAD = 8  # files a child that are decoded before the first of them is asked for
HEAD = 8  # bytes that tell how long the header of an answer is
CHILD = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from emotide.vectors.workers import serve; serve()"

Job = tuple[Callable[..., Any], tuple[Any, ...]]  # a function that gives a tuple of arrays, and its arguments


class Outcome(NamedTuple):
    """What became of a job."""

    arrays: tuple[np.ndarray, ...]  # empty where there is a fault
    fault: str | None  # why there is nothing
    seconds: float  # of a processor that the child was at it


class Decoders:
    """A few child processes that decode; use it in a `with` block.

    Args:
        limits: the time and memory that a job may take.
        workers: how many children; as many as there are processors by default.

    Attributes:
        seconds: of processors that children were at jobs, all together.
    """

    def __init__(self, limits: MediaLimits | None = None, workers: int | None = None) -> None:
        self.limits = limits or MediaLimits()
        self.size = workers or os.cpu_count() or 1
        self.children: list[_Child] = []
        self.seconds = 0.0

    def __enter__(self) -> "Decoders":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        while self.children:
            self.children.pop().end()

    def run(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcome of each job, in their order, while later ones are under way.

        Raises:
            EmotideError: children do not start at all.
        """
        done: dict[int, Outcome] = {}
        started = given = 0
        try:
            while given < len(jobs):
                while started < min(len(jobs), given + AHEAD * self.size) and (child := self._idle()):
                    child.begin(started, jobs[started])
                    started += 1
                if given in done:
                    yield done.pop(given)
                    given += 1
                    continue
                for child in self._ready():
                    outcome = child.outcome()
                    if outcome:
                        done[child.finish()] = outcome
                        self.seconds += outcome.seconds
                    if not child.alive:
                        self.children.remove(child)
        finally:  # the caller may have had enough: nothing that is under way may be taken for a later answer
            for child in [child for child in self.children if child.job is not None]:
                child.end()
                self.children.remove(child)

    def _idle(self) -> "_Child | None":
        for child in [child for child in self.children if child.job is None and child.process.poll() is not None]:
            child.end()  # it died with nothing to do: no job of ours is to blame, and none shall pay
            self.children.remove(child)
        idle = next((child for child in self.children if child.job is None), None)
        if idle is None and len(self.children) < self.size:
            idle = _Child(self.limits)
            self.children.append(idle)
        return idle

    def _ready(self) -> "list[_Child]":
        """The busy children that have said something, or are out of time."""
        busy = [child for child in self.children if child.job is not None]
        left = min(child.deadline for child in busy) - time.monotonic()
        said = wait([child.connection for child in busy], max(0.0, left))
        return [child for child in busy if child.connection in said or child.deadline <= time.monotonic()]


class _Child:
    """One child process and the pipe to it."""

    def __init__(self, limits: MediaLimits) -> None:
        self.limits, self.ready, self.alive = limits, False, True
        self.job: int | None = None  # the number of the job under way
        ours, its = socket.socketpair()
        with its:
            self.connection = Connection(ours.detach())
            words = [json.dumps(sys.path), limits.model_dump_json(), str(its.fileno())]
            nowhere = subprocess.DEVNULL
            self.process = subprocess.Popen(
                [sys.executable, "-c", CHILD, *words], pass_fds=[its.fileno()],
                stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        self.deadline = time.monotonic() + START_SECONDS

    def begin(self, number: int, job: Job) -> None:
        self.job = number
        try:
            self.connection.send(job)
        except OSError:  # it died while idle; the next look at its pipe tells
            return
        if self.ready:
            self.deadline = time.monotonic() + self.limits.job_seconds

    def finish(self) -> int:
        number, self.job = self.job, None
        if number is None:
            raise ValueError("a child that had no job cannot finish one")
        return number

    def outcome(self) -> Outcome | None:
        """What became of the job; None where the child said only that it is there."""
        if not self.connection.poll():
            self.end()
            if not self.ready:
                raise EmotideError(f"a child process for decoding did not start within {START_SECONDS} s")
            return Outcome((), f"took longer than {self.limits.job_seconds:g} s to decode", self.limits.job_seconds)
        try:
            answer = self.connection.recv_bytes(self.limits.memory)
        except (EOFError, OSError):
            code = self.end()
            if not self.ready:
                raise EmotideError(f"a child process for decoding does not start (exit code {code})") from None
            return Outcome((), f"the decoder died ({_cause(code)})", 0.0)
        if not self.ready:
            self.ready, self.deadline = True, time.monotonic() + self.limits.job_seconds
            return None
        return _unpacked(answer)

    def end(self) -> int:
        """End the process; its exit code."""
        self.alive = False
        self.connection.close()  # a child that waits for a job ends by itself, one in a job does not
        try:
            return self.process.wait(0.2 if self.job is None else 0.02)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _cause(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _unpacked(answer: bytes) -> Outcome:
    try:
        end = HEAD + int.from_bytes(answer[:HEAD], "big")
        head = json.loads(answer[HEAD:end])
        arrays = []
        for kind, shape in head["arrays"]:
            count = math.prod(shape)
            arrays.append(np.frombuffer(answer, np.dtype(kind), count, end).reshape(shape).copy())
            end += arrays[-1].nbytes
        return Outcome(tuple(arrays), head["fault"], head["seconds"])
    except (ValueError, KeyError, TypeError) as error:
        return Outcome((), f"the decoder's answer cannot be read ({error})", 0.0)


def serve() -> None:
    """What a child does: read jobs from its pipe and answer them, until the pipe is closed."""
    limits, connection = MediaLimits.model_validate_json(sys.argv[2]), Connection(int(sys.argv[3]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    connection.send_bytes(b"here")
    while True:
        try:
            asked = connection.recv_bytes()
        except (EOFError, OSError):
            return
        signal.alarm(math.ceil(limits.job_seconds) + 1)  # should nobody be left to end this child
        answer = _answer(asked)
        signal.alarm(0)
        try:
            connection.send_bytes(answer)
        except OSError:
            return


def _answer(asked: bytes) -> bytes:
    start, fault = time.process_time(), None
    arrays: tuple[np.ndarray, ...] = ()
    try:
        function, arguments = pickle.loads(asked)
        arrays = tuple(function(*arguments))
        if not all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in arrays):
            raise TypeError("what came is not arrays of numbers")
        body = b"".join(array.tobytes() for array in arrays)
    except BadInput as error:
        fault = error.reason
    except MemoryError:
        fault = "needs more memory than a decoder may have"
    except Exception as error:  # whatever a decoder raises is a fault of the file
        fault = f"cannot be decoded ({type(error).__name__}: {str(error)[:200]})"
    arrays, body = (arrays, body) if fault is None else ((), b"")
    told = {"arrays": [[array.dtype.str, array.shape] for array in arrays], "fault": fault}
    head = json.dumps(told | {"seconds": time.process_time() - start}).encode()
    return len(head).to_bytes(HEAD, "big") + head + body
