"""A real server on a real socket: slow and odd clients, streams, stopping, and the typed client."""

import contextlib
import json
import socket
import threading
import time

import httpx
import pytest

from emotide import BadInput, Busy, Client, StoreError, UnknownName
from emotide.serve.bodies import EXAMPLES
from emotide.serve.tokens import Keyring, Scope, create, revoke
from emotide.store import Store

POST = EXAMPLES["post"]


def talk(place, *parts, pause=0.0):
    """Everything that a server says to these bytes, until it closes; and after how many seconds that was."""
    begun = time.monotonic()
    with socket.create_connection(place, timeout=10) as line:
        with contextlib.suppress(OSError):  # closed while we still speak
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while got := line.recv(65536):
                said += got
    return said, time.monotonic() - begun


def test_slow_headers(memory, listening):
    place = listening(memory, header_seconds=0.3)
    for parts in ([b""], [b"GET / HT"], [b"GET / HTTP/1.1\r\n"] + [b"X-A: b\r\n"] * 20):
        said, seconds = talk(place, *parts, pause=0.1)
        assert said == b""
        assert seconds < 2.5


def test_slow_headers_of_a_second_request(memory, listening):
    place = listening(memory, header_seconds=0.3)
    first = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    said, seconds = talk(place, first, b"GET /healthz HTTP/1.1\r\n", *[b"X: y\r\n"] * 20, pause=0.1)
    assert said.count(b"200 OK") == 1
    assert seconds < 2.5


