"""The service on the real engine, over a store and a trained model: every route, attacks in every text, a process."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide import Client, SocialLog
from emotide.api.forgetting import bytes_left
from emotide.errors import UnknownName
from emotide.serve.bodies import EXAMPLES
from emotide.serve.tokens import Scope, create
from emotide.store import Store

WHEN = "2024-03-01T08:00:00Z"
WHO = "person-7f3a91"


def post(number, **more):
    own = {"event_id": f"e{number}", "type": "post", "post_id": f"x{number}"}
    return own | {"user_id": WHO, "time": WHEN, "text": "calm", **more}


@pytest.fixture
def somebody(place):
    """A person of the town, and their network."""
    users = Store.open(place.store).table("posts", ["user_id", "network"]).unique().sort("user_id")
    return users.row(0)


def test_every_route_on_the_real_engine(live, asked, place, somebody, says):
    service = asked(live, models=place.model.parent)
    user, network = somebody
    got = service.post("/v1/events", json={"events": [post(1), post(2, time="2024-02-31")]})
    assert got.status_code == 202, got.text
    new, refused = got.json()["receipts"]
    assert (new["status"], refused["status"]) == ("new", "refused")
    assert "time" in refused["reason"]
    assert service.post("/v1/events", json={"events": [post(1)]}).json()["receipts"][0]["status"] == "known"
    told = says(service.post("/v1/events", json={"events": [post(2, time="2024-02-31")]}), 422)
    assert told["errors"][0]["field"] == "body.events.0"
    assert live.settle()
    rows = service.get(f"/v1/users/{WHO}/emotion", params={"horizon": 2, "space": "pad"}).json()
    assert [row["horizon"] for row in rows] == [0, 1, 2]
    assert set(rows[0]["probabilities"]) == {"pleasure", "arousal", "dominance"}
    says(service.get(f"/v1/users/{WHO}/emotion", params={"space": "ekmann"}), 404)
    assert service.get(f"/v1/users/{user}/emotion", params={"network": network}).json()[0]["user_id"] == user
    assert all(
        user in (row["source_id"], row["target_id"]) for row in service.get(f"/v1/users/{user}/influences").json()
    )
    assert {row["group"] for row in service.get(f"/v1/users/{user}/demand").json()} == {user}
    assert all(row["n"] >= 5 for row in service.get("/v1/demand").json())
    assert "ekman_neutral" in [space["name"] for space in service.get("/v1/spaces").json()]
    shown = service.post("/v1/recommendations", json={"user_id": user, "top": 3}).json()
    assert [one["rank"] for one in shown] == [1, 2, 3]
    row = {"event_id": "f1", "user_id": user, "item_id": shown[0]["item_id"], "time": WHEN, "reward": 1.0}
    got = service.post("/v1/feedback", json={"rows": [row | {"decision_id": shown[0]["decision_id"]}]})
    assert (got.status_code, got.json()["receipts"][0]["status"]) == (202, "new")
    assert live.settle()
    assert service.get("/v1/health").json()["accepted"] == 2
    assert 'emotide_engine{fact="applied"}' in service.get("/metrics").text
    assert service.post("/v1/checkpoint").status_code == 200
    assert service.post("/v1/model", json={"model": place.model.name}).status_code == 200
    says(service.get("/v1/users/nobody/emotion"), 404)
    says(service.post("/v1/recommendations", json={"user_id": "nobody"}), 404)


def test_what_is_read_of_no_network_can_be_posted_and_asked_for(live, asked):
    service = asked(live)
    service.post("/v1/events", json={"events": [post(1)]})
    assert live.settle()
    network = service.get(f"/v1/users/{WHO}/emotion").json()[0]["network"]
    got = service.post("/v1/events", json={"events": [post(2, network=network, text="calm again")]})
    assert (network, got.status_code) == ("", 202), got.text
    assert live.settle()
    (row,) = service.get(f"/v1/users/{WHO}/emotion").json()  # one person of one network
    assert row["network"] == ""
    shown = service.post("/v1/recommendations", json={"user_id": WHO, "network": network, "top": 1}).json()
    assert [one["network"] for one in shown] == [""]


def test_a_person_is_erased_and_stays_out(live, asked, place, says):
    service = asked(live)
    assert service.post("/v1/events", json={"events": [post(1)]}).status_code == 202
    live.settle()
    assert service.delete(f"/v1/users/{WHO}").status_code == 200
    says(service.get(f"/v1/users/{WHO}/emotion"), 404)
    told = says(service.post("/v1/events", json={"events": [post(3)]}), 422)
    assert "erased" in told["errors"][0]["reason"]
    assert bytes_left(place.store.parent, WHO) == 0
    says(service.delete("/v1/users/nobody"), 404)


INJECTIONS = [
    "'; DROP TABLE posts; --", '" OR 1=1 --', "1); DELETE FROM users; --", "<script>alert(1)</script>",
    "../../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "%s%n%x", "=cmd|' /C calc'!A0", "\u202e\u0007\x1b[2J",
    "file:///etc/passwd", "\ufeff\u200b",
]  # fmt: skip


def own(kind, number):
    """Ids that no other event has."""
    return {"event_id": number} | {"post": {"post_id": number}, "item": {"item_id": number}}.get(kind, {})


FIELDS = [(kind, name) for kind, event in EXAMPLES.items() for name, value in event.items() if isinstance(value, str)]


def test_injections_in_every_text(live, asked, place):
    service = asked(live)
    store = Store.open(str(place.store))
    before = store.counts()
    for number, (kind, name) in enumerate(FIELDS):
        events = [
            EXAMPLES[kind] | own(kind, f"{number}-{k}") | {name: f"{text}{number}" if name != "type" else text}
            for k, text in enumerate(INJECTIONS)
        ]
        statuses = {service.post("/v1/events", json={"events": [event]}).status_code for event in events}
        assert statuses <= {200, 202, 422}, (kind, name, statuses)
    for text in INJECTIONS:
        assert service.get("/v1/spaces").status_code == 200
        response = service.get("/v1/users/ana/emotion", params={"space": text, "network": text})
        assert response.status_code == 404, response.text
        assert service.post("/v1/recommendations", json={"user_id": text, "network": text}).status_code in (200, 404)
    assert live.settle()
    assert live.health()["fault"] is None
    after = store.counts()
    assert all(after[table] >= before[table] for table in before)
    texts = store.table("posts", ["text"])["text"].to_list()
    assert [one for one in texts if one and one.startswith("'; DROP TABLE posts; --")]  # kept, as text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(sorted({name for event in EXAMPLES.values() for name in event})) | st.text(max_size=5)
odd_events = st.builds(
    lambda event, changes, gone: {key: value for key, value in {**event, **changes}.items() if key not in gone},
    st.sampled_from(list(EXAMPLES.values())), st.dictionaries(names, json_values, max_size=2),
    st.lists(names, max_size=1),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # other threads of this process do
def test_whatever_comes_as_events(live, asked):
    service = asked(live)

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(odd_events, max_size=3) | json_values)
    def check(events):
        response = service.post("/v1/events", json={"events": events}) if _sendable(events) else None
        assert response is None or response.status_code in (200, 202, 400, 422), response.text

    check()
    assert live.settle()
    assert live.health()["fault"] is None


def _sendable(value):
    """Whether httpx can write it as JSON; what it cannot write stands in test_app.py as bytes."""
    try:
        import json

        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


@contextmanager
def process(place, *words, early=False):
    """`emotide serve` in a process of its own: its address once it is ready (early: once it listens), and its log."""
    command = [sys.executable, "-c", "from emotide.cli import main; main()", "serve", "--store", str(place.store)]
    command += ["--model", str(place.model), "--port", "0", *words]
    log = place.store.with_name("stderr")
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stderr=stderr, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as run,
    ):
        try:
            for _ in range(1800):  # a busy machine takes long to load the libraries
                found = re.search(r"listening on (http://\S+)", log.read_text())
                if (found and (early or "\nready\n" in log.read_text())) or run.poll() is not None:
                    break
                time.sleep(0.1)
            assert found, log.read_text()
            yield found.group(1), log
            run.send_signal(signal.SIGTERM)
            assert run.wait(30) == 0, log.read_text()
        finally:
            run.kill()


def test_a_process_from_start_to_stop(place):
    with process(place) as (url, log), Client(url) as client:
        assert "open: whoever can reach this port" in log.read_text()
        assert client.accept([post(1)])[0].status == "new"
        while client.health().waiting or not client.emotion(WHO):  # applied, and read
            time.sleep(0.05)
        assert client.emotion(WHO)[0].user_id == WHO
    assert WHO not in log.read_text()
    assert "POST /v1/events 202" in log.read_text()
    issued = create(Store.open(str(place.store)), "some", [Scope.read, Scope.write], 1.0)
    with process(place) as (url, log):
        with Client(url, issued.token) as client:
            assert client.accept([post(1)])[0].status == "known"
            assert client.emotion(WHO)[0].network == ""
        assert httpx.get(f"{url}/").headers["content-type"].startswith("text/html")
        assert httpx.get(f"{url}/v1/dashboard/health").status_code == 401
        bearer = {"Authorization": f"Bearer {issued.token}"}
        assert httpx.get(f"{url}/v1/dashboard/health", headers=bearer, timeout=60).status_code == 200
        assert issued.token not in log.read_text()
        assert issued.row.token_id in log.read_text()
    assert WHO in SocialLog.open(str(place.store)).table("posts")["user_id"]


def test_a_process_whose_states_are_in_parts_answers_like_one_that_has_them(place, somebody):
    pytest.importorskip("ray")
    user, _ = somebody
    with process(place) as (url, _), Client(url) as client:
        plain = client.emotion(user, horizon=2)
    with process(place, "--ray", "local", "--workers", "2") as (url, log), Client(url) as client:
        assert httpx.get(f"{url}/v1/health", timeout=30).json()["parts"] == 2
        parted = client.emotion(user, horizon=2)
        for mine, theirs in zip(parted, plain, strict=True):
            assert (mine.time, mine.horizon) == (theirs.time, theirs.horizon)
            assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
        assert client.accept([post(1)])[0].status == "new"
        while not client.emotion(WHO):  # applied, and read
            time.sleep(0.05)
        assert client.emotion(WHO)[0].user_id == WHO
        assert client.recommend(user, top=2)[0].rank == 1
        assert client.forget(WHO).erased
        with pytest.raises(UnknownName):
            client.emotion(WHO)
    assert "Traceback" not in log.read_text()
    assert bytes_left(place.store.parent, WHO) == 0


def test_it_lives_at_once_and_is_ready_when_states_are(place):
    with process(place, early=True) as (url, _):
        assert httpx.get(f"{url}/healthz", timeout=30).json() == {"done": "alive"}
        said = []
        for _ in range(1800):
            told = httpx.get(f"{url}/readyz", timeout=30)
            if told.status_code == 200:
                break
            assert (told.status_code, told.headers["retry-after"]) == (503, "5")
            said.append(told.json()["detail"])
            assert httpx.get(f"{url}/", timeout=30).status_code in (200, 503)  # they may be there meanwhile
            time.sleep(0.02)
        assert set(said) == {"not ready: the states are being built"}
        assert httpx.get(f"{url}/v1/spaces", timeout=30).status_code == 200
        assert httpx.get(f"{url}/", timeout=30).headers["content-type"].startswith("text/html")


def test_a_model_that_is_none_ends_the_process_in_one_line(place):
    (place.model / "model.json").unlink()
    command = [sys.executable, "-c", "from emotide.cli import main; main()", "serve", "--store", str(place.store)]
    told = subprocess.run([*command, "--model", str(place.model), "--port", "0"], capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith("emotide: ")
    assert "Traceback" not in told.stderr


def test_the_rows_are_those_that_predict_sees(live, asked, place):
    service = asked(live)
    service.post("/v1/events", json={"events": [post(k, text=f"calm {k}") for k in range(3)]})
    posts = SocialLog.open(str(place.store)).table("posts").filter(pl.col("user_id") == WHO)
    assert sorted(posts["text"]) == ["calm 0", "calm 1", "calm 2"]
