"""The application: routes behind a door, around one engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from emotide.serve import problems
from emotide.serve.contract import Engine
from emotide.serve.door import Door
from emotide.serve.intake import Intake
from emotide.serve.paths import Undecoded
from emotide.serve.routes import ROUTERS
from emotide.serve.service import Service
from emotide.serve.settings import ServiceSettings
from emotide.serve.shell import Shell
from emotide.serve.tokens import Keyring

WRONG: dict[int | str, dict[str, Any]] = {
    code: {
        "description": about,
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code, about in (
        ("4XX", "the request is wrong, not allowed, or too much; Retry-After says when to come back"),
        ("5XX", "the service cannot do it now"),
    )
}


def create_app(
    engine: Engine,
    settings: ServiceSettings | None = None,
    keyring: Keyring | None = None,
    pages: APIRouter | None = None,
) -> FastAPI:
    """The service around an engine, which it closes when it stops.

    Args:
        engine: answers.
        settings: the limits; the usual ones where None.
        keyring: tokens to ask for; where None, whoever reaches the port may do everything.
        pages: the dashboard, if there is one.
    """
    service = Service(engine, settings or ServiceSettings(), keyring)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.stopping.set()
        service.close()
        engine.checkpoint()
        engine.close()

    app = FastAPI(
        title="Emotide",
        summary="The emotions of everyone on a social network over time",
        version=version("emotide"),
        lifespan=life,
        docs_url=None,  # pages that fetch scripts from elsewhere
        redoc_url=None,
        responses=WRONG,
    )
    app.state.service = service
    for router in ROUTERS:
        app.include_router(router)
    if pages is not None:
        app.include_router(pages)
    problems.install(app)
    for layer in (Intake, Door, Shell):  # the last is the outermost
        app.add_middleware(layer, service=service)
    app.add_middleware(Undecoded)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """OpenAPI's schemas name the shape of every error."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        form = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= {**form.pop("$defs"), "Problem": form}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
