"""Events in, exactly once; answers out; models exchanged."""

import json
import shutil
import threading
import time
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from emotide.api import SocialLog
from emotide.errors import BadInput, Busy, NotYet, StoreError, UnknownName
from emotide.live import LiveConfig, LiveEngine

from .conftest import LATER, assert_same, states


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


def test_models_of_dialogues_are_refused_in_one_line(town, tmp_path):
    import json

    shutil.copytree(town.model, tmp_path / "model")
    head = json.loads((tmp_path / "model" / "model.json").read_text())
    head["run"]["timeline"]["step"] = "turn"
    (tmp_path / "model" / "model.json").write_text(json.dumps(head))
    with pytest.raises(BadInput, match="windows of time"):
        LiveEngine.open(str(tmp_path / "live.db"), tmp_path / "model")


def test_influences_are_those_of_the_whole_log_and_never_keep_anybody_waiting(town, opened, monkeypatch):
    engine = opened(patience=0.2, stale=3600.0)
    engine.accept(town.events)
    assert engine.settle()
    real, go = type(engine.emotide).influence, threading.Event()

    def slow(emotide, log, **asked):
        assert go.wait(30)
        return real(emotide, log, **asked)

    monkeypatch.setattr(type(engine.emotide), "influence", slow)
    engine.warm()
    begun = time.monotonic()
    with pytest.raises(NotYet) as told:
        engine.influences("ana")
    assert time.monotonic() - begun < 5
    assert told.value.retry_after > 0
    with pytest.raises(UnknownName):
        engine.influences("nobody")
    go.set()
    wanted = real(town.emotide, SocialLog.open(engine.log.store.file), user="ana", total=True).head(5)
    for _ in range(200):
        try:
            found = engine.influences("ana", top=5)
            break
        except NotYet:
            time.sleep(0.1)
    assert_frame_equal(pl.DataFrame(found, wanted.schema), wanted, rel_tol=1e-4, abs_tol=1e-6)


def test_a_model_of_other_steps_goes_on_with_the_same_journal(town, opened, tmp_path):
    engine = opened()
    engine.accept(town.events[:300])
    shutil.copytree(town.model, tmp_path / "hours")
    head = json.loads((tmp_path / "hours" / "model.json").read_text())
    head["run"]["timeline"]["step"] = "1h"
    (tmp_path / "hours" / "model.json").write_text(json.dumps(head))
    engine.swap(tmp_path / "hours")
    assert engine.settle()
    last = max(event["time"] for event in town.events[:300] if "time" in event)
    hour = datetime.fromisoformat(last).replace(minute=0, second=0, microsecond=0)
    users = {name[1] for name in engine.served.stream.census.names.names}
    assert max(row["time"] for user in users for row in engine.emotion(user)) == hour


def test_events_before_the_first_that_are_not_too_late_count_in_their_own_step(opened):
    engine = opened(lateness=86_400.0)
    for number, day in ((1, "2024-03-02"), (2, "2024-03-01"), (3, "2024-03-05")):
        engine.accept([{"event_id": f"{number}", "type": "post", "post_id": f"{number}", "user_id": f"u{number}",
                        "time": f"{day}T12:00:00Z", "text": "hm"}])  # fmt: skip
    assert engine.settle()
    found = [str(row["time"])[:10] for number in (1, 2, 3) for row in engine.emotion(f"u{number}")]
    assert found == ["2024-03-02", "2024-03-01", "2024-03-05"]


def test_feedback_whose_item_is_no_name_has_a_receipt(opened):
    engine = opened()
    row = {"event_id": "f", "type": "feedback", "user_id": "ana", "item_id": ["a"], "time": LATER, "reward": "much"}
    assert engine.accept([row])[0].status == "refused"


def test_who_is_not_published_yet_in_a_network_is_not_known_there(town, opened):
    engine = opened()
    engine.accept(town.events[:300])
    assert engine.settle()
    census = engine.served.stream.census
    census.rows(pl.Series(["another"]), pl.Series(["ana"]))  # as the applying thread does before it publishes
    with pytest.raises(UnknownName, match="network of this user"):
        engine.emotion("ana", network="another")


def test_a_folder_has_one_engine_and_a_store_may_have_several(town, opened, tmp_path, expected):
    engine = opened(watch=0.1)
    with pytest.raises(StoreError, match="another engine"):
        opened()
    other = LiveEngine.open(str(tmp_path / "live.db"), town.model, LiveConfig(watch=0.1), tmp_path / "other")
    for first in range(0, len(town.events), 200):
        (engine, other)[first // 200 % 2].accept(town.events[first : first + 200])
    for one in (engine, other):
        for _ in range(200):
            if one.health()["seq"] == max(engine._seq, other._seq):
                break
            time.sleep(0.05)
        assert_same(states(one), expected)
    other.close()
    engine.close()
    opened()


def test_demand_of_groups_is_computed_once_for_every_least_size(town, opened, monkeypatch):
    engine, asked = opened(), []
    engine.accept(town.events)
    assert engine.settle()
    real = type(engine.emotide).demand

    def counted(emotide, log, **how):
        asked.append(how)
        return real(emotide, log, **how)

    monkeypatch.setattr(type(engine.emotide), "demand", counted)
    everybody = engine.demand(by="group", least=1)
    sizes = sorted({row["n"] for row in everybody})
    assert len(sizes) > 1
    for least in (sizes[0], sizes[-1], sizes[-1] + 1):
        wanted = real(town.emotide, SocialLog.open(engine.log.store.file), by="group", least=least)
        found = engine.demand(by="group", least=least)
        assert [(row["group"], row["topic"], row["n"]) for row in found] == wanted.select("group", "topic", "n").rows()
    assert len(asked) == 1
