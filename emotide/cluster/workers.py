"""One Ray actor for each part, and who makes those anew that die."""

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from emotide.cluster.part import Part
from emotide.cluster.peers import PeerLost, Peers, Traffic, gloo
from emotide.cluster.run import PartRun, Said
from emotide.cluster.training import PartTraining
from emotide.errors import EmotideError
from emotide.model import AffectiveModel
from emotide.train.config import TrainConfig

TRIES = 20  # losses on end, with nothing done between them, after which it is given up
GRACE = 15.0  # seconds in which a worker must tell that it lost another, before it is replaced too
THREADS = 1  # of torch, in each worker


class WorkersLost(EmotideError):
    """Workers died, or do not find each other any more."""

    def __init__(self, lost: list[int]) -> None:
        self.lost = lost
        super().__init__(f"workers of parts {lost} are gone")


class PartWorker:
    """What an actor holds: a part, its states, and its peers."""

    def __init__(self, folder: str, number: int) -> None:
        torch.set_num_threads(THREADS)
        self.part = Part.load(Path(folder) / str(number))
        self.peers = Peers()
        self.run: PartRun | None = None

    def meet(self, place: tuple[str, int], meeting: str) -> None:
        """Find the workers of the other parts."""
        self.peers.part()
        self.peers = Peers.meet(place, meeting, self.part.number, self.part.parts)
        if self.run is not None:
            self.run.borders.peers = self.peers

    def ready(self, model: AffectiveModel, reports: str, overlapping: bool = True) -> None:
        """States of people of whom nothing is known; those that are there stay."""
        if self.run is None:
            self.run = PartRun(model, self.part, self.peers, reports, overlapping)

    def steps(self, first: int, last: int, checkpoints: str | None) -> Said:
        """Run some steps, and keep the states after them."""
        return self._told(lambda run: run.run(first, last), last, checkpoints)

    def beyond(self, k: int) -> Said:
        """The k-th step beyond the end."""
        return self._told(lambda run: run.beyond(k), 0, None)

    def back(self, checkpoints: str, done: int) -> None:
        """Go back to the states after `done` steps."""
        self._running().restore(Path(checkpoints), done)

    def states(self) -> dict[str, Any]:
        """H and M of those whose states are here."""
        return self._running().states()

    def fit(
        self, model: AffectiveModel, classes: dict[str, torch.Tensor], config: TrainConfig, checkpoint: str
    ) -> tuple[dict[str, torch.Tensor] | None, list[dict[str, float]]]:
        """Train over all parts; the weights come from the first of them, what happened from each."""
        try:
            history = PartTraining(model, self.part, self.peers, classes, config).fit(Path(checkpoint))
        except BaseException:
            self.peers.part()
            raise
        weights = {name: value.clone() for name, value in model.state_dict().items()} if not self.part.number else None
        return weights, history.rows

    def traffic(self) -> Traffic:
        """What went over the wire so far."""
        return self.peers.traffic

    def cpu(self) -> float:
        """Seconds that this process worked."""
        return time.process_time()

    def pid(self) -> int:
        """Of this process."""
        return os.getpid()

    def _running(self) -> PartRun:
        if self.run is None:
            raise EmotideError("this worker has no states yet")
        return self.run

    def _told(self, work: Callable[[PartRun], Said], done: int, checkpoints: str | None) -> Said:
        try:
            said = work(self._running())
        except BaseException:
            self.peers.part()  # so that the others do not wait
            raise
        if checkpoints is not None:
            self._running().save(Path(checkpoints), done)
        return said


class Actors:
    """The actors of all parts, who know each other.

    Args:
        ray: the module, connected.
        worker: their class, which has a method `meet`.
        arguments: that each is made with, its number following.
        options: of Ray's actors.
    """

    def __init__(self, ray: Any, parts: int, worker: type, arguments: tuple[Any, ...] = (), **options: Any) -> None:
        self.ray, self.parts, self.arguments = ray, parts, arguments
        self.address = ray.util.get_node_ip_address()
        self.store = gloo.TCPStore("0.0.0.0", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
        self.meetings = 0
        self.losses = 0
        self._worker = ray.remote(num_cpus=1, max_restarts=0, scheduling_strategy="SPREAD", **options)(worker)
        self.actors = [self._made(number) for number in range(parts)]
        self.gather()

    def close(self) -> None:
        """End them."""
        for actor in self.actors:
            self.ray.kill(actor)

    def gather(self) -> None:
        """Workers for all parts that have none, and all meet."""
        for _ in range(TRIES):
            try:
                self.meetings += 1
                return self._meet()
            except WorkersLost as error:
                self.replace(error.lost)
        raise EmotideError(f"{TRIES} times on end workers died before they had met; see Ray's logs for why")

    def replace(self, lost: list[int]) -> None:
        """New workers in the place of those that died."""
        self.losses += len(lost)
        for number in lost:
            self.actors[number] = self._made(number)

    def all(self, method: str, *arguments: Any, meanwhile: Callable[[], None] | None = None) -> list[Any]:
        """What each worker returns.

        Args:
            method, arguments: what is asked of all.
            meanwhile: called while they are at it.

        Raises:
            WorkersLost: some died (they are named), or only lost each other (none is).
        """
        return self.each(method, [arguments] * self.parts, meanwhile)

    def each(
        self, method: str, given: Sequence[tuple[Any, ...]], meanwhile: Callable[[], None] | None = None
    ) -> list[Any]:
        """`all`, each being given arguments of its own."""
        asked = [getattr(actor, method).remote(*mine) for actor, mine in zip(self.actors, given, strict=True)]
        if meanwhile is not None:
            meanwhile()
        pending, found, lost, apart = (
            dict(zip(asked, range(self.parts), strict=True)),
            dict[int, Any](),
            list[int](),
            False,
        )
        while pending:
            ready, _ = self.ray.wait(list(pending), num_returns=1, timeout=GRACE if lost or apart else None)
            if not ready:  # they wait for somebody who will not come
                for number in pending.values():
                    self.ray.kill(self.actors[number])
                lost += pending.values()
                break
            number = pending.pop(ready[0])
            try:
                found[number] = self.ray.get(ready[0])
            except self.ray.exceptions.RayActorError:
                lost.append(number)
            except PeerLost:
                apart = True
        if lost or apart:
            raise WorkersLost(sorted(lost))
        return [found[number] for number in range(self.parts)]

    def _meet(self) -> None:
        self.all("meet", (self.address, self.store.port), str(self.meetings))

    def _made(self, number: int) -> Any:
        return self._worker.remote(*self.arguments, number)


class Crew(Actors):
    """The workers of the parts of a timeline.

    Args:
        ray: the module, connected.
        folder: where the parts were saved, each in a folder of its number; all machines see it.
        parts: how many.
    """

    def __init__(self, ray: Any, folder: Path, parts: int) -> None:
        super().__init__(ray, parts, PartWorker, (str(folder),))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
