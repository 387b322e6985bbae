"""Redis Streams as events, read by a consumer group: an entry is acknowledged when its receipt is there."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

from emotide.errors import BadInput
from emotide.live.sources.source import Batch, Event, read_event

ENTRIES = 500  # of a batch
ABANDONED = 60_000  # milliseconds after which another consumer's entry is taken over
JSON_FIELDS = (b"event", b"data")
LONGEST_WAIT = 30.0  # seconds between two tries to reach a server that is away


class RedisStream:
    """The entries of a stream.

    An entry holds an event as JSON in its field `event` (or `data`), or the event's columns as its fields. Without an
    `event_id` it has that of the stream and its number. What was read and not acknowledged comes first when the same
    consumer comes again; what another consumer left for a minute is taken over.

    Args:
        url: redis://[:PASSWORD@]HOST[:PORT]/DB?stream=NAME[&group=…][&consumer=…], or rediss:// for TLS.
        wait: whether to wait for more at the end, or to end there.
        block: milliseconds to wait for new entries at a time.
        sleep: waits so many seconds, when the server is away.
    """

    def __init__(
        self, url: str, wait: bool = True, block: int = 1000, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        try:
            import redis
        except ImportError:
            raise BadInput("a stream of Redis wants the extra: pip install 'emotide[redis]'") from None
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if not asked.get("stream"):
            raise BadInput("names no stream: wanted redis://HOST/0?stream=NAME", f"{parts.scheme}://{parts.hostname}")
        self.stream, self.group = asked["stream"], asked.get("group", "emotide")
        self.consumer, self.wait, self.block, self.sleep = asked.get("consumer", "emotide"), wait, block, sleep
        self._away = (redis.ConnectionError, redis.TimeoutError)
        self._refused = redis.ResponseError
        self._redis: Any = redis.Redis.from_url(urlunsplit(parts._replace(query="")), socket_timeout=block / 1000 + 10)

    def __iter__(self) -> Iterator[Batch]:
        """Batches of at most ENTRIES: own entries without a receipt, those that others left, then new ones."""
        self._tried(self._join)
        since = "0"
        while since != ">":
            entries = self._tried(partial(self._read, since, None))
            since = entries[-1][0].decode() if entries else ">"
            if entries:
                yield self._batch(entries)
        while True:
            entries = self._tried(self._left) or self._tried(lambda: self._read(">", self.block if self.wait else None))
            if entries:
                yield self._batch(entries)
            elif not self.wait:
                return

    def done(self, batch: Batch) -> None:
        """Acknowledge the entries of a batch."""
        if batch.place:
            self._tried(lambda: self._redis.xack(self.stream, self.group, *batch.place))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def _join(self) -> None:
        """Make the group, at the beginning of the stream, if there is none."""
        try:
            self._redis.xgroup_create(self.stream, self.group, id="0", mkstream=True)
        except self._refused as error:
            if "BUSYGROUP" not in str(error):
                raise BadInput(f"cannot be read as a stream ({error})", self.stream) from error

    def _read(self, after: str, block: int | None) -> list[Any]:
        found = self._redis.xreadgroup(self.group, self.consumer, {self.stream: after}, count=ENTRIES, block=block)
        held = found.items() if isinstance(found, dict) else found or []
        return [entry for _, entries in held for entry in _flat(entries)]

    def _left(self) -> list[Any]:
        """What other consumers read long ago and never acknowledged."""
        return list(self._redis.xautoclaim(self.stream, self.group, self.consumer, ABANDONED, "0-0", count=ENTRIES)[1])

    def _batch(self, entries: list[Any]) -> Batch:
        events, wrong = list[Event](), list[tuple[str, str]]()
        for number, fields in entries:
            if fields:  # one that was deleted from the stream meanwhile has none
                try:
                    events.append(_event(f"{self.stream}/{number.decode()}", fields))
                except ValueError as error:
                    wrong.append((f"{self.stream}, entry {number.decode()}", str(error)))
        return Batch(events, [number for number, _ in entries], wrong)

    def _tried(self, what: Callable[[], Any]) -> Any:
        """What a command gives; a server that is away is waited for, unless we do not wait at all."""
        pause = 0.1
        while True:
            try:
                return what()
            except self._away as error:
                if not self.wait:
                    raise BadInput(f"cannot be reached ({error})", f"stream {self.stream}") from error
                self.sleep(pause)
                pause = min(2 * pause, LONGEST_WAIT)
            except self._refused as error:
                if "NOGROUP" not in str(error):
                    raise BadInput(f"refuses ({error})", f"stream {self.stream}") from error
                self._join()  # somebody emptied the server: begin again


def _flat(entries: Any) -> list[Any]:
    """The entries, whatever this version of the library wraps them in."""
    return entries[0] if entries and isinstance(entries[0], list) else list(entries)


def _event(name: str, fields: dict[bytes, bytes]) -> Event:
    for field in JSON_FIELDS:
        if field in fields:
            return read_event(fields[field], name)
    try:
        event: Event = {key.decode("utf-8"): value.decode("utf-8") for key, value in fields.items()}
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    event.setdefault("event_id", name)
    return event
