"""Every event exactly once: a real Redis, crashes between batches, consumers that leave."""

import json
import shutil
import signal
import socket
import subprocess

import pytest

from emotide.errors import BadInput
from emotide.live.sources import follow, into, open_source

from .conftest import Pauses, Stop, Taker, event, killed_in_the_third_batch


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory):
    """The port of a server of our own."""
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on PATH (Debian: apt-get install redis-server)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    words = [binary, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
    server = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            signal.sigtimedwait([], 0.05)
        yield port
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def stream(redis_port):
    """A client, and the URL of an empty stream."""
    import redis

    client = redis.Redis(port=redis_port)
    client.flushall()
    yield client, f"redis://127.0.0.1:{redis_port}/0?stream=events"
    client.close()


def ended(url):
    """A source that ends where the stream does."""
    return open_source(url, wait=False)


def test_entries_are_acknowledged_after_their_receipts(stream):
    client, url = stream
    for n in range(3):
        client.xadd("events", {"event": event(n)})
    client.xadd("events", {"event_id": "e3", "type": "post", "n": 3})
    client.xadd("events", {"event": "{"})
    taker, wrong = Taker(), []
    source = ended(url)
    batch = next(iter(source))
    assert client.xpending("events", "emotide")["pending"] == 5
    taker.accept(batch.events)
    source.done(batch)
    source.close()
    assert client.xpending("events", "emotide")["pending"] == 0
    assert (len(batch.events), len(batch.wrong)) == (4, 1)
    client.xadd("events", {"data": json.dumps({"type": "post", "n": 4})})
    source = ended(url)
    counts = follow(source, into(taker), lambda *told: wrong.append(told))
    source.close()
    assert (counts["new"], taker.deliveries) == (1, 5)
    assert [str(n) for n in taker.n] == ["0", "1", "2", "3", "4"]
    assert list(taker.kept)[-1].startswith("events/")


def test_after_a_crash_entries_come_again_and_count_once(stream):
    client, url = stream
    for n in range(40):
        client.xadd("events", {"event": event(n)})
    taker = Taker()
    source = ended(url)
    for batch in source:
        taker.accept(batch.events)
        break  # no receipt was noted
    source.close()
    source = ended(url)
    counts = follow(source, into(taker), print)
    source.close()
    assert (counts["known"], counts["new"], sorted(taker.n)) == (40, 0, list(range(40)))
    assert client.xpending("events", "emotide")["pending"] == 0


def test_a_stream_is_resumed_behind_the_last_receipt(stream, monkeypatch):
    monkeypatch.setattr("emotide.live.sources.redis_stream.ENTRIES", 3)
    client, url = stream
    for n in range(10):
        client.xadd("events", {"event": event(n)})
    taker, source = Taker(), ended(url)
    killed_in_the_third_batch(source, taker)
    client.xadd("events", {"event": event(10)})
    again = ended(url)
    counts = follow(again, into(taker), print)
    again.close()
    source.close()
    assert (counts["known"], counts["new"]) == (3, 2)  # what had a receipt does not come again
    assert sorted(taker.n) == list(range(11))


def test_what_another_consumer_left_is_taken_over(stream, monkeypatch):
    client, url = stream
    client.xadd("events", {"event": event(0)})
    other = ended(f"{url}&consumer=other")
    next(iter(other))  # and dies
    other.close()
    monkeypatch.setattr("emotide.live.sources.redis_stream.ABANDONED", 0)
    taker, source = Taker(), ended(url)
    follow(source, into(taker), print)
    source.close()
    assert taker.n == [0]


def test_an_entry_that_was_deleted_does_not_stick(stream):
    client, url = stream
    number = client.xadd("events", {"event": event(0)})
    source = ended(url)
    next(iter(source))
    source.close()
    client.xdel("events", number)
    taker, source = Taker(), ended(url)
    follow(source, into(taker), print)
    source.close()
    assert (taker.n, client.xpending("events", "emotide")["pending"]) == ([], 0)


def test_a_server_that_is_away_is_waited_for_or_told():
    pytest.importorskip("redis")
    from emotide.live.sources import RedisStream

    url = "redis://127.0.0.1:1/0?stream=events"
    with pytest.raises(BadInput, match="cannot be reached"):
        next(iter(RedisStream(url, wait=False)))
    pauses = Pauses(*[lambda: None] * 3)
    with pytest.raises(Stop):
        next(iter(RedisStream(url, sleep=pauses)))
    assert pauses.seconds == [0.1, 0.2, 0.4, 0.8]


def test_a_key_of_another_kind_is_told(stream):
    client, url = stream
    client.set("events", "text")
    with pytest.raises(BadInput, match="events"):
        next(iter(ended(url)))
