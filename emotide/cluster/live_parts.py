"""A live engine whose states are in parts: one process takes events in and says who sees whom, actors hold the states.

The journal, the order of steps, names and pairs, the recommender and what asks the whole history are as in one process.
When an actor dies, the states are built again from the latest checkpoint and the journal behind it, as after any crash.
"""

import os
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int

from emotide.api import Emotide, SocialLog
from emotide.cluster.live_part import Handed, LivePart, News, Published
from emotide.cluster.peers import Peers
from emotide.cluster.share import Ends, shares
from emotide.cluster.workers import THREADS, Actors, WorkersLost
from emotide.errors import Busy
from emotide.live.answers import Answers
from emotide.live.clock import Clock
from emotide.live.config import LiveConfig
from emotide.live.engine import LiveEngine
from emotide.live.forecast import Ids
from emotide.live.kept import Kept
from emotide.live.one_step import Compiled
from emotide.live.people import Census
from emotide.live.served import Served
from emotide.live.snapshot import Mood, Snapshot
from emotide.live.stream import Moved, Stream, census_of
from emotide.train.observed import Observed
from emotide.vectors.encoders import Contents

READING, LOOKING, WATCHING = "reading", "looking", "watching"
GROUPS = {READING: 8, LOOKING: 8, WATCHING: 1}
"""Threads of an actor beside the one that steps: answers wait for what other parts look up, and this for nobody."""
Encode = Callable[[Any, Contents], Observed]
"""`encode(model, contents)`: vectors of posts by a model that was put into Ray's object store."""


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
            Busy: the states are being built.
        """
        part = self.held.get(self.current or "")
        if part is None:
            raise Busy(1.0)
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
            Busy: the part is being made anew.
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
        Busy: the actor has died; it is made anew.
    """
    try:
        return ray.get(asked)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayActorError:
        raise Busy(1.0) from None


