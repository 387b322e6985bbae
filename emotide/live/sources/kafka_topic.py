"""A topic of Kafka as events, read by a consumer group: offsets are committed when the receipts are there."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from emotide.errors import BadInput
from emotide.live.sources.source import Batch, Event, read_event

MESSAGES = 500  # of a batch
SESSION = 10.0  # seconds without a sign of life after which the broker gives a consumer's partitions to others
JOINING = 60.0  # seconds within which a consumer has partitions, also where one that was killed held them


class KafkaTopic:
    """The messages of a topic, each an event as JSON.

    Without an `event_id` a message has that of its topic, partition and offset. What was not committed comes again.

    Args:
        url: kafka://HOST:PORT[,HOST:PORT]/TOPIC[?group=…].
        wait: whether to wait for more, or to end when nothing comes for `quiet` polls, once there are partitions.
        poll: seconds to wait for messages at a time.
        quiet: polls.
    """

    def __init__(self, url: str, wait: bool = True, poll: float = 1.0, quiet: int = 10) -> None:
        try:
            from confluent_kafka import Consumer
        except ImportError:
            raise BadInput("a topic of Kafka wants the extra: pip install 'emotide[kafka]'") from None
        parts = urlsplit(url)
        topic = parts.path.strip("/")
        if not parts.netloc or not topic:
            raise BadInput("names no topic: wanted kafka://HOST:9092/TOPIC", url)
        self.topic, self.wait, self.poll, self.quiet = topic, wait, poll, quiet
        group = parse_qs(parts.query).get("group", ["emotide"])[-1]
        self._consumer: Any = Consumer(
            {
                "bootstrap.servers": parts.netloc,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": round(1000 * SESSION),
            }
        )
        self._consumer.subscribe([topic])

    def __iter__(self) -> Iterator[Batch]:
        """Batches of at most MESSAGES, as they come."""
        quiet, begun = 0, time.monotonic()
        while self.wait or quiet < self.quiet:
            found = self._consumer.consume(MESSAGES, self.poll)
            messages = [message for message in found if message.error() is None]
            joining = time.monotonic() - begun < JOINING and not self._consumer.assignment()
            quiet = 0 if messages or joining else quiet + 1
            fatal = [message.error() for message in found if message.error() is not None and message.error().fatal()]
            if fatal:
                raise BadInput(f"cannot be read ({fatal[0]})", f"topic {self.topic}")
            if messages:
                yield self._batch(messages)

    def done(self, batch: Batch) -> None:
        """Commit the offsets behind a batch."""
        self._consumer.commit(offsets=batch.place, asynchronous=False)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _batch(self, messages: list[Any]) -> Batch:
        from confluent_kafka import TopicPartition

        events, wrong, behind = list[Event](), list[tuple[str, str]](), dict[int, int]()
        for message in messages:
            partition, offset = message.partition(), message.offset()
            behind[partition] = offset + 1
            try:
                events.append(read_event(message.value() or b"", f"{self.topic}/{partition}/{offset}"))
            except ValueError as error:
                wrong.append((f"{self.topic}, partition {partition}, offset {offset}", str(error)))
        return Batch(events, [TopicPartition(self.topic, p, n) for p, n in behind.items()], wrong)
