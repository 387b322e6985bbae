"""Attacks on the door, each tried: tokens, hosts, other sites, bodies, rates."""

import dataclasses
import hashlib
import re

import pytest
from fastapi import APIRouter

from emotide.errors import BadInput, StoreError, UnknownName
from emotide.serve import tokens
from emotide.serve.app import create_app
from emotide.serve.bodies import EXAMPLES
from emotide.serve.buckets import MOST, Buckets
from emotide.serve.settings import ServiceSettings
from emotide.serve.tokens import DAY, Keyring, Scope, create, revoke, rotate
from emotide.store import Store

ALL = list(Scope)
BODY = {"events": [EXAMPLES["post"]]}
NEEDS = {
    ("GET", "/v1/spaces"): Scope.read,
    ("GET", "/v1/users/ana/emotion"): Scope.read,
    ("GET", "/v1/users/ana/influences"): Scope.read,
    ("GET", "/v1/users/ana/demand"): Scope.read,
    ("GET", "/v1/demand"): Scope.read,
    ("GET", "/v1/stream?seconds=0.01"): Scope.read,
    ("GET", "/v1/health"): Scope.read,
    ("GET", "/metrics"): Scope.read,
    ("POST", "/v1/events"): Scope.write,
    ("POST", "/v1/feedback"): Scope.write,
    ("POST", "/v1/recommendations"): Scope.recommend,
    ("DELETE", "/v1/users/ana"): Scope.admin,
    ("POST", "/v1/model"): Scope.admin,
    ("POST", "/v1/checkpoint"): Scope.admin,
}
SENT = {
    "/v1/events": BODY,
    "/v1/feedback": {"rows": [{"event_id": "f", "user_id": "ana", "item_id": "i", "time": 1, "reward": 1}]},
    "/v1/recommendations": {"user_id": "ana"},
    "/v1/model": {"model": "town"},
}


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "town.db")


@pytest.fixture
def ring(store):
    return Keyring(store, seconds=0.0)


@pytest.fixture
def guarded(memory, asked, ring):
    return asked(memory, ring, failure_burst=10**6)


@pytest.mark.parametrize("route", NEEDS, ids=" ".join)
def test_every_route_asks_for_its_scope(route, store, guarded, says, memory):
    method, path = route
    says(guarded.request(method, path, json=SENT.get(path)), 401)
    for scope in ALL:
        bearer = guarded.bearing(create(store, "some", [scope], 1.0).token)
        response = bearer.request(method, path, json=SENT.get(path))
        if scope in (NEEDS[route], Scope.admin):
            assert response.status_code in (200, 202, 404), response.text
        else:
            assert NEEDS[route].value in says(response, 403)["detail"]
        memory.people.add("ana")


def forged(issued):
    head, token_id, secret = issued.token.split("_", 2)
    other = "A" if secret[0] != "A" else "B"
    return [
        "",
        "x",
        "emo",
        f"{head}_{token_id}",
        f"{head}_{token_id}_",
        f"{head}_{token_id}_{other}{secret[1:]}",
        f"{head}_{token_id}_{secret}A",
        f"{head}_{token_id}_{secret[:-1]}",
        f"{head}_{'0' * 12}_{secret}",
        f"{head}_{token_id.upper()}_{secret}" if token_id.upper() != token_id else "x",
        issued.row.hash,
        hashlib.sha256(issued.token.encode()).hexdigest(),
        f"{issued.token}\t{issued.token}",
        f"{issued.token}' OR '1'='1",
        "emo_' OR 1=1 --_" + secret,
        "A" * 5000,
    ]


@pytest.mark.parametrize("number", range(16))
def test_forged_tokens(number, store, guarded, says, memory):
    issued = create(store, "some", ALL, 1.0)
    assert guarded.bearing(issued.token).get("/v1/spaces").status_code == 200
    says(guarded.bearing(forged(issued)[number]).get("/v1/spaces"), 401)
    says(guarded.get("/v1/spaces", headers={"Cookie": f"emotide_token={forged(issued)[number].strip()!r}"}), 401)
    for header in (issued.token, f"Basic {issued.token}", f"Token {issued.token}"):
        says(guarded.get("/v1/spaces", headers={"Authorization": header}), 401)
    says(guarded.get(f"/v1/spaces?access_token={issued.token}"), 401)
    assert len(memory.calls) == 1


