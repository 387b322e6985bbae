"""Bad input: what OpenAPI promises tried on every route by Schemathesis, and events that are nearly right."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.service.served import served, town
from emotide.serve.bodies import EXAMPLES

USERS, EXAMPLES_EACH, EVENT_CASES = 300, 60, 3000

NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -1e308, 2**63, 10**400, [], {}, [[]], {"$ne": 1}, ["a"] * 50,
    "", " ", "\x00", "\ud800", "\u202e", "𝕏" * 200, "x" * 60_000, "NaN", "1e999", "%s%n%x",
    "'; DROP TABLE posts; --", "\" OR 1=1 --", "<script>alert(1)</script>", "../../../etc/passwd",
    "{{7*7}}", "${jndi:ldap://x}", "=cmd|' /C calc'!A0",
    "2024-02-30", "2024-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01",
)  # fmt: skip
BODIES = (b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 50_000, b'{"events": ' + b"[" * 50_000, b'{"a":' * 20_000)
MAY_REFUSE = ("/v1/events", "/v1/feedback")  # what is of the right form may still be no time, or nobody's item


@dataclass
class Tried:
    """What came of it.

    Attributes:
        cases: requests.
        crashes: requests that were not answered.
        errors: answers with a status of 500 or more, but for those that are `later`.
        later: answers 503 with Retry-After where OpenAPI names them: what was asked for is still being computed.
        broken: what else was not as promised, in words.
    """

    cases: int = 0
    crashes: int = 0
    errors: int = 0
    later: int = 0
    broken: list[str] = field(default_factory=list)

    def told(self) -> dict[str, int]:
        """As the bench tells it."""
        counts = {"cases": self.cases, "crashes": self.crashes, "5xx": self.errors, "later": self.later}
        return counts | {"broken": len(self.broken)}


def routes_tried(url: str, examples: int, seed: int, token: str | None = None) -> Tried:
    """Every route with cases that its description allows, and as many that it does not.

    Args:
        url: of a service.
        examples: cases a route and kind.
        seed: of the cases.
        token: for all of it.
    """
    from schemathesis.generation.modes import GenerationMode
    from schemathesis.openapi import from_url

    tried = Tried()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for found in from_url(f"{url}/openapi.json").get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _run(operation.as_strategy(generation_mode=mode), lambda case: _tried(case, headers, tried), examples, seed)
    return tried


def _run(strategy: Any, check: Callable[[Any], None], examples: int, seed: int) -> None:
    import hypothesis
    from hypothesis.errors import Unsatisfiable

    usual: Any = hypothesis.settings(
        max_examples=examples, deadline=None, database=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip

    def one(case: Any) -> None:
        check(case)

    given: Any = hypothesis.given(strategy)
    with suppress(Unsatisfiable):  # a route that takes nothing can be given nothing wrong
        seeded: Any = hypothesis.seed(seed)
        whole: Any = seeded(usual(given(one)))
        whole()


def _tried(case: Any, headers: dict[str, str], tried: Tried) -> None:
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.failures import FailureGroup
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    tried.cases += 1
    try:
        response = case.call(headers=headers)
    except OSError as error:  # of requests, all are
        tried.crashes += 1
        tried.broken.append(f"{case.method} {case.path}: {error!r}")
        return
    named = str(response.status_code) in case.operation.definition.raw["responses"]
    later = response.status_code == 503 and named and "retry-after" in response.headers
    tried.later += later
    tried.errors += response.status_code >= 500 and not later
    try:
        fine = [positive_data_acceptance] if case.path in MAY_REFUSE else []
        fine += [not_a_server_error] if later else []
        case.validate_response(response, headers=headers, excluded_checks=fine)
    except FailureGroup as group:
        reasons = "; ".join(f"{type(one).__name__} {one.message}" for one in group.exceptions)
        tried.broken.append(f"{case.method} {case.path} {response.status_code}: {reasons}")


def events_tried(url: str, cases: int, seed: int, token: str | None = None) -> Tried:
    """Batches of events of which something is wrong, and bodies that are none; nothing may fail but by a 4xx."""
    tried, rng = Tried(), random.Random(seed)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url, headers=headers, timeout=30.0) as client:
        for body in _bodies(cases, rng):
            tried.cases += 1
            try:
                got = client.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
            except httpx.TransportError as error:
                tried.crashes += 1
                tried.broken.append(repr(error))
                continue
            tried.errors += got.status_code >= 500
            if got.status_code not in (200, 202, 400, 413, 422, 429):
                tried.broken.append(f"{got.status_code}: {got.text[:200]}")
    return tried


def _bodies(cases: int, rng: random.Random) -> Iterator[bytes]:
    for number in range(cases):
        if number % 10 == 9:
            yield rng.choice(BODIES)
            continue
        events = [_event(rng) for _ in range(rng.randint(1, 4))]
        text = json.dumps({"events": events}, ensure_ascii=rng.random() < 0.8)
        coded = bytearray(text.encode("utf-8", "surrogatepass"))
        if rng.random() < 0.2:  # some bytes are others
            for _ in range(rng.randint(1, 5)):
                coded[rng.randrange(len(coded))] = rng.randrange(256)
        yield bytes(coded)


def _event(rng: random.Random) -> Any:
    """An event of the examples, a value or a name of which is odd."""
    event = dict(rng.choice(list(EXAMPLES.values())))
    event["event_id"] = f"fuzz-{rng.getrandbits(48):x}"
    for name in ("post_id", "item_id"):
        if name in event:
            event[name] = f"fuzz-{rng.getrandbits(24):x}"
    for _ in range(rng.randint(0, 2)):
        way = rng.randrange(4)
        name = rng.choice([*event])
        if way == 0:
            event.pop(name)
        elif way == 1:
            event[rng.choice(["", "x", "image", "__proto__", "\x00", "pleasure"])] = rng.choice(NASTY)
        else:
            event[name] = rng.choice(NASTY)
    return event if rng.random() < 0.97 else rng.choice(NASTY)


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"cases", "crashes", "5xx", "later", "broken"}` over all seeds, on the real engine in a process of its own.

    `5xx` are faults; `later` counts what was still being computed, see `Tried`.
    """
    whole = Tried()
    with TemporaryDirectory(prefix="emotide-bench-") as folder, served(*town(Path(folder), USERS, seeds[0])) as service:
        for done, seed in enumerate(seeds):
            progress(done, len(seeds), f"seed {seed}")
            for part in (
                routes_tried(service.url, EXAMPLES_EACH, seed, service.token),
                events_tried(service.url, EVENT_CASES, seed, service.token),
            ):
                whole.cases, whole.crashes = whole.cases + part.cases, whole.crashes + part.crashes
                whole.errors, whole.later = whole.errors + part.errors, whole.later + part.later
                whole.broken += part.broken
        service.health()  # it still lives
    for line in whole.broken[:10]:
        say(line)
    return whole.told()


BENCH = Bench("bad input: Schemathesis over all routes, nearly right events; crashes and 5xx", None, run)
