"""The dashboard as a router: its files under `/`, its data under `/v1/dashboard/`."""

import json
from collections.abc import Callable
from datetime import datetime
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from emotide.errors import EmotideError, NotYet, UnknownName
from emotide.serve.dashboard.pages import ROOM, page
from emotide.serve.dashboard.views import Views

Space = Annotated[str | None, Query(max_length=200, description="an emotion space; the usual one by default")]
User = Annotated[str, Query(max_length=400, description="a person's id")]


def dashboard_router(views: Views) -> APIRouter:
    """The page and what it asks for; it stands alone, and asks for no token itself."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def index() -> Response:
        return page("/")

    @router.get(ROOM + "{name:path}")
    def asset(name: str) -> Response:
        return page(ROOM + name)

    @router.get("/v1/dashboard/start")
    def start() -> Response:
        return _answer(views.start)

    @router.get("/v1/dashboard/network")
    def network(space: Space = None) -> Response:
        return _answer(lambda: views.network(space))

    @router.get("/v1/dashboard/person")
    def person(
        user: User, network: Annotated[str | None, Query(max_length=400)] = None, space: Space = None
    ) -> Response:
        return _answer(lambda: views.person(user, network, space))

    @router.get("/v1/dashboard/why")
    def why(user: User, at: datetime | None = None, space: Space = None) -> Response:
        return _answer(lambda: views.why(user, at, space))

    @router.get("/v1/dashboard/groups")
    def groups(by: Annotated[str, Query(max_length=40)] = "network", space: Space = None) -> Response:
        return _answer(lambda: views.groups(by, space))

    @router.get("/v1/dashboard/recommender")
    def recommender() -> Response:
        return _answer(views.recommender)

    @router.get("/v1/dashboard/health")
    def health() -> Response:
        return _answer(views.health)

    return router


def _answer(make: Callable[[], dict[str, Any]]) -> Response:
    """JSON of what is made; an error raised on purpose becomes problem details (RFC 9457)."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    try:
        body = json.dumps(make(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Response(body.encode(), 200, headers, "application/json")
    except EmotideError as error:
        status, title = 422, "cannot be shown"
        if isinstance(error, UnknownName):
            status, title = 404, "not known"
        elif isinstance(error, NotYet):
            status, title = 503, "still being computed"
            headers["Retry-After"] = str(max(1, ceil(error.retry_after)))
        told = {"type": "about:blank", "title": title, "status": status, "detail": str(error)}
        return Response(json.dumps(told).encode(), status, headers, "application/problem+json")
