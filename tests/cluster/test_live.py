"""A live engine in parts: the answers of one process, whoever dies meanwhile, and however many parts go on."""

import time

import numpy as np
import pytest

from emotide.api import Emotide, Recipe, SocialLog
from emotide.cluster.encoders import BLOCK, Encoders
from emotide.cluster.live_crew import LiveCrew
from emotide.cluster.live_parts import PartedEngine
from emotide.demo.town import TownConfig, simulate
from emotide.errors import UnknownName
from emotide.live import LiveConfig, LiveEngine
from emotide.vectors.minilm import MiniLM
from tests.cluster.conftest import QUIET
from tests.live.conftest import SMALL, as_event, town  # noqa: F401

pytest.importorskip("ray")
pytestmark = QUIET
HALF = 600  # events


def opened(ray, town, folder, parts=0, encoders=None):  # noqa: F811
    """An engine on a store of this folder, in one process or in parts."""
    folder.mkdir(exist_ok=True)
    if not (folder / "live.db").exists():
        SocialLog.open(folder / "live.db").ingest(town.items)
    if not parts:
        return LiveEngine.open(str(folder / "live.db"), town.model, LiveConfig(), folder / "live")
    crew = LiveCrew(ray, parts)
    log = SocialLog.open(folder / "live.db")
    return PartedEngine(log, town.model, LiveConfig(), folder / "live", crew, encoders)


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


def test_parts_forget_recommend_and_change_their_model_like_one_process(ray, town, tmp_path):  # noqa: F811
    one, two = opened(None, town, tmp_path / "one"), opened(ray, town, tmp_path / "two", 2)
    for engine in (one, two):
        engine.accept(town.events)
        assert engine.settle()
    gone, kept = sorted(name[1] for name in one.served.stream.census.names.names)[:2]
    erased = [
        {row["what"]: row["erased"] for row in engine.forget(gone)["erased"] if row["place"] == str(engine.folder)}
        for engine in (one, two)
    ]
    assert erased[0] == erased[1]
    assert erased[0]["pair states"] > 0
    assert_same(told(two), told(one))
    with pytest.raises(UnknownName):
        two.emotion(gone)
    moods = [engine.served.snapshot.mood(engine.served.answers.row(kept, None)) for engine in (one, two)]
    for mine, theirs in zip(*moods, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert [row["rank"] for row in two.recommend(kept, top=3)] == [1, 2, 3]
    for engine in (one, two):
        engine.swap(town.model)
    assert_same(told(two), told(one))
    for engine in (one, two):
        engine.close()


def test_replicas_of_an_encoder_say_what_it_says_and_are_started_again(ray, town):  # noqa: F811
    text = town.emotide.trained.text
    replicas, texts = Encoders(ray, 2), [f"what a day {k}" for k in range(2 * BLOCK + 3)]
    sent = ray.put(text)
    np.testing.assert_array_equal(replicas.encode(sent, texts), text.encode(texts))
    for actor in replicas.actors:
        ray.kill(actor, no_restart=False)
    np.testing.assert_array_equal(replicas.encode(sent, texts), text.encode(texts))
    replicas.close()


def test_the_process_that_takes_events_in_leaves_sentences_to_replicas(ray, tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cache"))
    simulate(tmp_path / "town", TownConfig(people=6, days=6, seed=1))
    log = SocialLog.open(tmp_path / "town.db")
    log.ingest(tmp_path / "town" / "log")
    train = {"epochs": 1, "seed": 0, "behaviour": 0.0}
    made = Emotide.fit(log, Recipe().changed({"text": "minilm"}, timeline={"step": "1d"}, network=SMALL, train=train))
    made.save_pretrained(tmp_path / "model")
    posts = [as_event("posts", k, row) for k, row in enumerate(log.table("posts").iter_rows(named=True))]
    here = tmp_path / "town" / "log" / "items.csv"
    small = type("Small", (), {"model": tmp_path / "model", "items": here})
    found, seen, encode = [], [], MiniLM.encode

    def watched(self, texts):
        seen.append(set(texts))
        return encode(self, texts)

    monkeypatch.setattr(MiniLM, "encode", watched)
    said = {row["text"] for row in posts}
    for parts in (0, 1):
        monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / f"cache{parts}"))
        engine = opened(ray, small, tmp_path / f"of{parts}", parts, Encoders(ray, 1) if parts else None)
        engine.accept(posts)
        found.append(told(engine, 0))
        engine.close()
        assert bool(said & set().union(*seen)) == (not parts)
        seen.clear()
    assert_same(found[1], found[0])
