"""A small town, a model of it, and its log as events."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from emotide.api import Emotide, Recipe, SocialLog
from emotide.demo.town import TownConfig, simulate
from emotide.live import LiveConfig, LiveEngine

SMALL = {"state": 12, "influence": 6, "observed": 12, "width": 16, "pair_width": 8}
LATER = "2024-03-25T12:00:00Z"
TYPES = {"posts": "post", "interactions": "interaction", "ties": "tie", "labels": "label"}


class Town(NamedTuple):
    """A log, its model, and all that happened as events in order of time; items come with the log."""

    log: SocialLog
    emotide: Emotide
    model: Path
    events: list[dict[str, Any]]
    items: Path


def as_event(name: str, number: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a table as an event."""
    told = {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
    told |= json.loads(told.pop("dimensions", None) or "{}")
    return {"event_id": f"{name}-{number}", "type": TYPES[name]} | {
        key: value for key, value in told.items() if value is not None and value != ""
    }


def states(engine):
    """The states by name, as readers see them."""
    assert engine.settle()
    snapshot, names = engine.served.snapshot, engine.served.stream.census.names.names
    return {name: snapshot.people.H[row].copy() for row, name in enumerate(names) if name}


def assert_same(mine, theirs, atol=0.0):
    assert mine.keys() == theirs.keys()
    for name, H in mine.items():
        np.testing.assert_allclose(H, theirs[name], rtol=0, atol=atol, err_msg=str(name))


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """20 people, 16 days, few neighbours at once, so that they are drawn."""
    folder = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTIDE_CACHE", str(folder / "cache"))
        simulate(folder / "town", TownConfig(people=20, days=16, seed=2))
        log = SocialLog.open(folder / "town.db")
        log.ingest(folder / "town" / "log")
        recipe = Recipe().changed(
            {"text": "words", "text_width": 8}, timeline={"step": "1d", "max_neighbours": 3}, network=SMALL,
            train={"epochs": 2, "updates": 4, "seed": 0}, recommend={"steps": 20, "batch": 32, "seed": 0},
        )  # fmt: skip
        emotide = Emotide.fit(log, recipe)
        emotide.save_pretrained(folder / "model")
        events = [
            as_event(name, number, row)
            for name in TYPES
            for number, row in enumerate(log.table(name).iter_rows(named=True))
            if row.get("kind") not in ("reply", "mention")  # these follow from the posts
        ]
        events.sort(key=lambda event: event.get("time", ""))
        yield Town(log, emotide, folder / "model", events, folder / "town" / "log" / "items.csv")


@pytest.fixture
def opened(town: Town, tmp_path: Path) -> Iterator[Callable[..., LiveEngine]]:
    """`opened()`: an engine on a store of the test's own, which holds the items alone."""
    engines = []
    SocialLog.open(tmp_path / "live.db").ingest(town.items)

    def open_engine(**changed: Any) -> LiveEngine:
        engine = LiveEngine.open(
            str(tmp_path / "live.db"), town.model, LiveConfig(refresh=0.0).model_copy(update=changed), tmp_path / "live"
        )
        engines.append(engine)
        return engine

    yield open_engine
    for engine in engines:
        engine.close()


@pytest.fixture(scope="session")
def expected(town, tmp_path_factory):
    """The states of an engine that nothing interrupted."""
    folder = tmp_path_factory.mktemp("expected")
    SocialLog.open(folder / "live.db").ingest(town.items)
    engine = LiveEngine.open(str(folder / "live.db"), town.model, LiveConfig(), folder / "live")
    for first in range(0, len(town.events), 100):
        engine.accept(town.events[first : first + 100])
    found = states(engine)
    engine.close()
    return found
