"""Every event exactly once: offsets on the brokers that Kafka's library plays for tests."""

import json
from collections import Counter

import pytest

from emotide.live.sources import KafkaTopic, follow, into, open_source

from .conftest import Taker, event, killed_in_the_third_batch


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
