"""Load: events acknowledged a second, how long reading and recommending take at a rate, and memory meanwhile."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.service.generator import Request, as_fast_as_taken, at_rate
from emotide.bench.service.served import Served, served, town
from emotide.bench.speed.large_log import BEGIN, DAYS

USERS = 100_000
RATES = (50, 200, 500)  # requests a second
SECONDS = 20.0  # at each rate
EVENTS_SECONDS, BATCH, LINES = 30.0, 500, 4  # of taking events in; events a request; connections
STEADY, STEADY_SECONDS = 100, 120.0  # requests a second of all kinds while memory is watched, and for how long
SETTLED = 600.0  # seconds that are waited until all is applied, at most
END = datetime.fromtimestamp(BEGIN + DAYS * 86_400, UTC)


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"users", "warm_s", "events_s", "applied_s", "busy", "latency_ms": {"read": {RATE: [p50, p99]}, "recommend"},
    "failed", "memory_mb", "memory_growth_mb"}`; server and generator share the machine.

    Latencies are those of a service that is warm, `warm_s` after it was ready: until then what takes long (influences,
    demand, what the dashboard shows first) is computed beside. `events_s` are committed before they are acknowledged;
    `applied_s` counts until the states hold them too. `memory_mb` is taken ten times in steady traffic of all kinds;
    `memory_growth_mb` is the mean of the last three less that of the third to the fifth.
    """
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        progress(0, 4, f"a town of {USERS}")
        store, model = town(Path(folder), USERS, seeds[0])
        say(f"a store of {USERS} people and a model are there")
        with served(store, model) as service:
            progress(1, 4, "until it is warm")
            begun = time.perf_counter()
            service.warm.wait(SETTLED)
            found: dict[str, Any] = {"users": USERS, "warm_s": round(time.perf_counter() - begun, 1)}
            progress(1, 4, "reading and recommending")
            found |= _latencies(service, np.random.default_rng(seeds[0]), say)
            progress(2, 4, "events")
            found |= _events(service, say)
            progress(3, 4, "memory")
            found |= _memory(service, np.random.default_rng(seeds[0]), say)
    return found


def _latencies(service: Served, rng: np.random.Generator, say: Say) -> dict[str, Any]:
    failed, kinds = 0, {"read": _reading, "recommend": _recommending}
    told: dict[str, dict[str, list[float]]] = {kind: {} for kind in kinds}
    asyncio.run(at_rate(service.url, service.token, lambda k: _reading(k, [k % USERS]), 20, 2.0))  # warm
    for kind, make in kinds.items():
        for rate in RATES:
            users = rng.integers(0, USERS, int(rate * SECONDS)).tolist()
            got = asyncio.run(
                at_rate(service.url, service.token, lambda k, make=make, users=users: make(k, users), rate, SECONDS)  # type: ignore[misc]
            )
            told[kind][str(rate)] = got.quantiles()
            failed += got.failed()
            say(f"{kind} at {rate}/s: p50, p99 {got.quantiles()} ms; {got.failed()} not answered well")
    return {"latency_ms": told, "failed": failed}


def _reading(number: int, users: list[int]) -> Request:
    return "GET", f"/v1/users/u{users[number % len(users)]}/emotion", None


def _recommending(number: int, users: list[int]) -> Request:
    return "POST", "/v1/recommendations", {"user_id": f"u{users[number % len(users)]}", "top": 5}


def _batch(number: int, start: datetime, size: int, tag: str) -> list[dict[str, Any]]:
    """Contacts and posts in equal parts, later than everything in the log; two seconds lie between two batches."""
    rng, time_ = np.random.default_rng(number), (start + timedelta(seconds=2 * number)).isoformat()
    who = rng.integers(0, USERS, (size, 2)).tolist()
    return [
        {"event_id": f"{tag}{number}-{k}", "type": "post", "post_id": f"{tag}{number}-{k}", "user_id": f"u{one}",
         "time": time_, "text": f"w{one % 2000} w{other % 2000}"}
        if k % 2
        else {"event_id": f"{tag}{number}-{k}", "type": "interaction", "source_id": f"u{one}",
              "target_id": f"u{other if other != one else (one + 1) % USERS}", "time": time_, "kind": "like"}
        for k, (one, other) in enumerate(who)
    ]  # fmt: skip


def _events(service: Served, say: Say) -> dict[str, Any]:
    begun = time.perf_counter()
    taken, busy, seconds = asyncio.run(
        as_fast_as_taken(service.url, service.token, lambda k: _batch(k, END, BATCH, "l"), LINES, EVENTS_SECONDS)
    )
    while service.health()["waiting"] and time.perf_counter() - begun < SETTLED:
        time.sleep(0.5)
    applied = time.perf_counter() - begun
    say(f"{taken / seconds:.0f} events/s acknowledged, {taken / applied:.0f} applied; {busy} times busy")
    return {"events_s": round(taken / seconds, 1), "applied_s": round(taken / applied, 1), "busy": busy}


def _memory(service: Served, rng: np.random.Generator, say: Say) -> dict[str, Any]:
    """Steady traffic in ten parts: of ten requests seven read, two recommend, one brings twenty events."""
    later, held = END + timedelta(days=1), [service.megabytes()]
    for part in range(10):
        users = rng.integers(0, USERS, 1000).tolist()

        def make(k: int, part: int = part, users: list[int] = users) -> Request:
            if k % 10 == 0:
                return "POST", "/v1/events", {"events": _batch(part * 10**6 + k, later, 20, "m")}
            return _recommending(k, users) if k % 10 < 3 else _reading(k, users)

        asyncio.run(at_rate(service.url, service.token, make, STEADY, STEADY_SECONDS / 10))
        held.append(service.megabytes())
    growth = float(np.mean(held[-3:]) - np.mean(held[3:6]))
    say(f"memory {held} MB")
    return {"memory_mb": held, "memory_growth_mb": round(growth, 1)}


BENCH = Bench("a service over 100,000 people: events a second, p50 and p99 of answers, memory", None, run)
