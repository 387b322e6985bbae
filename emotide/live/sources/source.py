"""What a source of events is, and the loop that carries its batches to whoever takes them in.

    for batch in source:  receipts = sink(batch.events);  source.done(batch)

A source notes how far it is only in `done`, when the receipts are there: after a crash whatever had none comes again
(at least once). The sink knows an event by its id again. Both together: every event counts exactly once.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from emotide.errors import Busy
from emotide.log import Pseudonyms

Event = dict[str, Any]
LONGEST_EVENT = 1 << 20  # bytes of one event as it came


@dataclass(frozen=True)
class Batch:
    """Some events of a source.

    Attributes:
        events: each with an `event_id`, its own or one of the source's making.
        place: what `done` must know, for the source alone.
        wrong: what held no event: where, and why.
    """

    events: list[Event]
    place: Any = None
    wrong: list[tuple[str, str]] = field(default_factory=list)


@runtime_checkable
class Receipt(Protocol):
    """What became of an event, see `emotide.live`."""

    @property
    def event_id(self) -> str:
        """As it came."""

    @property
    def status(self) -> str:
        """new, known or refused."""

    @property
    def reason(self) -> str | None:
        """Of a refusal."""


@runtime_checkable
class Source(Protocol):
    """Batches of events."""

    def __iter__(self) -> Iterator[Batch]:
        """The batches, as they come; those without a receipt before come first."""

    def done(self, batch: Batch) -> None:
        """The receipts of a batch are there: it must not come again."""

    def close(self) -> None:
        """Let go of files and connections."""


@runtime_checkable
class Taker(Protocol):
    """Who takes events in: a `LiveEngine`, or the client of a service."""

    def accept(self, events: Sequence[Event]) -> Sequence[Receipt]:
        """Keep events."""

    def feedback(self, rows: Sequence[Event]) -> Sequence[Receipt]:
        """Keep feedback."""


Sink = Callable[[Sequence[Event]], Sequence[Receipt]]
Tell = Callable[[Counter[str]], None]


def follow(
    source: Source,
    sink: Sink,
    wrong: Callable[[str, str], None],
    tell: Tell | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Counter[str]:
    """Carry a source's events to a sink until the source ends; a sink that is `Busy` is waited for.

    Args:
        wrong: is told of each event that was none or was refused: where or which, and why.
        tell: is told the counts after each batch.
        sleep: waits so many seconds.

    Returns:
        How many were new, known, refused and unread.
    """
    counts: Counter[str] = Counter(new=0, known=0, refused=0, unread=0)
    for batch in source:
        for place, reason in batch.wrong:
            wrong(place, reason)
        receipts = _taken(sink, batch.events, sleep) if batch.events else []
        for receipt in receipts:
            if receipt.status == "refused":
                wrong(f"event {receipt.event_id}", receipt.reason or "refused")
        source.done(batch)
        counts.update(receipt.status for receipt in receipts)
        counts["unread"] += len(batch.wrong)
        if tell:
            tell(counts)
    return counts


def into(taker: Taker, pseudonyms: Pseudonyms | None = None) -> Sink:
    """A sink that gives "feedback" to `feedback` and all other events to `accept`, under pseudonyms if wanted."""

    def sink(events: Sequence[Event]) -> Sequence[Receipt]:
        named = [pseudonyms.event(event) for event in events] if pseudonyms else list(events)
        parts: tuple[list[Event], list[Event]] = ([], [])
        for event in named:
            parts[event.get("type") == "feedback"].append(event)
        told = [
            *(taker.accept(parts[False]) if parts[False] else []),
            *(taker.feedback([_untyped(event) for event in parts[True]]) if parts[True] else []),
        ]
        return told

    return sink


def _untyped(event: Event) -> Event:
    return {name: value for name, value in event.items() if name != "type"}


def read_event(text: bytes, fallback_id: str | None = None) -> Event:
    """The event in some bytes of JSON; without an `event_id` it gets the fallback, or one made of the bytes.

    Raises:
        ValueError: they hold none.
    """
    if len(text) > LONGEST_EVENT:
        raise ValueError(f"is longer than {LONGEST_EVENT >> 10} KB")
    try:
        event = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON ({error})") from None
    if not isinstance(event, dict):
        raise ValueError(f"is a {type(event).__name__}, wanted an object")
    event.setdefault("event_id", fallback_id or hashlib.sha256(text.strip()).hexdigest()[:32])
    return event


def _taken(sink: Sink, events: Sequence[Event], sleep: Callable[[float], None]) -> Sequence[Receipt]:
    while True:
        try:
            return sink(events)
        except Busy as busy:
            sleep(max(busy.retry_after, 0.01))
