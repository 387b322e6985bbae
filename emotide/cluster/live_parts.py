"""A live engine whose states are in parts: one process takes events in and says who sees whom, actors hold the states.

The journal, the order of steps, names and pairs, the recommender and what asks the whole history are as in one process.
When an actor dies, the states are built again from the latest checkpoint and the journal behind it, as after any crash.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.api import Emotide, SocialLog
from emotide.cluster.encoders import Encoders
from emotide.cluster.live_crew import LiveCrew, part_of
from emotide.cluster.live_part import Handed, News, Published
from emotide.cluster.session import ray_session
from emotide.cluster.share import Ends, shares
from emotide.live.answers import Answers
from emotide.live.building import Building
from emotide.live.clock import Clock
from emotide.live.config import LiveConfig
from emotide.live.engine import LiveEngine
from emotide.live.kept import Kept
from emotide.live.one_step import Compiled
from emotide.live.people import Census
from emotide.live.served import Served
from emotide.live.snapshot import Mood, Snapshot
from emotide.live.stream import Moved, Stream, census_of
from emotide.train.observed import Observed
from emotide.train.trained import vector_cache
from emotide.vectors.encoders import Contents


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
        self.compiler = replace(self.compiler, observed=observed)

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
        touched = np.unique(self.census.people.network[moved.users])
        last = self._lately(moved)[touched]
        self.stream.every("publish", Published(touched, last, self.stream.origin or 0))
        super().publish(moved)  # whom this process knows, the parts know already

    def mood(self, row: int) -> Mood:
        """See `Snapshot.mood`."""
        at, parts = int(self.census.people.id[row]), self.stream.crew.parts
        told = self.stream.crew.answer(at % parts, "mood", at // parts)
        return Mood(*(table.copy() for table in told))  # what Ray hands over cannot be written to


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
        encoders: that encode texts; this process does by default.
        name: of these states among those that the crew holds.
    """

    def __init__(self, crew: LiveCrew, encoders: Encoders | None, name: str, emotide: Emotide, *more: Any) -> None:
        self.crew, self.encoders, self.name = crew, encoders, name
        super().__init__(emotide, *more)

    def _stream(self, clock: Clock) -> Stream:
        self.crew.all("begin", self.name, self.crew.ray.put(self.emotide), clock.window)
        return PartedStream(self.emotide, clock, self.crew, self.name, self._observed())

    def _observed(self) -> Callable[[Contents], Observed] | None:
        """What makes vectors of posts; None: the model does alone."""
        encoders, trained = self.encoders, self.emotide.trained
        if encoders is None or trained.text.name == "words" or "text" not in trained.layout.names:
            return None
        sent, text, cache = self.crew.ray.put(trained.text), trained.text, vector_cache()

        def observed(contents: Contents) -> Observed:
            cache.vectors(text.name, text.width, contents.texts, partial(encoders.encode, sent))
            return trained.observed(contents)  # which finds them there

        return observed

    def _snapshot(self) -> Snapshot:
        assert isinstance(self.stream, PartedStream)
        return PartedSnapshot(self.stream)

    @property
    def answers(self) -> Answers:
        """What the parts say."""
        return PartedAnswers(self)


class PartedBuilding(Building):
    """`Building` whose states are in parts.

    Args:
        crew, encoders: see `PartedEngine`.
        more: as for `Building`.
    """

    def __init__(self, crew: LiveCrew, encoders: Encoders | None, *more: Any) -> None:
        self.crew, self.encoders, self._began = crew, encoders, 0
        super().__init__(*more)

    def serving(self, emotide: Emotide, digest: str) -> Served:
        """See `Building.serving`."""
        self._began += 1
        name, more = f"{digest} {self._began}", (self.log, self.config, self.folder, digest)
        return PartedServed(self.crew, self.encoders, name, emotide, *more)

    def built(self, model: Path) -> Served:
        """See `Building.built`; new actors come where some died."""
        self.crew.mend()
        served = super().built(model)
        self.show(served)
        return served

    def show(self, served: Served) -> None:
        """Readers see these states from now on."""
        assert isinstance(served, PartedServed)
        self.crew.all("show", served.name)


class PartedEngine(LiveEngine):
    """`LiveEngine` with its states in parts; the same answers, and the same journal.

    Args:
        log, model, config, folder: see `LiveEngine.open`; all machines see the folder.
        crew: of the parts, who die with the engine.
        encoders: that encode texts, and end with the engine; this process does by default.
    """

    def __init__(
        self, log: SocialLog, model: Path, config: LiveConfig, folder: Path, crew: LiveCrew,
        encoders: Encoders | None = None,
    ) -> None:  # fmt: skip
        self.crew, self.encoders = crew, encoders
        self.parted = PartedBuilding(crew, encoders, log, config, folder)
        super().__init__(log, model, config, folder, self.parted)

    def swap(self, model: Path | str) -> None:
        """See `LiveEngine.swap`."""
        try:
            super().swap(model)
        finally:
            self.parted.show(self.served)

    def health(self) -> dict[str, Any]:
        """See `LiveEngine.health`."""
        return {**super().health(), "parts": self.crew.parts, "parts_lost": self.crew.losses}

    def close(self) -> None:
        """See `LiveEngine.close`; the parts end too."""
        super().close()
        for one in (self.crew, self.encoders):
            if one is not None:
                one.close()

    def _taken(self) -> None:
        self.crew.check()
        super()._taken()


@contextmanager
def engines_in_parts(address: str | None, parts: int, encoders: int = 0) -> Iterator[Callable[[str, Path], LiveEngine]]:
    """What opens an engine on a store and a model's folder, as `LiveEngine.open` does, but in parts on Ray.

    Args:
        address: of a cluster whose machines all see the model's folder; None or '' starts one here.
        parts: of the network.
        encoders: replicas that encode texts; 0: the engine's process does.

    Raises: as `ray_session`.
    """
    with ray_session(address, parts + encoders) as ray:

        def opened(store: str, model: Path) -> LiveEngine:
            crew, replicas = LiveCrew(ray, parts), Encoders(ray, encoders) if encoders else None
            try:
                return PartedEngine(SocialLog.open(store), model, LiveConfig(), model / "live", crew, replicas)
            except BaseException:
                for one in (crew, replicas):
                    if one is not None:
                        one.close()
                raise

        yield opened
