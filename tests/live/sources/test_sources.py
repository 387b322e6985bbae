"""Every event exactly once: files that are cut, rotated and half written, a real Redis, crashes between batches."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections import Counter
from types import SimpleNamespace

import pytest

from emotide.errors import BadInput, Busy
from emotide.live.sources import FileTail, KafkaTopic, StandardInput, follow, into, lines, open_source
from emotide.log import Pseudonyms


class Taker:
    """Takes events in as the engine does: by their ids, once."""

    def __init__(self, busy=0):
        self.kept, self.told, self.busy, self.deliveries = {}, {}, busy, 0

    def accept(self, events, kept=None):
        if self.busy:
            self.busy -= 1
            raise Busy(0.25)
        kept = self.kept if kept is None else kept
        receipts = []
        for event in events:
            self.deliveries += 1
            status = "refused" if event.get("type") == "wrong" else "known" if event["event_id"] in kept else "new"
            if status == "new":
                kept[event["event_id"]] = event
            receipts.append(SimpleNamespace(event_id=event["event_id"], status=status, reason="is wrong"))
        return receipts

    def feedback(self, rows):
        return self.accept(rows, self.told)

    @property
    def n(self):
        return [event["n"] for event in self.kept.values()]


class Stop(Exception):
    pass


class Pauses:
    """Does what is planned whenever somebody waits; stops when nothing is planned any more."""

    def __init__(self, *plans):
        self.plans, self.seconds = list(plans), []

    def __call__(self, seconds):
        self.seconds.append(seconds)
        if not self.plans:
            raise Stop
        self.plans.pop(0)()


def event(n, **more):
    return json.dumps({"event_id": f"e{n}", "type": "post", "n": n, **more}) + "\n"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def run(path, taker, *plans):
    """Follow a file until nothing is planned; returns what was wrong."""
    wrong = []
    pauses = Pauses(*plans)
    tail = FileTail(path, sleep=pauses)
    try:
        with pytest.raises(Stop):
            follow(tail, into(taker), lambda *told: wrong.append(told), sleep=pauses)
    finally:
        tail.close()
    return wrong


# files


def test_a_file_is_read_as_it_grows_and_half_a_line_waits(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    whole = event(2)
    run(
        path, taker,
        lambda: append(path, event(0)),  # the file comes later
        lambda: append(path, event(1) + whole[:9]),
        lambda: append(path, whole[9:]),
    )  # fmt: skip
    assert (taker.n, taker.deliveries) == ([0, 1, 2], 3)


def test_it_resumes_at_the_place_kept(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0) + event(1))
    run(path, taker)
    append(path, event(2))
    run(path, taker)
    assert (taker.n, taker.deliveries) == ([0, 1, 2], 3)


def test_what_had_no_receipt_comes_again_and_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LINES", 2)
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, "".join(event(k) for k in range(10)))
    for crash in range(1, 12):  # after so many batches, before the place is kept
        tail = FileTail(path, wait=False)
        for number, batch in enumerate(tail, 1):
            taker.accept(batch.events)
            if number == crash:
                break
            tail.done(batch)
        tail.close()
    assert taker.n == list(range(10))
    assert taker.deliveries > 10


@pytest.mark.parametrize("name", ["events.jsonl.1", "events.jsonl-20240101"])
def test_a_rotated_file_is_read_to_its_end_before_the_new_one(tmp_path, name):
    path, taker = tmp_path / "events.jsonl", Taker()

    def rotate():
        append(path, event(1) + event(2).rstrip("\n"))  # its last line never gets an end
        path.rename(tmp_path / name)
        append(path, event(3))

    append(path, event(0))
    run(path, taker, rotate, lambda: append(path, event(4)))
    assert (taker.n, taker.deliveries) == ([0, 1, 2, 3, 4], 5)


def test_rotations_while_nobody_looked_are_caught_up(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0))
    run(path, taker)
    append(path, event(1))
    os.utime(path, (1, 1))
    path.rename(tmp_path / "events.jsonl.2")
    append(path, event(2))
    os.utime(path, (2, 2))
    path.rename(tmp_path / "events.jsonl.1")
    append(path, event(3))
    run(path, taker)
    assert (taker.n, taker.deliveries) == ([0, 1, 2, 3], 4)


def test_a_file_that_was_cut_off_is_read_from_its_beginning(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0) + event(1))
    run(path, taker, lambda: path.write_text(event(2)))
    assert taker.n == [0, 1, 2]


def test_another_file_of_the_same_name_and_length_is_not_mistaken(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    append(path, event(0))
    run(path, taker)
    path.write_text(event(1))  # the same number of bytes in the same inode
    run(path, taker)
    assert taker.n == [0, 1]


def test_lines_that_hold_no_event_are_told_and_passed(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_EVENT", 200)
    monkeypatch.setattr("emotide.live.sources.source.LONGEST_EVENT", 200)
    path, taker = tmp_path / "events.jsonl", Taker()
    bad = ["{", "[1]", "\n", "x" * 1000, '{"event_id": "w", "type": "wrong"}']
    path.write_bytes(("\n".join(bad) + "\n").encode() + b"\xff\n" + event(1).encode())
    wrong = run(path, taker)
    assert taker.n == [1]
    for (_, reason), wanted in zip(wrong, ["JSON", "list", "longer", "UTF-8", "is wrong"], strict=True):
        assert wanted in reason


def test_an_event_without_an_id_gets_one_of_its_content(tmp_path):
    path, taker = tmp_path / "events.jsonl", Taker()
    row = {"type": "post", "post_id": "p", "n": 1}
    append(path, json.dumps(row) + "\n" + json.dumps(row) + "\n" + json.dumps({**row, "n": 2}) + "\n")
    run(path, taker)
    assert taker.n == [1, 2]


def test_a_busy_sink_is_waited_for(tmp_path):
    path, pauses, taker = tmp_path / "events.jsonl", Pauses(*[lambda: None] * 3), Taker(busy=3)
    append(path, event(0))
    source = FileTail(path, wait=False)
    assert follow(source, into(taker), print, sleep=pauses) == Counter(new=1, known=0, refused=0, unread=0)
    source.close()
    assert pauses.seconds == [0.25] * 3


def test_feedback_goes_its_own_way_and_names_are_hashed(tmp_path):
    path, taker, names = tmp_path / "events.jsonl", Taker(), Pseudonyms(b"k" * 32)
    append(path, event(0, user_id="ana", text="hi @bo") + event(1, type="feedback", user_id="ana", item_id="i"))
    source = FileTail(path, wait=False)
    follow(source, into(taker, names), print)
    source.close()
    ((post,), (told,)) = taker.kept.values(), taker.told.values()
    assert post["user_id"] == told["user_id"] == names.of("ana")
    assert post["text"] == f"hi @{names.of('bo')}"
    assert "type" not in told


def test_a_damaged_place_is_named(tmp_path):
    path = tmp_path / "events.jsonl"
    append(path, event(0))
    (tmp_path / "events.jsonl.place").write_text("{}")
    with pytest.raises(BadInput, match="delete it to read the file from its beginning"):
        next(iter(FileTail(path)))


def test_a_pipe_is_read_as_it_comes():
    taker = Taker()
    readable, writable = os.pipe()
    with open(readable, "rb") as source, open(writable, "wb", buffering=0) as sink:
        batches = iter(StandardInput(source))
        text = (event(0) + event(1) + event(2)).encode()
        sink.write(text[:-9])
        assert [row["n"] for row in next(batches).events] == [0, 1]
        sink.write(text[-9:-1])
        sink.close()
        for batch in batches:
            taker.accept(batch.events)
    assert taker.n == [2]


@pytest.mark.parametrize("name", ["events.csv", "ftp://x/y", "redis://127.0.0.1/0", "kafka://127.0.0.1:9092"])
def test_what_is_no_source_is_told(name):
    if name.startswith("kafka"):
        pytest.importorskip("confluent_kafka", reason="the extra 'kafka' is not installed")
    with pytest.raises(BadInput, match=r"wanted"):
        open_source(name)
    with pytest.raises(BadInput, match="no such file"):
        open_source("nowhere.jsonl", wait=False)


# Redis, a real one


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


def killed_in_the_third_batch(source, taker):
    """Two batches are done; the third is taken in, and nobody notes it."""
    for number, batch in enumerate(source, 1):
        taker.accept(batch.events)
        if number == 3:
            return
        source.done(batch)


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


# Kafka, on the brokers that its library plays for tests


@pytest.fixture
def kafka():
    """A producer with brokers of its own, and where they listen."""
    kafka = pytest.importorskip("confluent_kafka", reason="the extra 'kafka' is not installed")
    producer = kafka.Producer({"test.mock.num.brokers": 1})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    return producer, f"kafka://{broker.host}:{broker.port}/events"


def test_offsets_are_committed_after_the_receipts(kafka):
    from confluent_kafka import TopicPartition

    producer, url = kafka
    for n in range(5):
        producer.produce("events", event(n).encode() if n != 2 else b"{")
    producer.produce("events", json.dumps({"type": "post", "n": 9}).encode())
    producer.flush(10)
    taker, source = Taker(), open_source(url, wait=False)

    def committed():
        partitions = producer.list_topics("events", timeout=10).topics["events"].partitions
        found = source._consumer.committed([TopicPartition("events", number) for number in partitions], timeout=10)
        return sum(max(place.offset, 0) for place in found)

    batches, read = iter(source), 0
    while read < 6:
        batch = next(batches)
        taker.accept(batch.events)
        assert committed() == read
        source.done(batch)
        read += len(batch.events) + len(batch.wrong)
        assert committed() == read
    source.close()
    assert sorted(taker.n) == [0, 1, 3, 4, 9]
    assert any(name.startswith("events/") for name in taker.kept)


def test_a_topic_is_resumed_behind_the_last_receipt(kafka, monkeypatch):
    monkeypatch.setattr("emotide.live.sources.kafka_topic.MESSAGES", 3)
    monkeypatch.setattr("emotide.live.sources.kafka_topic.SESSION", 6.0)  # these brokers wait for whoever has gone
    producer, url = kafka
    for n in range(10):
        producer.produce("events", event(n).encode(), partition=0)
    producer.flush(10)
    taker, source = Taker(), open_source(url, wait=False)
    killed_in_the_third_batch(source, taker)
    noted = taker.deliveries - 3
    source.close()
    producer.produce("events", event(10).encode(), partition=0)
    producer.flush(10)
    again = KafkaTopic(url, wait=False, quiet=2)
    counts = follow(again, into(taker), print)
    again.close()
    assert sorted(taker.n) == list(range(11))
    assert counts["known"] + counts["new"] == 11 - noted  # what had a receipt does not come again
    assert counts["known"] == 3
    last = KafkaTopic(url, wait=False, quiet=2)
    assert follow(last, into(taker), print) == Counter(new=0, known=0, refused=0, unread=0)
    last.close()