class PartedCensus(Census):
    """People and pairs whose states are in parts; each person has an id there, see `emotide.cluster.share`."""

    def __init__(self, H_0: np.ndarray, A_0: np.ndarray, parts: int) -> None:
        super().__init__(None, H_0, A_0)
        self.parts, self.held = parts, np.zeros(parts, np.int64)
        self.ask: Callable[[str, list[tuple[Any, ...]]], list[Any]] | None = None

    def rows(self, network: pl.Series, user: pl.Series) -> Int[np.ndarray, " some"]:
        """See `Census.rows`."""
        before = len(self.names)
        found = super().rows(network, user)
        self.place(before)
        return found

    def place(self, first: int) -> None:
        """Give ids to people from a row on."""
        self.held[:] = self.held if first else 0
        for row, name in enumerate(self.names.names[first:], first):
            part = part_of(name[1] if name else "", self.parts)
            self.people.id[row] = self.held[part] * self.parts + part
            self.held[part] += 1

    def states(self, rows: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some state"]:
        """See `Census.states`; they are brought."""
        ids = self.people.id[rows]
        found = np.zeros((len(rows), len(self.H_0)), np.float32)
        mine = [np.flatnonzero(ids % self.parts == part) for part in range(self.parts)]
        assert self.ask is not None
        for some, H in zip(mine, self.ask("states", [(ids[some] // self.parts,) for some in mine]), strict=True):
            found[some] = H
        return found


class PartedStream(Stream):
    """A stream whose states are in parts.

    Args:
        emotide, clock: see `Stream`.
        crew: of the parts.
        name: of these states among those that the crew holds.
        observed: makes vectors of posts; the model's own encoder by default.
    """

    def __init__(
        self, emotide: Emotide, clock: Clock, crew: LiveCrew, name: str,
        observed: Callable[[Contents], Observed] | None,
    ) -> None:  # fmt: skip
        self.crew, self.name = crew, name
        self._told = self._networks = 0
        super().__init__(emotide.trained, emotide.spaces(), clock)
        self.compiler = type(self.compiler)(self.trained, self.compiler.spaces, observed)

    def _people(self) -> Census:
        begin = census_of(self.trained)
        census = PartedCensus(begin.H_0, begin.A_0, self.crew.parts)
        census.ask = self.tell
        return census

    def tell(self, method: str, given: list[tuple[Any, ...]]) -> list[Any]:
        """What each part returns, once it has heard who came."""
        names, networks, parts = self.census.names.names, self.census.networks.names, self.crew.parts
        came = [name for (name,) in networks[self._networks :]]
        people: list[list[tuple[str, ...]]] = [[] for _ in range(parts)]
        for row in range(self._told, len(names)):
            people[self.census.people.id[row] % parts].append(names[row])
        self._told, self._networks = len(names), len(networks)
        news = [News(came, some) for some in people]
        return self.crew.each("tell", [(self.name, one, method, *more) for one, more in zip(news, given, strict=True)])

    def every(self, method: str, *arguments: Any) -> list[Any]:
        """`tell`, all being given the same."""
        return self.tell(method, [arguments] * self.crew.parts)

    def _move(self, found: Compiled, step: int) -> None:
        tried = self._undo is not None
        self.tell("step", [(share, tried) for share in shares(found, step, self.census, self.crew.parts)])
        self.census.people.touched[found.user] = step

    @contextmanager
    def tried(self) -> Iterator[None]:
        """See `Stream.tried`."""
        with super().tried():
            yield
        self.every("back")

    def erase(self, users: Int[np.ndarray, " some"]) -> Moved:
        """See `Stream.erase`."""
        self.every("erase", self.census.people.id[users])
        return super().erase(users)

    def write(self, folder: Path) -> int:
        """See `Stream.write`: each part writes its own."""
        self.every("save", folder)
        return self.crew.parts

    def read(self, kept: Kept) -> None:
        """See `Stream.read`; however many parts there were when they were written."""
        census, parts = self.census, self.crew.parts
        assert isinstance(census, PartedCensus)
        people, pairs = census.people, census.pairs
        census.place(0)
        networks = [name for (name,) in census.networks.names]
        handed = []
        for part in range(parts):
            mine = np.flatnonzero(people.id % parts == part)
            own = np.flatnonzero(people.id[pairs.target] % parts == part)
            source, target = pairs.source[own], pairs.target[own]
            handed.append(
                Handed(
                    networks, [census.names.names[row] for row in mine.tolist()], people.network[mine],
                    people.touched[mine], kept.ids[mine], Ends(people.id[source], people.id[target] // parts),
                    pairs.first[own], pairs.seen[own], pairs.chance[own], kept.ids[source], kept.ids[target],
                )
            )  # fmt: skip
        self._told, self._networks = len(census.names), len(networks)
        self.tell("take_up", [(kept, one) for one in handed])


class PartedSnapshot(Snapshot):
    """What readers see of people and pairs; their states are shown by the parts."""

    def __init__(self, stream: PartedStream) -> None:
        super().__init__(stream.trained, stream.census)
        self.stream = stream

    def publish(self, moved: Moved) -> None:
        """See `Snapshot.publish`."""
        super().publish(moved)
        touched = np.unique(self.people.network[moved.users])
        self.stream.every("publish", Published(touched, self.last[touched], self.stream.origin or 0))

    def mood(self, row: int) -> Mood:
        """See `Snapshot.mood`."""
        at, parts = int(self.census.people.id[row]), self.stream.crew.parts
        found: Mood = self.stream.crew.answer(at % parts, "mood", at // parts)
        return found


class PartedAnswers(Answers):
    """Answers of the parts that hold whom they are about."""

    def __init__(self, served: "PartedServed") -> None:
        super().__init__(served.emotide, served.snapshot, served.space, 0, served.stream.clock.window)
        self.crew = served.crew

    def emotion(self, user: str, network: str | None, space: str | None, horizon: int) -> list[dict[str, Any]]:
        """See `Answers.emotion`."""
        found: list[dict[str, Any]] = self.crew.answer(
            part_of(user, self.crew.parts), "emotion", user, network, space, horizon
        )
        return found

    def now(self, rows: list[int]) -> list[dict[str, Any]]:
        """See `Answers.now`; by part."""
        told, ids = list[dict[str, Any]](), self.census.people.id[rows]
        for part in np.unique(ids % self.crew.parts).tolist():
            mine = ids[ids % self.crew.parts == part] // self.crew.parts
            told += self.crew.answer(part, "now", mine.tolist())
        return told


class PartedServed(Served):
    """A model at work whose states are in parts.

    Args:
        crew: of the parts.
        encode: see `Encode`; the model's own encoder by default.
        name: of these states among those that the crew holds.
    """

    def __init__(self, crew: LiveCrew, encode: Encode | None, name: str, emotide: Emotide, *more: Any) -> None:
        self.crew, self.encode, self.name = crew, encode, name
        super().__init__(emotide, *more)

    def _stream(self, clock: Clock) -> Stream:
        sent, encode = self.crew.ray.put(self.emotide), self.encode
        self.crew.all("begin", self.name, sent, clock.window)
        observed = (lambda contents: encode(sent, contents)) if encode else None
        return PartedStream(self.emotide, clock, self.crew, self.name, observed)

    def _snapshot(self) -> Snapshot:
        assert isinstance(self.stream, PartedStream)
        return PartedSnapshot(self.stream)

    @property
    def answers(self) -> Answers:
        """What the parts say."""
        return PartedAnswers(self)


class PartedEngine(LiveEngine):
    """`LiveEngine` with its states in parts; the same answers, and the same journal.

    Args:
        log, model, config, folder: see `LiveEngine.open`; all machines see the folder.
        crew: of the parts, who die with the engine.
        encode: see `Encode`; the model's own encoder, in this process, by default.
    """

    def __init__(
        self, log: SocialLog, model: Path, config: LiveConfig, folder: Path, crew: LiveCrew,
        encode: Encode | None = None,
    ) -> None:  # fmt: skip
        self.crew, self.encode, self._began = crew, encode, 0
        super().__init__(log, model, config, folder)

    def swap(self, model: Path | str) -> None:
        """See `LiveEngine.swap`."""
        try:
            super().swap(model)
        finally:
            self._show(self.served)

    def health(self) -> dict[str, Any]:
        """See `LiveEngine.health`."""
        return {**super().health(), "parts": self.crew.parts, "parts_lost": self.crew.losses}

    def close(self) -> None:
        """See `LiveEngine.close`; the parts end too."""
        super().close()
        self.crew.close()

    def _serving(self, emotide: Emotide, digest: str) -> Served:
        self._began += 1
        name, more = f"{digest} {self._began}", (self.log, self.config, self.folder, digest)
        return PartedServed(self.crew, self.encode, name, emotide, *more)

    def _built(self, model: Path) -> Served:
        self.crew.mend()
        return self._show(super()._built(model))

    def _show(self, served: Served) -> Served:
        assert isinstance(served, PartedServed)
        self.crew.all("show", served.name)
        return served

    def _taken(self) -> None:
        self.crew.check()
        super()._taken()
