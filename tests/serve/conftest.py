"""A service in this process, and one engine of memory for what a real one does too seldom: it is busy, slow, broken."""

import asyncio
import queue
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx
import pytest

from emotide.demo.town import TownConfig, simulate
from emotide.errors import UnknownName
from emotide.live.engine import LiveEngine
from emotide.serve.app import create_app
from emotide.serve.run import Server
from emotide.serve.settings import ServiceSettings
from emotide.serve.tokens import Keyring

NOW = datetime(2024, 5, 1, tzinfo=UTC)


class Memory:
    """What the contract says of an engine, with one person and no mathematics; `trouble` is raised by every method."""

    def __init__(self) -> None:
        self.people, self.ids = {"ana", "bo/c d", "李"}, set()
        self.trouble: Exception | None = None
        self.pause = threading.Event()
        self.pause.set()
        self.calls: list[tuple[Any, ...]] = []
        self.heard: list[queue.Queue] = []
        self.closed = False

    def _asked(self, *call: Any) -> None:
        self.calls.append(call)
        self.pause.wait(30)
        if self.trouble is not None:
            raise self.trouble

    def accept(self, events: Sequence[Mapping[str, Any]]) -> list[Any]:
        self._asked("accept", events)
        found = []
        for event in events:
            status = "known" if event["event_id"] in self.ids else "new"
            reason = None
            if event.get("user_id") == "nobody":
                status, reason = "refused", "nobody says nothing"
            else:
                self.ids.add(event["event_id"])
            found.append(SimpleNamespace(event_id=event["event_id"], status=status, reason=reason))
        return found

    feedback = accept

    def _person(self, user: str) -> None:
        if user not in self.people:
            raise UnknownName("user", user, self.people)

    def emotion(self, user: str, *, network: str | None = None, space: str | None = None, horizon: int = 0):
        self._asked("emotion", user, network, space, horizon)
        self._person(user)
        row = {"user_id": user, "network": "", "time": NOW, "space": space or "polarity", "reading": "negative"}
        return [row | {"horizon": k, "probabilities": {"negative": 0.75, "positive": 0.25}} for k in range(horizon + 1)]

    def influences(self, user: str, *, top: int = 10):
        self._asked("influences", user, top)
        self._person(user)
        row = {"source_id": "bo", "target_id": user, "network": "", "time": NOW}
        return [row | {"effect": 0.1, "strength": float("nan"), "p_value": None}]

    def demand(self, *, by: str = "network", user: str | None = None, least: int = 5):
        self._asked("demand", by, user, least)
        if user is not None:
            self._person(user)
        return [{"group": user or by, "time": NOW, "topic": "walks", "value": 1.0, "share": 0.5, "n": least}]

    def recommend(self, user: str, *, top: int = 5, network: str | None = None):
        self._asked("recommend", user, top, network)
        self._person(user)
        row = {"decision_id": "d", "item_id": "i", "value": 1.0, "propensity": 1.0, "reason": "likes walks"}
        return [row | {"rank": k + 1} for k in range(top)]

    def forget(self, user: str) -> dict[str, Any]:
        self._asked("forget", user)
        self._person(user)
        self.people.remove(user)
        return {"rows": 1}

    def spaces(self) -> list[dict[str, Any]]:
        self._asked("spaces")
        return [{"name": "polarity", "names": ["negative", "positive"]}]

    def swap(self, model: Path) -> None:
        self._asked("swap", model)

    def checkpoint(self) -> Path:
        self._asked("checkpoint")
        return Path("/somewhere/checkpoint-1")

    def health(self) -> dict[str, Any]:
        self._asked("health")
        return {"accepted": len(self.ids), "applied": 0, "model": "abc"}

    def subscribe(self) -> "Heard":
        heard = Heard()
        self.heard.append(heard)
        return heard

    def close(self) -> None:
        self.closed = True


class Heard:
    def __init__(self) -> None:
        self.rows: queue.Queue = queue.Queue()
        self.erased: set[str] = set()

    def still(self, row: Mapping[str, Any]) -> bool:
        return row["user_id"] not in self.erased

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows.get, None)

    def close(self) -> None:
        self.rows.put(None)


RECIPE = """
text_width = 8
[timeline]
step = "1d"
[network]
state = 16
influence = 8
observed = 16
width = 32
pair_width = 16
[train]
epochs = 1
updates = 2
[recommend]
steps = 10
batch = 64
"""


class Place(NamedTuple):
    """Where a store and a model lie."""

    store: Path
    model: Path


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., Any]) -> Place:
    """12 people, 18 days, and a model that has learned a little."""
    folder = tmp_path_factory.mktemp("served")
    simulate(folder, TownConfig(people=12, days=18))
    (folder / "recipe.toml").write_text(RECIPE)
    place = Place(folder / "town.db", folder / "model")
    assert command("ingest", folder / "log", "--store", place.store).code == 0
    told = command("train", "--store", place.store, "--model", place.model, "--config", folder / "recipe.toml")
    assert told.code == 0, told.err
    return place


@pytest.fixture
def place(trained: Place, tmp_path: Path) -> Place:
    """The same, to be changed."""
    shutil.copytree(trained.model, tmp_path / "model")
    shutil.copyfile(trained.store, tmp_path / "town.db")
    return Place(tmp_path / "town.db", tmp_path / "model")


@pytest.fixture
def live(place: Place) -> Iterator[LiveEngine]:
    """The real engine on it."""
    engine = LiveEngine.open(str(place.store), place.model)
    yield engine
    engine.close()


@pytest.fixture
def memory() -> Iterator[Memory]:
    engine = Memory()
    yield engine
    engine.pause.set()


class Asked:
    """A service that is asked in this process, without a socket; its methods return responses."""

    def __init__(self, app: Any, headers: Mapping[str, str] | None = None) -> None:
        self.app, self.headers = app, dict(headers or {})

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers={**self.headers, **(headers or {})}, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)

    def bearing(self, token: str) -> "Asked":
        return Asked(self.app, {"Authorization": f"Bearer {token}"})


@pytest.fixture
def asked() -> Callable[..., Asked]:
    """`asked(engine, keyring=None, rate=…)`: a service around an engine, with these limits."""

    def make(engine: Any, keyring: Keyring | None = None, **limits: Any) -> Asked:
        return Asked(create_app(engine, ServiceSettings(**{"rate": 1e6, "burst": 10**6, **limits}), keyring))

    make.around = Asked  # type: ignore[attr-defined]
    return make


def problem(response: httpx.Response, status: int) -> dict[str, Any]:
    """What a response says went wrong, in the one shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert set(told) == {"type", "title", "status", "detail", "errors"}
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert told["detail"]
    return told


@pytest.fixture
def says() -> Callable[..., dict[str, Any]]:
    return problem


@pytest.fixture
def listening() -> Iterator[Callable[..., tuple[str, int]]]:
    """`listening(engine, keyring=None, rate=…)`: a real server around an engine, in a thread; its host and port."""
    running = []

    def start(engine: Any, keyring: Keyring | None = None, **limits: Any) -> tuple[str, int]:
        settings = ServiceSettings(**{"rate": 1e6, "burst": 10**6, **limits})
        lines: queue.Queue = queue.Queue()
        server = Server(create_app(engine, settings, keyring), "127.0.0.1", 0, settings, lines.put)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        return "127.0.0.1", int(lines.get(timeout=20).rpartition(":")[2])

    start.running = running  # type: ignore[attr-defined]
    yield start
    for server, thread in running:
        server.handle_exit(signal.SIGTERM, None)
        thread.join(20)
        assert not thread.is_alive()
