"""The states of everybody on many workers: run to the end whatever dies meanwhile, and read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from torch import Tensor

from emotide.cluster.cut import cut
from emotide.cluster.partition import PARTITIONS
from emotide.cluster.run import Said
from emotide.cluster.session import ray_session
from emotide.cluster.workers import TRIES, Crew, WorkersLost
from emotide.errors import EmotideError
from emotide.model import AffectiveModel, Shown
from emotide.model.trace import SHOWN, Trace
from emotide.timeline import Timeline

EVERY = 10  # steps between checkpoints
Meanwhile = Callable[[Crew, int], None]


def write_parts(timeline: Timeline, vectors: Tensor, parts: int, folder: Path, partition: str = "community") -> None:
    """Cut a timeline, and save its parts where all machines see them."""
    dealt = PARTITIONS[partition](timeline, parts) if parts > 1 else np.zeros(len(timeline.users), np.int32)
    for part in cut(timeline, dealt, parts, vectors.cpu().numpy()):
        part.save(folder / str(part.number))


def run_states(
    crew: Crew,
    model: AffectiveModel,
    steps: int,
    reports: str,
    checkpoints: Path,
    horizon: int = 0,
    every: int = EVERY,
    overlapping: bool = True,
    meanwhile: Meanwhile | None = None,
) -> list[Said]:
    """All steps of all parts, then those beyond the end.

    Each `every` steps all workers write their states. When one dies, the others go back to the last steps that all had
    written, a new one takes them up from there too, and nothing that was said is lost or said twice.

    Args:
        crew: of the parts.
        model: in evaluation mode.
        steps: of the parts.
        reports: 'hidden' or 'known'.
        checkpoints: a folder that all machines see.
        horizon: steps beyond the end.
        every: steps between two checkpoints.
        overlapping: see `PartBorders`.
        meanwhile: called with the crew and the first step while workers are at some steps.

    Raises:
        EmotideError: workers died again and again, and nothing got done.
    """
    sent = crew.ray.put(model)
    ends = [*range(every, steps, every), steps]
    work = [("steps", (end - (end - 1) % every - 1, end, str(checkpoints)), end) for end in ends if steps]
    ahead = [("beyond", (k,)) for k in range(1, horizon + 1)]
    said, done, failed = list[Said](), 0, 0
    crew.all("ready", sent, reports, overlapping)
    while done < len(work) + bool(ahead):
        try:
            if done < len(work):
                method, arguments, _ = work[done]
                hook = partial(meanwhile, crew, int(arguments[0])) if meanwhile else None
                said += crew.all(method, *arguments, meanwhile=hook)
            else:
                said += [one for method, asked in ahead for one in crew.all(method, *asked)]
            done, failed = done + 1, 0
        except WorkersLost as error:
            failed += 1
            if failed > TRIES:
                raise EmotideError(f"workers died {failed} times in the same steps; see Ray's logs for why") from error
            _recovered(crew, error.lost, sent, reports, overlapping, checkpoints, work[done - 1][2] if done else 0)
    return said


def _recovered(
    crew: Crew, lost: list[int], model: Any, reports: str, overlapping: bool, checkpoints: Path, done: int
) -> None:
    """New workers where some died, and all of them at the states after `done` steps."""
    crew.replace(lost)
    for _ in range(TRIES):
        try:
            crew.gather()
            crew.all("ready", model, reports, overlapping)
            crew.all("back", str(checkpoints), done)
            return
        except WorkersLost as error:
            crew.replace(error.lost)
    raise EmotideError(f"{TRIES} times on end workers died while they took up their states; see Ray's logs for why")


class ClusterTrace:
    """`emotide.model.trace.trace` on Ray workers.

    Args:
        address: of a cluster; None or '' starts one here.
        workers: how many parts.
        partition: a key of `PARTITIONS`.
        room: a folder that all machines see; a temporary one by default.
    """

    def __init__(
        self, address: str | None = None, workers: int = 2, partition: str = "community", room: Path | None = None
    ) -> None:
        self.address, self.workers, self.partition, self.room = address, workers, partition, room

    def __call__(
        self, model: AffectiveModel, timeline: Timeline, vectors: Tensor, shown: Shown | None, horizon: int = 0
    ) -> Trace:
        """The recognition of every active user at every step, and forecasts of all users beyond the last.

        Rows stand by network, step and user.
        """
        reports = next(name for name, one in SHOWN.items() if one is shown)
        with (
            TemporaryDirectory(prefix="emotide-parts-", dir=self.room) as folder,
            ray_session(self.address, self.workers) as ray,
        ):
            write_parts(timeline, vectors, self.workers, Path(folder), self.partition)
            with Crew(ray, Path(folder), self.workers) as crew:
                steps = timeline.group().steps
                said = run_states(crew, model, steps, reports, Path(folder) / "states", horizon)
        return in_order(timeline, said)


def in_order(timeline: Timeline, said: list[Said]) -> Trace:
    """What parts said, by network, whether it is a forecast, step and user."""
    user, step, horizon, Y = (
        np.concatenate([getattr(one, name) for one in said]) for name in ("user", "step", "horizon", "Y")
    )
    network = timeline.users["network_row"].to_numpy()[user]
    order = np.lexsort((user, step, horizon, network))
    return Trace(user[order], step[order], horizon[order], Y[order])
