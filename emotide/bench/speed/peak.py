"""The most memory that one side takes for a pass of training and one of inference, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emotide.bench.rivals.tgn import Stream
from emotide.bench.speed.sides import Ours, Theirs, drawn_from
from emotide.bench.speed.streams import Both
from emotide.bench.speed.timing import peak_gb
from emotide.timeline import Timeline
from emotide.train.candidates import Candidates


def written(both: Both, folder: Path) -> None:
    """What each side starts from: a compiled timeline and vectors; tensors, and negatives drawn beforehand."""
    both.timeline.save(folder / "timeline")
    np.save(folder / "vectors.npy", both.vectors.numpy())
    columns = {name: np.asarray(value) for name, value in vars(both.stream).items()}
    asked = drawn_from(both.timeline.group(), 0)._asdict()
    columns |= {f"negative_{kind}": column for kind, column in asked.pop("negative").items()}
    columns |= {f"asked_{name}": column for name, column in asked.items()}
    (folder / "stream").mkdir()
    for name, column in columns.items():
        np.save(folder / "stream" / f"{name}.npy", column)


def ours(folder: Path) -> None:
    """A pass of training and one of inference."""
    timeline, vectors = Timeline.load(folder / "timeline"), torch.from_numpy(np.load(folder / "vectors.npy"))
    asked = _asked(_held(folder))
    side = Ours(timeline, vectors, lambda run: asked)
    side.train(1, lambda run: None)
    side.infer(0)


def theirs(folder: Path) -> None:
    """The same of TGN."""
    held = _held(folder)
    source, target, time, message = (torch.from_numpy(held[name]) for name in ("source", "target", "time", "message"))
    asked = _asked(held)
    side = Theirs(Stream(source, target, time, message, held["step"], int(held["users"])), lambda run: asked)
    side.train(0)
    side.infer(0)


def _held(folder: Path) -> dict[str, np.ndarray]:
    return {file.stem: np.load(file) for file in sorted((folder / "stream").iterdir())}


def _asked(held: dict[str, np.ndarray]) -> Candidates:
    negative = {name.removeprefix("negative_"): column for name, column in held.items() if name.startswith("negative_")}
    return Candidates(held["asked_source"], held["asked_target"], held["asked_step"], negative)


SIDES: dict[str, Callable[[Path], None]] = {"ours": ours, "tgn": theirs}


def peaks(folder: Path) -> dict[str, dict[str, float]]:
    """Of each side: GB that the libraries take, and the most that there ever was in memory."""
    found: dict[str, dict[str, float]] = {}
    for side in SIDES:
        call = [sys.executable, "-m", "emotide.bench.speed.peak", side, str(folder), str(torch.get_num_threads())]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the process of {side} ended with {done.returncode}: {done.stderr[-2000:]}")
        found[side] = json.loads(done.stdout)
    return found


def _measured(side: str, folder: Path, threads: int) -> dict[str, Any]:
    before = peak_gb()
    torch.set_num_threads(threads)
    SIDES[side](folder)
    return {"libraries_gb": before, "peak_gb": peak_gb()}


if __name__ == "__main__":
    print(json.dumps(_measured(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
