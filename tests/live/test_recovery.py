"""What crashes, faults and doubts leave: the states of an engine that nothing interrupted."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from emotide.api import SocialLog
from emotide.errors import StoreError
from emotide.live import LiveConfig, LiveEngine
from emotide.live.building import Building
from emotide.live.served import Served
from emotide.live.stream import Stream
from emotide.store.connection import Connection

from .conftest import LATER, assert_same, states


def test_a_late_event_counts_in_the_open_step_and_a_rebuild_puts_it_there_again(town, opened):
    engine = opened()
    engine.accept(town.events[:600])
    late = {
        **town.events[0],
        "event_id": "late",
        "post_id": "late",
        "type": "post",
        "text": "so late",
        "user_id": "ana",
    }
    late["time"] = town.events[0]["time"]
    assert engine.accept([late])[0].status == "new"
    engine.accept(town.events[600:])
    before = states(engine)
    engine.swap(town.model)  # built from the journal's beginning
    assert_same(states(engine), before)
    assert engine.log.store.audit()["what"].to_list() == ["model exchanged"]


CHILD = """
import json, sys
from emotide.live import LiveConfig, LiveEngine
from emotide.live.served import Served
from emotide.store.connection import Connection
store, model, folder, events = sys.argv[1:]
engine = LiveEngine.open(store, model, LiveConfig(checkpoint_every=150, refresh=0.0), folder)
told = json.loads(open(events).read())
for first in range(0, len(told), 25):
    engine.accept(told[first : first + 25])
    print(first + 25, flush=True)
"""


def test_after_kill_9_nothing_acknowledged_is_lost_or_counted_twice(town, expected, tmp_path):
    SocialLog.open(tmp_path / "live.db").ingest(town.items)
    (tmp_path / "events.json").write_text(json.dumps(town.events))
    places = [str(tmp_path / "live.db"), str(town.model), str(tmp_path / "live"), str(tmp_path / "events.json")]
    acknowledged, rng = 0, np.random.default_rng(1)
    for wanted in (200, 650):
        child = subprocess.Popen([sys.executable, "-c", CHILD, *places], stdout=subprocess.PIPE, text=True)
        for line in child.stdout:
            acknowledged = max(acknowledged, int(line))
            if int(line) >= wanted:
                time.sleep(float(rng.random()) * 0.05)
                break
        os.kill(child.pid, signal.SIGKILL)
        child.stdout.close()
        child.wait()
    engine = LiveEngine.open(places[0], town.model, LiveConfig(), tmp_path / "live")
    found = engine.accept(town.events)
    statuses = [receipt.status for receipt in found]
    assert set(statuses[:acknowledged]) == {"known"}
    assert_same(states(engine), expected)
    engine.close()
    again = LiveEngine.open(places[0], town.model, LiveConfig(), tmp_path / "live")
    assert_same(states(again), expected)
    again.close()


def test_the_store_away_is_an_error_and_then_it_goes_on(town, opened, monkeypatch):
    engine = opened()
    engine.accept(town.events[:50])
    real = type(engine.log.store).connect

    def away(store):
        raise StoreError("the store is away")

    monkeypatch.setattr(type(engine.log.store), "connect", away)
    with pytest.raises(StoreError):
        engine.accept(town.events[50:100])
    monkeypatch.setattr(type(engine.log.store), "connect", real)
    assert {receipt.status for receipt in engine.accept(town.events[50:100])} == {"new"}
    assert engine.settle()


def test_a_fault_while_events_are_taken_in_costs_nothing(town, opened, expected, monkeypatch):
    engine = opened(checkpoint_every=200)
    engine.accept(town.events[:300])
    assert engine.settle()
    real, faults = Served.take, []

    def poisoned(served, lines):
        if not faults:
            faults.append(lines)
            raise ValueError("nobody expected this")
        return real(served, lines)

    monkeypatch.setattr(Served, "take", poisoned)
    for first in range(300, len(town.events), 100):
        engine.accept(town.events[first : first + 100])
    assert_same(states(engine), expected)
    assert faults
    assert (engine.health()["fault"], engine.health()["recoveries"]) == (None, 1)


def commit_in_doubt(engine, events, monkeypatch):
    """Events are committed, and their sender is told that they are not."""
    real = Connection.commit

    def doubtful(connection):
        real(connection)
        raise StoreError("the line broke after the last word")

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "commit", doubtful)
        with pytest.raises(StoreError):
            engine.accept(events)


def test_a_commit_that_was_told_to_have_failed_and_had_not_is_taken_in(town, opened, expected, monkeypatch):
    engine = opened()
    commit_in_doubt(engine, town.events[:100], monkeypatch)
    assert {receipt.status for receipt in engine.accept(town.events[:200])} == {"known", "new"}
    engine.accept(town.events[200:])
    assert_same(states(engine), expected)


def test_a_doubtful_commit_is_taken_in_though_nothing_new_follows(town, opened, monkeypatch):
    engine = opened(watch=0.1)
    commit_in_doubt(engine, town.events[:100], monkeypatch)
    assert {receipt.status for receipt in engine.accept(town.events[:100])} == {"known"}
    for _ in range(200):
        if engine.health()["seq"]:
            break
        time.sleep(0.05)
    assert engine.health()["seq"]


def test_half_taken_states_are_never_written(town, opened, expected, monkeypatch):
    engine = opened(checkpoint_every=10**6)
    engine.accept(town.events[:300])
    assert engine.settle()
    take, built = Stream._step, Building.built

    def poisoned(*given):
        raise ValueError("nobody expected this")

    monkeypatch.setattr(Stream, "_step", poisoned)
    monkeypatch.setattr(Building, "built", poisoned)
    engine.accept(town.events[300:])
    for _ in range(200):
        if engine.health()["fault"]:
            break
        time.sleep(0.05)
    with pytest.raises(StoreError, match="built again"):
        engine.checkpoint()
    engine.close()
    monkeypatch.setattr(Stream, "_step", take)
    monkeypatch.setattr(Building, "built", built)
    assert_same(states(opened()), expected)


def test_a_fault_in_another_thread_than_the_applying_one_is_mended_too(town, opened, expected, monkeypatch):
    engine = opened()
    engine.accept(town.events[:300])
    assert engine.settle()
    real, faults = Served.take, []

    def poisoned(served, lines):
        if served is engine.served and not faults:
            faults.append(lines)
            raise ValueError("nobody expected this")
        return real(served, lines)

    monkeypatch.setattr(Served, "take", poisoned)
    with engine._apply:  # the applying thread waits meanwhile
        engine.accept(town.events[300:400])
        with pytest.raises(ValueError, match="nobody"):
            engine.swap(town.model)
    assert faults
    engine.accept(town.events[400:])
    assert_same(states(engine), expected)


def test_rows_ingested_meanwhile_do_not_put_steps_out_of_order_when_states_are_built_again(town, opened, tmp_path):
    engine = opened()
    engine.accept(town.events[:300])
    (tmp_path / "posts.csv").write_text(f"post_id,user_id,time,network\nz,zoe,{LATER},town\n")
    engine.log.ingest(tmp_path / "posts.csv")
    engine.swap(town.model)
    assert engine.settle()
    census = engine.served.stream.census
    latest = engine.emotion("zoe")[0]["time"]
    engine.accept([{"event_id": "n", "type": "post", "post_id": "n", "user_id": "ana", "network": "town",
                    "time": town.events[299]["time"]}])  # fmt: skip
    assert engine.settle()
    assert engine.emotion("ana", network="town")[0]["time"] == latest
    assert (census.people.touched >= -1).all()
