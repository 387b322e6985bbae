"""The application: routes behind a door, around one engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI

from emotide.errors import StoreError
from emotide.serve import problems, wrong
from emotide.serve.contract import Engine
from emotide.serve.door import Door
from emotide.serve.intake import Intake
from emotide.serve.paths import Undecoded
from emotide.serve.routes import ROUTERS
from emotide.serve.service import Service, allows
from emotide.serve.settings import ServiceSettings
from emotide.serve.shell import Shell
from emotide.serve.tokens import Keyring, Scope

WRONG: dict[int | str, dict[str, Any]] = {
    code: problems.described(about)
    for code, about in (
        ("4XX", "the request is wrong, not allowed, or too much; Retry-After says when to come back"),
        ("5XX", "the service cannot do it now"),
    )
}


def create_app(
    engine: Engine | None,
    settings: ServiceSettings | None = None,
    keyring: Keyring | None = None,
    pages: APIRouter | None = None,
    public: tuple[str, ...] = (),
) -> FastAPI:
    """The service around an engine, which it closes when it stops.

    Args:
        engine: answers; where None, everything but /healthz is answered with 503 until `hand_over`.
        settings: the limits; the usual ones where None.
        keyring: tokens to ask for; where None, whoever reaches the port may do everything.
        pages: the dashboard, if there is one; it may be read with the scope read.
        public: paths of it that need no token.
    """
    service = Service(engine, settings or ServiceSettings(), keyring)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.stopping.set()
        service.close()
        if service.opened is not None:
            with suppress(StoreError):  # the journal holds what is not written
                service.opened.checkpoint()
            service.opened.close()

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
    _show(app, pages)
    problems.install(app)
    wrong.install(app)
    app.add_middleware(Intake, service=service)  # the last is the outermost
    app.add_middleware(Door, service=service, public=public)
    app.add_middleware(Shell, service=service)
    app.add_middleware(Undecoded)
    _describe(app, keyring is not None)
    return app


def hand_over(app: FastAPI, engine: Engine, pages: APIRouter | None = None) -> None:
    """Give an application the engine, and the pages, that it was made without."""
    _show(app, pages)
    app.state.service.opened = engine


def _show(app: FastAPI, pages: APIRouter | None) -> None:
    if pages is not None:
        app.include_router(pages, dependencies=[allows(Scope.read)])


def _describe(app: FastAPI, guarded: bool) -> None:
    """OpenAPI's schemas name the shape of every error, and tokens only where they are asked for."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        form = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schema["components"]["schemas"] |= {**form.pop("$defs"), "Problem": form}
        if not guarded:
            schema["components"].pop("securitySchemes", None)
            for operation in (one for path in schema["paths"].values() for one in path.values()):
                operation.pop("security", None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