def test_expired_and_revoked_and_rotated_tokens(store, guarded, says, monkeypatch):
    expiring, ending, turning = (create(store, name, [Scope.read], 1.0) for name in "abc")
    for issued in (expiring, ending, turning):
        assert guarded.bearing(issued.token).get("/v1/spaces").status_code == 200  # and is remembered now
    revoke(store, ending.row.token_id)
    says(guarded.bearing(ending.token).get("/v1/spaces"), 401)
    turned = rotate(store, turning.row.token_id)
    says(guarded.bearing(turning.token).get("/v1/spaces"), 401)
    assert guarded.bearing(turned.token).get("/v1/spaces").status_code == 200
    assert (turned.row.name, turned.row.scopes) == ("c", "read")
    assert turned.row.expires - turned.row.created == DAY
    later = tokens.now() + DAY
    monkeypatch.setattr(tokens, "now", lambda: later)
    says(guarded.bearing(expiring.token).get("/v1/spaces"), 401)


def test_an_old_token_may_hold_on_for_a_while(store, guarded, says, monkeypatch):
    issued = create(store, "some", [Scope.read], 1.0)
    turned = rotate(store, issued.row.token_id, grace=60.0)
    assert guarded.bearing(issued.token).get("/v1/spaces").status_code == 200
    revoke(store, issued.row.token_id)  # at once, then
    says(guarded.bearing(issued.token).get("/v1/spaces"), 401)
    first = {row.token_id: row.revoked for row in store.tokens.rows()}[issued.row.token_id]
    revoke(store, issued.row.token_id)
    assert {row.token_id: row.revoked for row in store.tokens.rows()}[issued.row.token_id] == first
    with pytest.raises(BadInput, match="holds no more"):
        rotate(store, issued.row.token_id)
    for change in (rotate, revoke):
        with pytest.raises(UnknownName, match="token 'nothing' is not known"):
            change(store, "nothing")
    assert turned.row.revoked is None


def test_what_no_token_may_be(store):
    with pytest.raises(BadInput, match="must allow something"):
        create(store, "some", [], 1.0)
    for days in (0.0, -1.0, 4000.0, float("nan")):
        with pytest.raises(BadInput, match="days"):
            create(store, "some", [Scope.read], days)


def test_the_store_keeps_no_secret(store, tmp_path):
    issued = create(store, "some", ALL, 1.0)
    secret = issued.token.split("_", 2)[2]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert secret.encode() not in kept
    assert hashlib.sha256(secret.encode()).hexdigest().encode() not in kept
    assert issued.row.hash.startswith("$argon2id$")
    assert re.fullmatch(r"emo_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", issued.token)


def test_tokens_outlive_a_store_that_is_away_for_a_while(store, ring, memory, asked, says):
    issued = create(store, "some", ALL, 1.0)
    service = asked(memory, ring)
    assert service.bearing(issued.token).get("/v1/spaces").status_code == 200

    class Away:
        def rows(self):
            raise StoreError("away")

    ring._table = Away()
    assert service.bearing(issued.token).get("/v1/spaces").status_code == 200
    never = Keyring(store, seconds=0.0)
    never._table = Away()
    says(asked(memory, never).bearing(issued.token).get("/v1/spaces"), 503)


def test_guessing_is_slowed_down(store, ring, memory, asked, says):
    issued = create(store, "some", ALL, 1.0)
    service = asked(memory, ring, failure_burst=3, failure_rate=0.01)
    wrong = service.bearing(issued.token[:-1] + ("A" if issued.token[-1] != "A" else "B"))
    for _ in range(3):
        says(wrong.get("/v1/spaces"), 401)
    response = wrong.get("/v1/spaces")
    says(response, 429)
    assert int(response.headers["retry-after"]) > 60
    assert service.get("/healthz").status_code == 200


def test_what_was_verified_stays_so(store, ring, memory, asked, monkeypatch):
    service = asked(memory, ring).bearing(create(store, "some", ALL, 1.0).token)
    assert service.get("/v1/spaces").status_code == 200
    monkeypatch.setattr(Keyring, "verify", None)
    assert service.get("/v1/spaces").status_code == 200  # no argon2


def test_rates_are_by_token(store, ring, memory, asked, says):
    service = asked(memory, ring, rate=0.5, burst=2)
    one, other = (service.bearing(create(store, name, ALL, 1.0).token) for name in "ab")
    assert [one.get("/v1/spaces").status_code for _ in range(3)] == [200, 200, 429]
    response = one.get("/v1/spaces")
    says(response, 429)
    assert response.headers["retry-after"] == "2"
    assert other.get("/v1/spaces").status_code == 200


