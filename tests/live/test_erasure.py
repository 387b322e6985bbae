"""Whoever is erased, here or by another process, is gone: from states, checkpoints, audit, answers and listeners."""

import shutil
import threading
import time
from datetime import datetime, timedelta

import pytest

from emotide.api import SocialLog
from emotide.errors import NotYet, UnknownName
from emotide.live import LiveConfig, LiveEngine
from emotide.live.building import Building

from .conftest import LATER, assert_same, states


def said_no(engine, tmp_path, user, word="no"):
    """Another process ingests what somebody said."""
    (tmp_path / "people.csv").write_text(f"user_id,consent\n{user},{word}\n")
    SocialLog.open(engine.log.store.file).ingest(tmp_path / "people.csv")


def gone_soon(engine, user):
    """Whether a running engine knows nothing of somebody, after a moment."""
    for _ in range(200):
        try:
            engine.emotion(user)
        except UnknownName:
            return True
        time.sleep(0.05)
    return False


def letters(folder, name):
    """The files of a folder that hold a name."""
    return [file for file in folder.rglob("*") if file.is_file() and name.encode() in file.read_bytes()]


def shown_to(engine, town, user):
    """Somebody of this name lives in the town, and was shown something."""
    engine.accept([*town.events[:300], *(
        {"event_id": f"{user}{k}", "type": "post", "post_id": f"{user}{k}", "user_id": user, "network": "town",
         "time": LATER, "text": "hello @ana"} for k in range(3))])  # fmt: skip
    assert engine.settle()
    engine.recommend(user)
    engine.checkpoint()


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


def test_a_no_that_another_process_takes_in_reaches_memory_checkpoints_and_audit(town, opened, tmp_path):
    engine, changed = opened(watch=0.1), []
    engine.changed.append(lambda: changed.append(True))
    shown_to(engine, town, "withdrawn-9c41")
    assert letters(engine.folder, "withdrawn-9c41")
    said_no(engine, tmp_path, "withdrawn-9c41")
    assert gone_soon(engine, "withdrawn-9c41")
    assert engine.emotion("ana")
    for _ in range(100):
        if changed:
            break
        time.sleep(0.05)
    assert changed  # the dashboard has heard of it
    assert not letters(engine.folder, "withdrawn-9c41")
    before = states(engine)
    engine.close()
    assert_same(states(opened()), before)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_readings_that_wait_for_a_listener_go_with_whose_they_are(town, opened, tmp_path, elsewhere):
    engine, changed = opened(watch=0.1), threading.Event()
    engine.changed.append(changed.set)
    listeners = [engine.subscribe(), engine.subscribe()]
    shown_to(engine, town, "withdrawn-9c41")
    if elsewhere:
        said_no(engine, tmp_path, "withdrawn-9c41")
    else:
        engine.forget("withdrawn-9c41")
    assert changed.wait(10)
    for listener in listeners:
        heard = {row["user_id"] for row in iter(lambda: listener.get(timeout=0.0), None)}  # noqa: B023
        assert "withdrawn-9c41" not in heard
        assert "ana" in heard


def test_a_no_while_nobody_was_here_holds_for_the_states_of_a_checkpoint(town, opened, tmp_path):
    engine = opened()
    shown_to(engine, town, "withdrawn-9c41")
    engine.close()
    said_no(engine, tmp_path, "withdrawn-9c41")
    again = opened()
    with pytest.raises(UnknownName):
        again.emotion("withdrawn-9c41")
    assert not letters(again.folder, "withdrawn-9c41")


def test_whoever_is_left_with_nothing_by_retention_in_another_process_is_forgotten(town, opened):
    engine = opened(watch=0.1)
    old = {"event_id": "o", "type": "post", "post_id": "o", "user_id": "of-old", "time": "2001-01-01", "text": "so old"}
    engine.accept([old, *town.events[:200]])
    assert engine.settle()
    assert engine.emotion("of-old")
    SocialLog.open(engine.log.store.file).store.retain(datetime.fromisoformat("2010-01-01T00:00:00+00:00"), really=True)
    assert gone_soon(engine, "of-old")
    assert engine.emotion("ana")


def test_a_process_killed_between_the_stores_erasure_and_its_own_forgets_when_it_starts(town, opened):
    engine = opened(watch=3600.0)
    shown_to(engine, town, "withdrawn-9c41")
    engine.log.store.forget("withdrawn-9c41")  # as far as it came
    copy = engine.folder.with_name("as it was")
    shutil.copytree(engine.folder, copy)
    engine.close()
    shutil.rmtree(engine.folder)
    copy.rename(engine.folder)
    again = opened()
    with pytest.raises(UnknownName):
        again.emotion("withdrawn-9c41")
    assert not letters(again.folder, "withdrawn-9c41")


def test_who_is_erased_while_a_model_is_exchanged_does_not_come_back(town, opened, monkeypatch):
    engine = opened(watch=3600.0)
    shown_to(engine, town, "withdrawn-9c41")
    anew = Building.anew

    def slow(building, model):
        fresh = anew(building, model)
        engine.forget("withdrawn-9c41")
        return fresh

    monkeypatch.setattr(Building, "anew", slow)
    engine.swap(town.model)
    with pytest.raises(UnknownName):
        engine.emotion("withdrawn-9c41")
    assert not letters(engine.folder, "withdrawn-9c41")


def test_what_somebody_erased_did_to_others_in_the_open_step_is_undone(town, opened):
    engine = opened()
    shown_to(engine, town, "withdrawn-9c41")
    engine.forget("withdrawn-9c41")
    before = states(engine)
    engine.close()
    assert_same(states(opened()), before)


def test_an_audit_that_a_crash_cut_off_can_still_be_erased_from(town, opened):
    engine = opened()
    shown_to(engine, town, "withdrawn-9c41")
    audit = engine.folder / "decisions.jsonl"
    whole = audit.read_text("utf-8")
    audit.write_text(whole + whole[: len(whole) // 2] + "\n" + whole.replace("withdrawn-9c41", "bo"), "utf-8")
    engine.forget("withdrawn-9c41")
    assert not letters(engine.folder, "withdrawn-9c41")
    assert '"bo"' in audit.read_text("utf-8")


def test_an_answer_computed_before_an_erasure_is_not_kept_after_it(town, opened, monkeypatch):
    engine = opened(patience=30.0)
    shown_to(engine, town, "withdrawn-9c41")
    real = type(engine.emotide).influence

    def slow(emotide, log, **asked):
        found = real(emotide, log, **asked)
        if slow.first:
            slow.first = False
            engine.forget("withdrawn-9c41")
        return found

    slow.first = True
    monkeypatch.setattr(type(engine.emotide), "influence", slow)
    with pytest.raises(NotYet):
        engine.influences("ana", top=100)
    assert "withdrawn-9c41" not in str(engine.influences("ana", top=100))
