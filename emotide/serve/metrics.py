"""What Prometheus is told: requests by route, and the engine's health. No ids: labels are routes, never paths."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = held = CollectorRegistry()
        by_route = ["method", "route"]
        self._requests = Counter("emotide_requests", "requests answered", [*by_route, "status"], registry=held)
        self._seconds = Histogram("emotide_request_seconds", "until answered", by_route, buckets=SECONDS, registry=held)
        self._refused = Counter("emotide_refused", "requests turned away", ["why"], registry=held)
        self._events = Counter("emotide_events", "events and feedback", ["kind", "status"], registry=held)
        self._streams = Gauge("emotide_streams", "open streams", registry=held)
        self._engine = Gauge("emotide_engine", "the engine's health, by fact", ["fact"], registry=held)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def refused(self, why: str) -> None:
        """One request was not let in."""
        self._refused.labels(why).inc()

    def taken(self, kind: str, status: str) -> None:
        """One event ("event") or feedback ("feedback") has this receipt."""
        self._events.labels(kind, status).inc()

    def streaming(self, change: int) -> None:
        """One more stream, or one less."""
        self._streams.inc(change)

    def text(self, health: Mapping[str, Any]) -> bytes:
        """All of it in Prometheus' form, with the numbers of the engine's health."""
        for fact, value in health.items():
            if isinstance(value, int | float):
                self._engine.labels(fact).set(value)
        return generate_latest(self._registry)
