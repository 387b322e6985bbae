"""Schemathesis asks every route for what OpenAPI promises: no crash, no 5xx, answers of the told shape."""

import asyncio
import threading

import pytest

from emotide.bench.service.fuzz import events_tried, routes_tried
from emotide.bench.service.generator import as_fast_as_taken, at_rate
from emotide.errors import NotYet
from emotide.serve.bodies import EXAMPLES
from emotide.serve.tokens import Keyring, Scope, create
from emotide.store import Store


def test_every_route_keeps_what_openapi_promises(memory, listening, tmp_path):
    store = Store.open(tmp_path / "town.db")
    token = create(store, "all", list(Scope), 1.0).token
    host, port = listening(memory, Keyring(store), stream_seconds=0.01, failure_burst=10**6)
    tried = routes_tried(f"http://{host}:{port}", 4, 0, token)
    assert tried.told() == {"cases": tried.cases, "crashes": 0, "5xx": 0, "later": 0, "broken": 0}, "\n".join(
        tried.broken[:20]
    )
    assert tried.cases > 100


@pytest.mark.parametrize(("method", "promised"), [("influences", True), ("demand", True), ("emotion", False)])
def test_an_answer_that_is_still_computed_is_no_fault_where_openapi_names_it(memory, listening, method, promised):
    real = getattr(memory, method)

    def not_yet(*given, **asked):
        if asked.get("by") == "user":  # one person's demand is never computed beside
            return real(*given, **asked)
        raise NotYet(3.0)

    setattr(memory, method, not_yet)
    host, port = listening(memory, stream_seconds=0.01, failure_burst=10**6)
    told = routes_tried(f"http://{host}:{port}", 4, 0).told()
    assert (told["later"] > 0, told["5xx"] == 0, told["broken"] == 0) == (promised, promised, promised)


def test_events_that_are_nearly_right(live, listening):
    host, port = listening(live)
    tried = events_tried(f"http://{host}:{port}", 300, 0)
    assert tried.told() == {"cases": 300, "crashes": 0, "5xx": 0, "later": 0, "broken": 0}, tried.broken[:5]
    assert live.health()["accepted"] > 30
    assert live.health()["fault"] is None


def test_load_is_timed_from_when_it_was_due(memory, listening):
    host, port = listening(memory)
    url = f"http://{host}:{port}"
    got = asyncio.run(at_rate(url, "none", lambda k: ("GET", "/v1/users/ana/emotion", None), 50.0, 1.0))
    assert got.statuses == [200] * 50
    assert 0 < got.quantiles()[0] <= got.quantiles()[1]
    memory.pause.clear()
    threading.Timer(0.6, memory.pause.set).start()
    late = asyncio.run(at_rate(url, "none", lambda k: ("GET", "/v1/users/eve/emotion", None), 20.0, 0.5))
    assert late.failed() == 10
    assert late.quantiles() == []
    assert late.milliseconds[0] > 400 > min(late.milliseconds)  # all waited, the last not as long


def test_events_are_counted_once_acknowledged(memory, listening):
    host, port = listening(memory)
    make = lambda k: [EXAMPLES["post"] | {"event_id": f"{k}-{n}"} for n in range(5)]  # noqa: E731
    taken, busy, seconds = asyncio.run(as_fast_as_taken(f"http://{host}:{port}", "none", make, 2, 0.5))
    assert taken == len(memory.ids) > 0
    assert (busy, seconds >= 0.5) == (0, True)
