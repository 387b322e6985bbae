"""Where events come from: files that grow, pipes, Redis Streams, topics of Kafka."""

import sys
from pathlib import Path

from emotide.errors import BadInput
from emotide.live.sources.kafka_topic import KafkaTopic
from emotide.live.sources.lines import FileTail, StandardInput
from emotide.live.sources.redis_stream import RedisStream
from emotide.live.sources.source import Batch, Event, Sink, Source, follow, into


def open_source(name: str, wait: bool = True) -> Source:
    """The source of a name: a .jsonl file, `-`, redis://HOST/0?stream=NAME, or kafka://HOST:9092/TOPIC.

    Args:
        name: of the source.
        wait: whether to wait for more at its end.

    Raises:
        BadInput: it is none of these, or wants an extra.
    """
    if name == "-":
        return StandardInput(sys.stdin.buffer)
    kind = name.partition("://")[0] if "://" in name else ""
    if kind in ("redis", "rediss"):
        return RedisStream(name, wait)
    if kind == "kafka":
        return KafkaTopic(name, wait)
    if kind or not name.endswith((".jsonl", ".ndjson")):
        raise BadInput(
            f"{name!r} is no source: wanted a .jsonl file, -, redis://HOST/0?stream=NAME or kafka://HOST/TOPIC"
        )
    return FileTail(Path(name), wait=wait)


__all__ = [
    "Batch", "Event", "FileTail", "KafkaTopic", "RedisStream", "Sink", "Source", "StandardInput", "follow", "into",
    "open_source",
]  # fmt: skip
