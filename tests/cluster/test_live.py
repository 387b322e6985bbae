"""A live engine in parts: the answers of one process, whoever dies meanwhile, and however many parts go on."""

import time
import warnings

import numpy as np
import pytest

from emotide.api import SocialLog
from emotide.cluster.live_parts import LiveCrew, PartedEngine, part_of
from emotide.cluster.session import ray_session
from emotide.errors import UnknownName
from emotide.live import LiveConfig, LiveEngine
from tests.live.conftest import town  # noqa: F401

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
HALF = 600  # events


@pytest.fixture(scope="module")
def ray():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ray_session(None, 2) as module:
            yield module


def opened(ray, town, folder, parts=0):  # noqa: F811
    """An engine on a store of this folder, in one process or in parts."""
    folder.mkdir(exist_ok=True)
    if not (folder / "live.db").exists():
        SocialLog.open(folder / "live.db").ingest(town.items)
    if not parts:
        return LiveEngine.open(str(folder / "live.db"), town.model, LiveConfig(), folder / "live")
    crew = LiveCrew(ray, parts)
    return PartedEngine(SocialLog.open(folder / "live.db"), town.model, LiveConfig(), folder / "live", crew)


def told(engine, horizon=3):
    """What is told of everybody, now and later."""
    assert engine.settle()
    names = sorted({name[1] for name in engine.served.stream.census.names.names if name})
    return {name: engine.emotion(name, horizon=horizon) for name in names}


def assert_same(mine, theirs):
    assert mine.keys() == theirs.keys()
    for name, rows in theirs.items():
        assert [(row["time"], row["horizon"], row["network"]) for row in mine[name]] == [
            (row["time"], row["horizon"], row["network"]) for row in rows
        ]
        for row, other in zip(mine[name], rows, strict=True):
            assert row["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5), name


@pytest.fixture(scope="module")
def expected(town, tmp_path_factory):  # noqa: F811
    """What one process tells after the first half of the events, after all, and of whom each step holds pairs."""
    folder = tmp_path_factory.mktemp("one")
    engine = opened(None, town, folder)
    engine.accept(town.events[:HALF])
    first = told(engine)
    engine.accept(town.events[HALF:])
    last = told(engine)
    engine.close()
    return first, last


def test_two_parts_tell_what_one_process_tells_whoever_dies(ray, town, expected, tmp_path):  # noqa: F811
    engine = opened(ray, town, tmp_path / "two", 2)
    assert {receipt.status for receipt in engine.accept(town.events[:HALF])} == {"new"}
    assert_same(told(engine), expected[0])
    census = engine.served.stream.census
    across = census.people.id[census.pairs.source] % 2 != census.people.id[census.pairs.target] % 2
    assert 0 < across.sum() < len(across)  # else nothing was exchanged
    ray.kill(engine.crew.actors[1])
    found = engine.accept(town.events[HALF - 50 :])
    assert [receipt.status for receipt in found[:50]] == ["known"] * 50
    assert_same(told(engine), expected[1])
    assert (engine.health()["recoveries"], engine.health()["parts_lost"]) == (1, 1)
    with pytest.raises(UnknownName):
        engine.emotion("nobody")

    ray.kill(engine.crew.actors[0])  # nobody sends anything, and it is noticed all the same
    end = time.monotonic() + 60
    while engine.health()["recoveries"] < 2 and time.monotonic() < end:
        time.sleep(0.1)
    assert_same(told(engine), expected[1])
    engine.close()

    engine = opened(ray, town, tmp_path / "two", 1)  # from the checkpoint of two
    assert_same(told(engine), expected[1])
    engine.close()
    engine = opened(ray, town, tmp_path / "two")  # from the checkpoint of one part
    assert_same(told(engine), expected[1])
    engine.close()
