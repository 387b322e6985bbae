"""Routes and errors on an engine of memory; tests of the real engine are in test_live.py."""

import json
import logging
import time

import pytest

from emotide.errors import BadInput, Busy, ModelMismatch, NotYet, StoreError
from emotide.serve.bodies import EXAMPLES

POST = EXAMPLES["post"]
ROUTES = {
    ("POST", "/v1/events"): {"events": [POST]},
    ("POST", "/v1/feedback"): {"rows": [{"event_id": "f", "user_id": "ana", "item_id": "i", "time": 1, "reward": 1}]},
    ("POST", "/v1/recommendations"): {"user_id": "ana"},
    ("GET", "/v1/users/ana/emotion"): None,
    ("GET", "/v1/users/ana/influences"): None,
    ("GET", "/v1/users/ana/demand"): None,
    ("GET", "/v1/demand"): None,
    ("GET", "/v1/spaces"): None,
    ("GET", "/v1/health"): None,
    ("POST", "/v1/checkpoint"): None,
    ("DELETE", "/v1/users/ana"): None,
}


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_every_route_answers(route, memory, asked):
    response = asked(memory).request(*route, json=ROUTES[route])
    assert response.status_code == (202 if route[1] in ("/v1/events", "/v1/feedback") else 200), response.text
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
@pytest.mark.parametrize(
    ("trouble", "status", "detail"),
    [
        (Busy(3.2), 429, "too much waits"),
        (NotYet(4.2), 503, "still being computed"),
        (BadInput("horizon is odd", "secret.csv"), 422, "horizon is odd"),
        (StoreError("postgresql://ana@db is away"), 503, "the store cannot be read or written now"),
        (ModelMismatch("another width"), 409, "another width"),
        (ZeroDivisionError("ana"), 500, "the log says where"),
    ],
    ids=lambda value: getattr(type(value), "__name__", ""),
)
def test_every_error_has_one_shape(route, trouble, status, detail, memory, asked, says, caplog):
    memory.trouble = trouble
    response = asked(memory).request(*route, json=ROUTES[route])
    told = says(response, status)
    assert detail in told["detail"]
    assert "secret" not in response.text
    assert response.headers.get("retry-after") == {429: "4", 503: "5"}.get(status)
    assert "ana" not in caplog.text


def test_a_receipt_for_each_event(memory, asked, says):
    service = asked(memory)
    some = [POST, POST | {"event_id": "e9"}]
    assert service.post("/v1/events", json={"events": some[:1]}).status_code == 202
    second = service.post("/v1/events", json={"events": some})
    assert (second.status_code, [one["status"] for one in second.json()["receipts"]]) == (202, ["known", "new"])
    assert service.post("/v1/events", json={"events": some}).status_code == 200
    refused = POST | {"event_id": "e10", "user_id": "nobody"}
    told = says(service.post("/v1/events", json={"events": [refused]}), 422)
    assert told["errors"] == [{"field": "body.events.0", "reason": "nobody says nothing", "index": 0}]
    assert told["detail"] == "nothing was kept: event 0: nobody says nothing"
    mixed = service.post("/v1/events", json={"events": [refused, POST | {"event_id": "e11"}]})
    assert [one["status"] for one in mixed.json()["receipts"]] == ["refused", "new"]


def test_rows_come_as_they_were_sent(memory, asked):
    label = EXAMPLES["label"] | {"pleasure": 0.5}
    asked(memory).post("/v1/events", json={"events": [label, *EXAMPLES.values()]})
    ((_, rows),) = memory.calls
    assert rows == [label, *EXAMPLES.values()]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"time": None}, "time", "is no time: wanted ISO 8601, or seconds since 1970"),
        ({"time": True}, "time", "is no time: wanted ISO 8601, or seconds since 1970"),
        ({"time": "yesterday"}, "time", "is no time: wanted ISO 8601, or seconds since 1970"),
        ({"time": float("1e300")}, "time", "is no time: wanted ISO 8601, or seconds since 1970"),
        ({"user_id": ""}, "user_id", "is empty"),
        ({"user_id": 7}, "user_id", "is no text"),
        ({"user_id": "x" * 401}, "user_id", "is longer than 400 characters"),
        ({"user_id": "a\x00b"}, "user_id", "holds a character that may not be there"),
        ({"user_id": "\ud800"}, "user_id", "is no text in UTF-8"),
        ({"event_id": None}, "event_id", "is no text"),
        ({"image": "../../etc/passwd"}, "image", "is no field of this"),
        ({"text": ["a"]}, "text", "is no text"),
        ({"type": "poke"}, "", "is of a type that is none of post, interaction, tie, label, item"),
        ({"split": "nowhere"}, "split", "is no field of this"),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)
