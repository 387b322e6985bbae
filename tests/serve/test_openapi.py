"""Schemathesis asks every route for what OpenAPI promises: no crash, no 5xx, answers of the told shape."""

from emotide.bench.service.fuzz import events_tried, routes_tried
from emotide.serve.tokens import Keyring, Scope, create
from emotide.store import Store


def test_every_route_keeps_what_openapi_promises(memory, listening, tmp_path):
    store = Store.open(tmp_path / "town.db")
    token = create(store, "all", list(Scope), 1.0).token
    host, port = listening(memory, Keyring(store), stream_seconds=0.01, failure_burst=10**6)
    tried = routes_tried(f"http://{host}:{port}", 4, 0, token)
    assert tried.told() == {"cases": tried.cases, "crashes": 0, "5xx": 0, "broken": 0}, "\n".join(tried.broken[:20])
    assert tried.cases > 100


def test_events_that_are_nearly_right(memory, listening):
    host, port = listening(memory)
    tried = events_tried(f"http://{host}:{port}", 300, 0)
    assert tried.told() == {"cases": 300, "crashes": 0, "5xx": 0, "broken": 0}, tried.broken[:5]
    assert len(memory.calls) > 30