def test_slow_bodies(memory, listening):
    place = listening(memory, body_seconds=0.3)
    head = (
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    said, seconds = talk(place, head, *[b" "] * 20, pause=0.1)
    assert b" 408 " in said
    assert b"application/problem+json" in said
    assert seconds < 2.5
    assert not memory.calls


def test_clients_that_do_not_take_their_answer(memory, listening):
    place = listening(memory, send_seconds=0.3)
    memory.spaces = lambda: [{"name": "x" * 100_000} for _ in range(300)]
    with socket.create_connection(place) as line:
        line.sendall(b"GET /v1/spaces HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(1.2)
        line.settimeout(10)
        size = 0
        with contextlib.suppress(ConnectionResetError):
            while got := line.recv(1 << 20):
                size += len(got)
        assert size < 30_000_000  # it was given up
    assert httpx.get(f"http://{place[0]}:{place[1]}/healthz").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"G\xc3\xa9T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=range(10),
)
def test_what_is_no_http(sent, memory, listening):
    said, _ = talk(listening(memory, header_seconds=1.0, body_seconds=1.0), sent)
    assert said.startswith(b"HTTP/1.1 4")
    assert b"application/problem+json" in said
    assert not memory.calls


def test_requests_do_not_wait_for_each_other(memory, listening):
    host, port = listening(memory, readers=2)
    memory.pause.clear()
    slow = threading.Thread(target=httpx.get, args=(f"http://{host}:{port}/v1/spaces",))
    slow.start()
    begun = time.monotonic()
    assert httpx.get(f"http://{host}:{port}/healthz").status_code == 200
    assert time.monotonic() - begun < 1
    memory.pause.set()
    slow.join(10)


def test_a_stream(memory, listening):
    host, port = listening(memory, heartbeat_seconds=0.2)
    row = {
        "user_id": "ana",
        "network": "",
        "time": "2024-05-01T00:00:00Z",
        "space": "polarity",
        "reading": "positive\n",
    }
    with httpx.stream("GET", f"http://{host}:{port}/v1/stream", params={"user": "ana", "seconds": 1.5}) as got:
        assert got.headers["content-type"].startswith("text/event-stream")
        lines = got.iter_lines()
        assert next(lines) == ": begins"
        while not memory.heard:
            time.sleep(0.01)
        for user in ("bo", "ana"):
            memory.heard[0].rows.put(row | {"user_id": user})
        told = list(lines)
    assert [json.loads(line[6:]) for line in told if line.startswith("data: ")] == [row]
    assert ": still here" in told
    assert "emotide_streams 0.0" in httpx.get(f"http://{host}:{port}/metrics").text


def test_a_stream_tells_nothing_of_whoever_is_erased_meanwhile(memory, listening):
    host, port = listening(memory)
    with httpx.stream("GET", f"http://{host}:{port}/v1/stream", params={"seconds": 1.0}) as got:
        lines = got.iter_lines()
        assert next(lines) == ": begins"
        while not memory.heard:
            time.sleep(0.01)
        memory.heard[0].erased.add("bo")
        for user in ("bo", "ana"):
            memory.heard[0].rows.put({"user_id": user, "network": ""})
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert [row["user_id"] for row in told] == ["ana"]


def test_streams_are_few_and_end_with_the_token(memory, listening, tmp_path):
    store = Store.open(tmp_path / "town.db")
    issued = create(store, "some", [Scope.read], 1.0)
    host, port = listening(memory, Keyring(store, seconds=0.0), streams=1)
    url, bearer = f"http://{host}:{port}/v1/stream", {"Authorization": f"Bearer {issued.token}"}
    with httpx.stream("GET", url, headers=bearer) as got:
        lines = got.iter_lines()
        assert next(lines) == ": begins"
        assert httpx.get(url, headers=bearer).status_code == 429
        revoke(store, issued.row.token_id)
        assert httpx.get(url, headers=bearer).status_code == 401  # which reads the table again
        assert list(lines) == [""]


def test_stopping_ends_streams_and_closes_the_engine(memory, listening):
    host, port = listening(memory)
    with httpx.stream("GET", f"http://{host}:{port}/v1/stream") as got:
        lines = got.iter_lines()
        next(lines)
        assert httpx.get(f"http://{host}:{port}/readyz").status_code == 200
        ((server, thread),) = listening.running
        server.handle_exit(15, None)
        assert list(lines) == [""]
    thread.join(10)
    assert memory.calls[-1] == ("checkpoint",)
    assert memory.closed


def test_the_client_has_the_methods_of_the_engine(memory, listening, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "model.json").write_text("{}")
    host, port = listening(memory, models=tmp_path)
    with Client(f"http://{host}:{port}") as client:
        assert [one.status for one in client.accept([POST])] == ["new"]
        rows = [{"event_id": "f", "user_id": "ana", "item_id": "i", "time": 1, "reward": 1.0}]
        assert client.feedback(rows)[0].event_id == "f"
        assert [one.horizon for one in client.emotion("ana", horizon=1)] == [0, 1]
        assert client.emotion("bo/c d", space="pad", network="")[0].space == "pad"
        assert client.influences("ana", top=3)[0].strength is None
        assert client.demand(by="mood")[0].group == "mood"
        assert client.demand(user="ana")[0].group == "ana"
        assert len(client.recommend("ana", top=2)) == 2
        assert client.spaces()[0].name == "polarity"
        client.swap("new")
        assert client.checkpoint() == "checkpoint-1"
        assert client.health().accepted == 2
        assert client.forget("ana").rows == 1
        with pytest.raises(UnknownName, match="this user is not known"):
            client.emotion("ana")
        with pytest.raises(BadInput, match="event 0, time: is no time"):
            client.accept([POST | {"time": None}])
        told = client.subscribe(user="bo")
        threading.Timer(0.5, lambda: memory.heard[0].rows.put({"user_id": "bo", "reading": "joy"})).start()
        assert next(told) == {"user_id": "bo", "reading": "joy"}
        told.close()


def test_the_client_tries_again():
    answers = iter([httpx.Response(429, headers={"Retry-After": "0"}), httpx.Response(503), httpx.ConnectError("gone"),
                    httpx.Response(200, json=[])])  # fmt: skip
    asked = []

    def answer(request):
        asked.append(request)
        got = next(answers)
        if isinstance(got, Exception):
            raise got
        return got

    with pytest.MonkeyPatch.context() as patch:
        slept = []
        patch.setattr("emotide.serve.client.time.sleep", slept.append)
        client = Client("http://127.0.0.1", "emo_token", transport=httpx.MockTransport(answer))
        assert client.spaces() == []
    assert slept == [0, 1, 1]
    assert {request.headers["authorization"] for request in asked} == {"Bearer emo_token"}


@pytest.mark.parametrize(
    ("given", "error"),
    [(httpx.Response(429), Busy), (httpx.Response(503), StoreError), (httpx.Response(403), BadInput),
     (httpx.Response(404, json={"detail": "no"}), UnknownName), (httpx.ReadTimeout("late"), StoreError),
     (httpx.Response(500, content=b"<html>"), StoreError)],
)  # fmt: skip
def test_the_client_raises_the_family(given, error, monkeypatch):
    monkeypatch.setattr("emotide.serve.client.time.sleep", lambda seconds: None)

    def answer(request):
        if isinstance(given, Exception):
            raise given
        return given

    with pytest.raises(error):
        Client("http://127.0.0.1", tries=2, transport=httpx.MockTransport(answer)).spaces()