def test_what_is_wrong_is_named_with_the_events_number_and_in_plain_words(change, field, reason, memory, asked, says):
    body = json.dumps({"events": [POST, POST | change]})
    told = says(asked(memory).post("/v1/events", content=body, headers={"Content-Type": "application/json"}), 422)
    path = f"body.events.1.{field}".rstrip(".")
    assert told["errors"] == [{"field": path, "reason": reason, "index": 1}]
    assert told["detail"] == f"event 1{', ' if field else ''}{field}: {reason}"
    assert not memory.calls


def test_all_that_is_wrong_is_told_at_once(memory, asked, says):
    broken = {name: value for name, value in POST.items() if name not in ("post_id", "time")}
    told = says(asked(memory).post("/v1/events", json={"events": [POST, broken, POST | {"text": 1}]}), 422)
    assert [(one["field"], one["index"]) for one in told["errors"]] == [
        ("body.events.1.post_id", 1), ("body.events.1.time", 1), ("body.events.2.text", 2)]  # fmt: skip
    assert told["detail"] == "event 1, post_id: is missing; 2 more"
    rows = says(asked(memory).post("/v1/feedback", json={"rows": [{"event_id": "f"}]}), 422)
    assert rows["detail"] == "row 0, user_id: is missing; 3 more"
    json_of = {"headers": {"Content-Type": "application/json"}}
    assert says(asked(memory).post("/v1/events", content=b"{", **json_of), 422)["detail"] == "body: is no JSON"
    assert says(asked(memory).get("/v1/users/ana/emotion", params={"horizon": 31}), 422)["detail"] == (
        "query.horizon: is more than 30"
    )
    odd = json.dumps({"events": [POST | {"extra\ud800" * 40: 1}]})
    says(asked(memory).post("/v1/events", content=odd, **json_of), 422)


@pytest.mark.parametrize(
    ("path", "form"),
    [("/v1/events", '{"events": [...]}'), ("/v1/feedback", '{"rows": [...]}'), ("/v1/model", "a JSON object")],
)
def test_a_body_that_is_a_bare_list_is_told_what_is_wanted(path, form, memory, asked, says):
    told = says(asked(memory).post(path, json=[POST]), 422)
    assert told["detail"] == f"body: is no object: wanted {form}, sent as application/json"


@pytest.mark.parametrize("kind", ["post", "interaction", "tie", "label"])
def test_the_network_of_what_names_none_may_be_sent_as_it_is_told(kind, memory, asked):
    service = asked(memory)
    event = EXAMPLES[kind] | {"network": ""}
    response = service.post("/v1/events", json={"events": [event]})
    assert response.status_code == 202, response.text
    assert memory.calls == [("accept", [event])]
    schemas = service.get("/openapi.json").json()["components"]["schemas"]
    for name in (kind.title(), "FeedbackRow", "Wanted"):
        assert "minLength" not in json.dumps(schemas[name]["properties"]["network"])


def test_feedback_and_recommendations_take_the_network_of_what_names_none(memory, asked):
    service = asked(memory)
    (row,) = ROUTES["POST", "/v1/feedback"]["rows"]
    assert service.post("/v1/feedback", json={"rows": [row | {"network": ""}]}).status_code == 202
    assert service.post("/v1/recommendations", json={"user_id": "ana", "network": ""}).status_code == 200
    assert memory.calls[1] == ("recommend", "ana", 5, "")


def test_a_network_left_out_is_told_of_where_events_are_described(memory, asked):
    schemas = asked(memory).get("/openapi.json").json()["components"]["schemas"]
    for name in ("Post", "Interaction", "Tie", "Label", "FeedbackRow"):
        assert "named ''" in json.dumps(schemas[name]["properties"]["network"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"events": []}', b"[" * 100_000, b'{"events": NaN}', b"\xff"]
)
def test_what_is_no_body(body, memory, asked):
    response = asked(memory).post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422), response.text
    assert response.headers["content-type"] == "application/problem+json"


def test_numbers_that_are_none_are_null(memory, asked):
    assert asked(memory).get("/v1/users/ana/influences").json()[0]["strength"] is None


