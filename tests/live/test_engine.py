"""Events in, exactly once; answers out; what a crash, a swap and an erasure leave."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta

import numpy as np
import pytest

from emotide.api import SocialLog
from emotide.errors import BadInput, Busy, StoreError, UnknownName
from emotide.live import LiveConfig, LiveEngine
from emotide.live.served import Served
from emotide.store.connection import Connection

LATER = "2024-03-25T12:00:00Z"


def states(engine):
    """The states by name, as readers see them."""
    assert engine.settle()
    snapshot, names = engine.served.snapshot, engine.served.stream.census.names.names
    return {name: snapshot.people.H[row].copy() for row, name in enumerate(names) if name}


def assert_same(mine, theirs, atol=0.0):
    assert mine.keys() == theirs.keys()
    for name, H in mine.items():
        np.testing.assert_allclose(H, theirs[name], rtol=0, atol=atol, err_msg=str(name))


@pytest.fixture(scope="module")
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


def test_readings_are_those_of_predict(town, opened):
    engine = opened()
    engine.accept(town.events)
    assert engine.settle()
    told = town.emotide.predict(SocialLog.open(engine.log.store.file), horizon=2)
    for user in told["user_id"].unique():
        mine = told.filter(told["user_id"] == user)
        wanted = [*mine.filter(mine["horizon"] == 0)[-1:].to_dicts(), *mine.filter(mine["horizon"] > 0).to_dicts()]
        found = engine.emotion(user, horizon=2)
        assert [row["time"] for row in found] == [row["time"] for row in wanted]
        assert [row["reading"] for row in found] == [row["reading"] for row in wanted]
        for row, other in zip(found, wanted, strict=True):
            assert row["probabilities"] == pytest.approx({name: other[name] for name in row["probabilities"]}, abs=1e-5)


def test_who_comes_in_is_known_when_the_receipt_is_there(opened):
    engine = opened(refresh=0.3)
    for k in range(5):
        event = {"event_id": str(k), "type": "post", "post_id": str(k), "user_id": f"new-{k}", "time": LATER}
        assert engine.accept([event])[0].status == "new"
        assert engine.emotion(f"new-{k}")[0]["user_id"] == f"new-{k}"
    with pytest.raises(UnknownName):
        engine.emotion("nobody")


def test_an_event_counts_once_however_often_it_comes(town, opened, expected):
    engine = opened()
    rng = np.random.default_rng(0)
    first = 0
    while first < len(town.events):
        last = first + int(rng.integers(1, 300))
        assert {receipt.status for receipt in engine.accept(town.events[first:last])} == {"new"}
        again = engine.accept(town.events[max(0, first - 50) : last])
        assert {receipt.status for receipt in again} == {"known"}
        first = last
    twice = engine.accept([town.events[0], town.events[0]])
    assert [receipt.status for receipt in twice] == ["known", "known"]
    assert_same(states(engine), expected)
    same_row = engine.accept([{**town.events[0], "event_id": "another name"}])
    assert [receipt.status for receipt in same_row] == ["known"]


def test_a_wrong_event_is_refused_with_the_reason_and_the_others_are_kept(opened):
    engine = opened()
    good = {"event_id": "1", "type": "post", "post_id": "a", "user_id": "ana", "time": LATER, "text": "hello @bo"}
    found = engine.accept(
        [
            good,
            {**good, "event_id": "2", "post_id": "b", "time": "2021-13-40"},
            {**good, "event_id": "3", "type": "wish"},
            {"type": "post", "post_id": "c", "user_id": "ana", "time": LATER},
            {**good, "event_id": "4", "text": "something else"},
            {**good, "event_id": "5", "post_id": "d", "image": "../secret.png"},
            {**good, "event_id": "6", "post_id": "e", "text": "half \ud800"},
            {"event_id": "7", "type": "label", "user_id": "ana", "time": LATER, "space": "pad", "pleasure": 0.5},
        ]
    )
    assert [receipt.status for receipt in found] == ["new", *["refused"] * 6, "new"]
    reasons = [receipt.reason or "" for receipt in found]
    for place, word in enumerate(["", "ISO 8601", "wish", "event_id", "another row", "media", "UTF-8", ""]):
        assert word in reasons[place]
    assert engine.log.store.counts()["posts"] == 1
    assert engine.settle()
    assert engine.health()["fault"] is None


def test_too_much_at_once_is_told_to_wait(town, opened):
    engine = opened(most_waiting=10)
    with engine._apply:  # nothing is taken in meanwhile
        engine.accept(town.events[:8])
        with pytest.raises(Busy) as refused:
            engine.accept(town.events[8:20])
        assert refused.value.retry_after > 0
        assert engine.log.store.counts()["posts"] <= 8
    assert engine.settle()
    assert {receipt.status for receipt in engine.accept(town.events[8:20])} == {"new"}


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


def test_a_commit_that_was_told_to_have_failed_and_had_not_is_taken_in(town, opened, expected, monkeypatch):
    engine, real = opened(), Connection.commit

    def doubtful(connection):
        real(connection)
        raise StoreError("the line broke after the last word")

    monkeypatch.setattr(Connection, "commit", doubtful)
    with pytest.raises(StoreError):
        engine.accept(town.events[:100])
    monkeypatch.setattr(Connection, "commit", real)
    assert {receipt.status for receipt in engine.accept(town.events[:200])} == {"known", "new"}
    engine.accept(town.events[200:])
    assert_same(states(engine), expected)


def test_recommendations_are_guarded_audited_and_learned_from(town, opened):
    engine = opened()
    engine.accept(town.events)
    assert engine.settle()
    shown = engine.recommend("ana", top=3)
    assert [row["rank"] for row in shown] == [1, 2, 3]
    assert all(0 < row["propensity"] <= 1 and row["reason"] for row in shown)
    audit = (engine.folder / "decisions.jsonl").read_text("utf-8")
    assert shown[0]["decision_id"] in audit
    assert "ana" in audit
    clicked = {"event_id": "f", "user_id": "ana", "network": "town", "item_id": shown[0]["item_id"], "time": LATER,
               "reward": 1, "decision_id": shown[0]["decision_id"]}  # fmt: skip
    assert engine.feedback([clicked])[0].status == "new"
    assert engine.settle()
    kept = engine.log.table("feedback")
    assert kept["propensity"].to_list() == [pytest.approx(shown[0]["propensity"])]
    assert engine.health()["recommender"]["seen"] == 1
    item = {"event_id": "i", "type": "item", "item_id": "brand-new", "title": "A calm new song", "tags": "music"}
    assert engine.accept([item])[0].status == "new"
    assert engine.settle()
    assert "brand-new" in {row["item_id"] for row in engine.recommend("ana", top=100)}


def test_what_a_person_wants_is_what_the_whole_log_says(town, opened):
    engine = opened()
    engine.accept(town.events)
    assert engine.settle()
    log = SocialLog.open(engine.log.store.file)
    for user in ("ana", "bo"):
        wanted = {row["topic"]: row["value"] for row in town.emotide.demand(log, user=user).to_dicts()}
        found = engine.demand(user=user)
        assert {row["topic"]: row["value"] for row in found} == pytest.approx(wanted, abs=1e-3)
        assert [row["share"] for row in found] == [1.0, *[0.0] * (len(found) - 1)]
        assert {row["group"] for row in found} == {user}


def test_who_listens_hears_of_those_who_are_touched(town, opened):
    engine = opened()
    listener = engine.subscribe()
    engine.accept(town.events[:400])
    assert engine.settle()
    heard = listener.get(timeout=5.0)
    assert heard is not None
    assert heard["user_id"]
    assert heard["probabilities"]
    listener.close()
    engine.accept(town.events[400:420])  # nobody listens any more
    assert engine.settle()


def test_erased_is_erased_from_every_byte(town, tmp_path):
    engine = LiveEngine.open(str(tmp_path / "live.db"), town.model, LiveConfig(), tmp_path / "live")
    name = "zebedee-the-erased"
    start = datetime.fromisoformat(town.events[-1]["time"]) + timedelta(hours=1)
    mine = [
        {"event_id": f"{name}-{k}", "type": "post", "post_id": f"{name}.{k}", "user_id": name, "network": "town",
         "time": (start + timedelta(minutes=k)).isoformat(), "text": f"{name} says hello @ana"}
        for k in range(5)
    ] + [{"event_id": "felt", "type": "label", "user_id": "ana", "network": "town", "space": "ekman", "category": "joy",
          "post_id": f"{name}.1", "time": (start + timedelta(minutes=8)).isoformat()},
         {"event_id": "tie", "type": "tie", "source_id": name, "target_id": "ana", "network": "town"},
         {"event_id": "said", "type": "post", "post_id": "of-ana", "user_id": "ana", "network": "town",
          "time": (start + timedelta(minutes=9)).isoformat(), "text": f"hello @{name}"}]  # fmt: skip
    engine.accept([*town.events[:300], *mine])
    assert engine.settle()
    damaged = engine.checkpoint()
    damaged.rename(damaged.with_name(f"damaged-{damaged.name}"))
    assert engine.emotion(name)
    assert sum(name.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    done = engine.forget(name)
    assert done["left"] == 0
    with pytest.raises(UnknownName):
        engine.emotion(name)
    assert engine.accept([{**mine[0], "event_id": "once more"}])[0].status == "refused"
    assert engine.settle()
    engine.close()
    for file in tmp_path.rglob("*"):
        assert name.encode() not in (file.read_bytes() if file.is_file() else b""), file
    again = LiveEngine.open(str(tmp_path / "live.db"), town.model, LiveConfig(), tmp_path / "live")
    with pytest.raises(UnknownName):
        again.emotion(name)
    again.close()


def test_models_of_dialogues_are_refused_in_one_line(town, tmp_path):
    import json

    shutil.copytree(town.model, tmp_path / "model")
    head = json.loads((tmp_path / "model" / "model.json").read_text())
    head["run"]["timeline"]["step"] = "turn"
    (tmp_path / "model" / "model.json").write_text(json.dumps(head))
    with pytest.raises(BadInput, match="windows of time"):
        LiveEngine.open(str(tmp_path / "live.db"), tmp_path / "model")
