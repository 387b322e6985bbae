"""The actors that hold the states of a network while events come, each a part under every model that is at work."""

import os
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import torch

from emotide.api import Emotide
from emotide.cluster.live_part import LivePart, News
from emotide.cluster.peers import Peers
from emotide.cluster.workers import THREADS, Actors, WorkersLost
from emotide.errors import NotYet
from emotide.live.forecast import Ids

READING, LOOKING, WATCHING = "reading", "looking", "watching"
GROUPS = {READING: 8, LOOKING: 8, WATCHING: 1}
"""Threads of an actor beside the one that steps: answers wait for what other parts look up, and this for nobody."""


def part_of(user: str, parts: int) -> int:
    """The part that holds a person, in all networks: anybody can tell without asking."""
    return zlib.crc32(user.encode()) % parts


class LiveWorker:
    """What an actor holds: a part of the network under each model that is at work or being built, and its peers."""

    def __init__(self, parts: int, number: int) -> None:
        torch.set_num_threads(THREADS)
        self.number, self.parts = number, parts
        self.peers = Peers()
        self.others: list[Any] = []
        self.held: dict[str, LivePart] = {}
        self.current: str | None = None

    def meet(self, place: tuple[str, int], meeting: str) -> None:
        """Find the workers of the other parts."""
        self.peers.part()
        self.peers = Peers.meet(place, meeting, self.number, self.parts)

    def know(self, actors: list[Any]) -> None:
        """The workers of all parts, for what readers ask."""
        self.others = actors

    def begin(self, name: str, emotide: Emotide, window: int) -> None:
        """States under a model, of nobody yet."""

        def ask(part: int, arguments: tuple[int, str, Sequence[Ids]]) -> Callable[[], Any]:
            import ray

            asked = self.others[part].look_up.options(concurrency_group=LOOKING).remote(name, *arguments)
            return lambda: got(ray, asked)

        self.held[name] = LivePart(emotide, self.number, self.parts, window, ask)

    def tell(self, name: str, news: News, method: str, *arguments: Any) -> Any:
        """Hear who came, and do something: a method of `LivePart`."""
        part = self.held[name]
        part.hear(news)
        try:
            return getattr(part, method)(*arguments, *([self.peers] if method == "step" else []))
        except BaseException:
            self.peers.part()  # so that the others do not wait
            raise

    def show(self, name: str) -> None:
        """Readers see the states of this name from now on; all others are forgotten."""
        self.current = name
        self.held = {name: self.held[name]}

    def answer(self, method: str, *arguments: Any) -> Any:
        """A method of `Answers`, or of the snapshot.

        Raises:
            NotYet: the states are being built.
        """
        part = self.held.get(self.current or "")
        if part is None:
            raise NotYet(1.0)
        return getattr(part.snapshot if method == "mood" else part.answers(), method)(*arguments)

    def look_up(self, name: str, version: int, method: str, ids: Sequence[Ids]) -> Any:
        """See `PartSnapshot.looked_up`; nothing is seen of a model that has gone."""
        part = self.held.get(name)
        return None if part is None else part.snapshot.looked_up(version, method, ids)

    def watch(self) -> None:
        """Wait for ever: whoever waits for the answer hears when this process dies."""
        threading.Event().wait()

    def pid(self) -> int:
        """Of this process."""
        return os.getpid()


class LiveCrew(Actors):
    """The actors that hold the parts of a live network."""

    def __init__(self, ray: Any, parts: int) -> None:
        self.watched: list[Any] = []
        self.whole, self._turn = False, threading.RLock()
        super().__init__(ray, parts, LiveWorker, (parts,), concurrency_groups=GROUPS)

    def check(self) -> None:
        """Whether all are there.

        Raises:
            WorkersLost: they are not.
        """
        if lost := self._lost():
            self.whole = False
        if not self.whole:
            raise WorkersLost(lost)

    def mend(self) -> None:
        """New actors where some died."""
        lost = self._lost()
        if lost or not self.whole:
            self.replace(lost)
            self.gather()

    def _lost(self) -> list[int]:
        """The parts whose actors have died."""
        dead = self.ray.wait(self.watched, num_returns=len(self.watched), timeout=0)[0]
        return [self.watched.index(one) for one in dead]

    def each(self, method: str, given: Any, meanwhile: Callable[[], None] | None = None) -> list[Any]:
        """See `Actors.each`; one after the other, for all parts must see the same order."""
        with self._turn:
            try:
                return super().each(method, given, meanwhile)
            except BaseException:
                self.whole = False
                raise

    def answer(self, part: int, method: str, *arguments: Any) -> Any:
        """What readers are told by a part.

        Raises:
            NotYet: the part is being made anew.
        """
        asked = self.actors[part].answer.options(concurrency_group=READING).remote(method, *arguments)
        return got(self.ray, asked)

    def _meet(self) -> None:
        super()._meet()
        self.all("know", self.actors)
        self.watched = [actor.watch.options(concurrency_group=WATCHING).remote() for actor in self.actors]
        self.whole = True


def got(ray: Any, asked: Any) -> Any:
    """An answer from an actor, or the very error that was raised there.

    Raises:
        NotYet: the actor has died; it is made anew.
    """
    try:
        return ray.get(asked)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayActorError:
        raise NotYet(1.0) from None