def test_ids_may_hold_anything(memory, asked, says):
    service = asked(memory)
    assert service.get("/v1/users/bo%2Fc%20d/emotion").json()[0]["user_id"] == "bo/c d"
    assert service.get("/v1/users/%E6%9D%8E/emotion", params={"horizon": 2}).json()[2]["horizon"] == 2
    told = says(service.get("/v1/users/eve/emotion"), 404)
    assert told["detail"] == "this user is not known"  # and not who is
    for coded in ("%FF", "a%00b", "x" * 401):
        says(service.get(f"/v1/users/{coded}/emotion"), 404)


def test_groups_are_never_small(memory, asked, says):
    service = asked(memory, least=7)
    assert service.get("/v1/demand", params={"by": "mood"}).json()[0]["n"] == 7
    assert service.get("/v1/demand", params={"least": 9}).json()[0]["n"] == 9
    assert "fewer than 7" in says(service.get("/v1/demand", params={"least": 6}), 422)["detail"]
    says(service.get("/v1/demand", params={"by": "user"}), 422)


def test_a_model_is_swapped_by_its_name(memory, asked, says, tmp_path):
    room = tmp_path / "models"
    for name in ("models/new", "models/empty", "outside"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("models/new", "outside"):
        (tmp_path / name / "model.json").write_text("{}")
    (room / "link").symlink_to(tmp_path / "outside")
    service = asked(memory, models=room)
    assert service.post("/v1/model", json={"model": "new"}).status_code == 200
    assert memory.calls == [("swap", room / "new")]
    for name in ("empty", "gone", "link"):
        says(service.post("/v1/model", json={"model": name}), 404)
    for name in ("../outside", "..", "/etc", "new/../../outside", "new\x00", ".", ""):
        says(service.post("/v1/model", json={"model": name}), 422)


def test_health_and_metrics(memory, asked):
    service = asked(memory)
    service.post("/v1/events", json={"events": [POST]})
    service.get("/v1/users/ana/emotion")
    assert service.get("/v1/health").json() == {"accepted": 1, "applied": 0, "model": "abc"}
    assert (service.get("/healthz").status_code, service.get("/readyz").status_code) == (200, 200)
    told = service.get("/metrics").text
    assert 'emotide_requests_total{method="GET",route="/v1/users/{user}/emotion",status="200"} 1.0' in told
    assert 'emotide_events_total{kind="event",status="new"} 1.0' in told
    assert 'emotide_engine{fact="accepted"} 1.0' in told
    assert "ana" not in told


def test_a_slow_engine_is_given_up(memory, asked, says):
    memory.pause.clear()
    service = asked(memory, request_seconds=0.2)
    assert "too long" in says(service.get("/v1/spaces"), 503)["detail"]


def test_only_so_many_wait(memory, asked, says):
    memory.pause.clear()
    service = asked(memory, request_seconds=0.2, readers=1, waiting=1)
    statuses = [service.get("/v1/spaces").status_code for _ in range(3)]
    assert statuses[0] == 503
    assert statuses[2] in (429, 503)
    memory.pause.set()
    for _ in range(100):
        if service.get("/v1/spaces").status_code == 200:
            break
        time.sleep(0.02)
    assert service.get("/v1/spaces").status_code == 200


def test_nothing_of_anybody_is_logged(memory, asked, caplog):
    caplog.set_level(logging.DEBUG)
    service = asked(memory).bearing("emo_secret")
    service.get("/v1/users/ana/emotion")
    service.get("/v1/users/mallory/emotion", params={"space": "mallory"})
    service.post("/v1/events", json={"events": [POST]})
    service.get("/somewhere/ana")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert len([line for line in ours if "/v1/users/{user}/emotion 200" in line]) == 1
    assert not [line for line in ours if "ana" in line or "mallory" in line or "secret" in line]


def test_openapi_has_examples_and_one_shape_of_errors(memory, asked):
    told = asked(memory).get("/openapi.json").json()
    assert told["components"]["schemas"]["Events"]["examples"][0]["events"]
    assert "Problem" in told["components"]["schemas"]
    assert "HTTPValidationError" not in told["components"]["schemas"]
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert set(operation["responses"]) >= {"4XX", "5XX"}, (method, path)


@pytest.mark.parametrize("path", ["/healthz", "/v1/spaces", "/nowhere", "/v1/users/eve/emotion"])
def test_browsers_are_told_to_be_careful(path, memory, asked):
    headers = asked(memory).get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
