"""Whether it lives, whether it is ready, and how it does."""

from fastapi import APIRouter, Response

from emotide.serve.bodies import Done, Health
from emotide.serve.problems import Refused
from emotide.serve.service import Here, allows
from emotide.serve.tokens import Scope

router = APIRouter(tags=["watching"])


@router.get("/healthz")
async def healthz() -> Done:
    """The process answers, also while the states are being built."""
    return Done(done="alive")


@router.get("/readyz")
async def readyz(here: Here) -> Done:
    """States are built, the engine answers, and the service is not about to stop."""
    if here.stopping.is_set():
        raise Refused(503, "the service is about to stop", 1)
    if here.still:
        raise here.unready
    await here.read(here.engine.health)
    return Done(done="ready")


@router.get("/v1/health", dependencies=[allows(Scope.read)])
async def health(here: Here) -> Health:
    """Counts and facts: events accepted, applied, waiting; seconds behind; the model's digest."""
    return Health.model_validate(await here.read(here.engine.health))


@router.get("/metrics", dependencies=[allows(Scope.read)], response_class=Response)
async def metrics(here: Here) -> Response:
    """The same for Prometheus, with requests and their times."""
    return Response(here.metrics.text(await here.read(here.engine.health)), media_type="text/plain; version=0.0.4")