def test_buckets_fill_with_time():
    clock = [0.0]
    held = Buckets(2.0, 3, lambda: clock[0])
    assert [held.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert (held.wait("a"), held.wait("b")) == (0.5, 0)
    clock[0] = 0.5
    assert (held.take("a"), held.take("a")) == (0, 0.5)
    clock[0] = 1000
    assert [held.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    for number in range(MOST + 5):
        held.take(str(number))
    assert len(held._held) == MOST


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example", "127.0.0.2"]
)
def test_foreign_names_of_the_host(host, memory, asked, says):
    says(asked(memory).get("/v1/spaces", headers={"Host": host}), 421)
    assert not memory.calls


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8321", "localhost:1", "LOCALHOST", "[::1]:80"])
def test_own_names_of_the_host(host, memory, asked):
    assert asked(memory).get("/v1/spaces", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites(headers, memory, asked, says):
    says(asked(memory).post("/v1/events", json=BODY, headers=headers), 403)
    assert not memory.calls
    assert asked(memory).post("/v1/events", json=BODY, headers={"Origin": "http://127.0.0.1"}).status_code == 202


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_forms_of_other_sites(kind, memory, asked, says):
    headers = {"Content-Type": kind} if kind else {}
    says(asked(memory).post("/v1/recommendations", content='{"user_id": "ana"}', headers=headers), 422)
    assert not memory.calls


def pieces(size, of=1000):
    async def some():
        for _ in range(size // of):
            yield b" " * of

    return some()


@pytest.mark.parametrize("way", ["whole", "pieces", "lying", "huge", "odd"])
def test_bodies_that_are_too_large(way, memory, asked, says):
    service = asked(memory, max_body=10_000)
    kind = {"Content-Type": "application/json"}
    match way:
        case "whole":
            response = service.post("/v1/events", content=b" " * 10_001, headers=kind)
        case "pieces":
            response = service.post("/v1/events", content=pieces(11_000), headers=kind)
        case "lying":
            response = service.post("/v1/events", content=pieces(11_000), headers=kind | {"Content-Length": "5"})
        case "huge":
            response = service.post("/v1/events", content=b"{}", headers=kind | {"Content-Length": "9" * 400})
        case "odd":
            response = service.post("/v1/events", content=b"{}", headers=kind | {"Content-Length": "-1"})
    says(response, 413)
    assert not memory.calls


def test_bombs_are_not_unpacked(memory, asked, says):
    for coding in ("gzip", "deflate", "br"):
        says(asked(memory).post("/v1/events", content=b"x", headers={"Content-Encoding": coding}), 415)


TRAVERSALS = [
    "%2e%2e", "../..", "..%2F..%2Fetc%2Fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%5c..%5cwindows",
    "%252e%252e%252f",
    "....//....//etc/passwd", "/etc/passwd", "file:%2F%2F%2Fetc%2Fpasswd", "~root", "%00",
]  # fmt: skip


@pytest.mark.parametrize("user", TRAVERSALS)
@pytest.mark.parametrize("what", ["/emotion", "/influences", "/demand", ""])
def test_paths_lead_nowhere(user, what, memory, asked, says):
    response = asked(memory).request("GET" if what else "DELETE", f"/v1/users/{user}{what}")
    assert response.status_code in (404, 405)
    says(response, response.status_code)
    assert memory.people == {"ana", "bo/c d", "李"}


def test_a_browser_keeps_its_token_in_a_cookie(store, guarded, says):
    token = create(store, "some", [Scope.read], 1.0).token
    says(guarded.post("/v1/session"), 401)
    got = guarded.bearing(token).post("/v1/session")
    kept = got.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in kept.split(";")}
    cookie = {"Cookie": f"other=1; {kept.partition(';')[0]}"}
    assert guarded.get("/v1/spaces", headers=cookie).status_code == 200
    says(guarded.post("/v1/events", json=BODY, headers=cookie), 403)
    assert 'emotide_token=""' in guarded.request("DELETE", "/v1/session", headers=cookie).headers["set-cookie"]


def test_the_pages_of_a_dashboard(store, ring, memory, asked, says):
    pages = APIRouter()
    for path in ("/", "/v1/dashboard/start"):
        pages.get(path)(lambda: {"page": 1})
    service = asked.around(create_app(memory, ServiceSettings(), ring, pages, public=("/",)))
    assert service.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
    says(service.get("/v1/dashboard/start"), 401)
    for scope, status in ((Scope.read, 200), (Scope.write, 403)):
        bearer = service.bearing(create(store, "some", [scope], 1.0).token)
        assert bearer.get("/v1/dashboard/start").status_code == status


def test_the_rows_of_tokens_are_complete(store):
    issued = create(store, "ümläut' --", [Scope.read, Scope.write], 2.0)
    assert store.tokens.rows() == [dataclasses.replace(issued.row)]
    assert issued.row.scopes == "read,write"
