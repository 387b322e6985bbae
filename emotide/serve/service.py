"""What the routes share: the engine, the threads that ask it, limits, tokens, metrics."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from emotide.serve.buckets import Buckets
from emotide.serve.contract import Engine
from emotide.serve.metrics import Metrics
from emotide.serve.problems import AGAIN, Refused
from emotide.serve.settings import ServiceSettings
from emotide.serve.threads import Threads
from emotide.serve.tokens import Keyring, Principal, Scope

P = ParamSpec("P")
T = TypeVar("T")


class Service:
    """One engine, served.

    Args:
        engine: answers; its methods are called in threads only. None: it is still being made, see `still`.
        settings: the limits.
        keyring: of the tokens that are asked for; None: whoever reaches the port may do everything.
    """

    def __init__(self, engine: Engine | None, settings: ServiceSettings, keyring: Keyring | None) -> None:
        self.opened, self.settings, self.keyring = engine, settings, keyring
        self.still = "" if engine is not None else "the states are being built"  # what must be done to be ready
        self.metrics = Metrics()
        self.readers = Threads("emotide-read", settings.readers, settings.waiting)
        self.writers = Threads("emotide-write", settings.writers, settings.waiting)
        self.doorkeepers = Threads("emotide-token", 1, settings.waiting)
        self.asked = Buckets(settings.rate, settings.burst)
        self.failed = Buckets(settings.failure_rate, settings.failure_burst)
        self.streams = 0
        self.stopping = asyncio.Event()

    @property
    def engine(self) -> Engine:
        """The engine.

        Raises:
            Refused: it is still being made.
        """
        if self.opened is None:
            raise self.unready
        return self.opened

    @property
    def unready(self) -> Refused:
        """What is said while something is still being done."""
        return Refused(503, f"not ready: {self.still}", AGAIN)

    async def read(self, ask: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """A question to the engine, in a thread."""
        return await self.readers.run(ask, *given, **named)

    async def write(self, tell: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Something new for the engine, in a thread."""
        return await self.writers.run(tell, *given, **named)

    def close(self) -> None:
        """Wait for what is under way in threads."""
        for threads in (self.readers, self.writers, self.doorkeepers):
            threads.close()


def service_of(request: Request) -> Service:
    """The service of a request's app."""
    service: Service = request.app.state.service
    return service


def principal_of(request: Request) -> Principal:
    """Who asks; the door has let them in."""
    principal: Principal = request.scope["emotide.principal"]
    return principal


Here = Annotated[Service, Depends(service_of)]
Who = Annotated[Principal, Depends(principal_of)]
_bearer = HTTPBearer(auto_error=False, description="a token of `emotide token create`")


def allows(scope: Scope) -> Any:
    """A dependency: only who may do this goes on."""

    def check(who: Who, bearer: Annotated[object, Security(_bearer)]) -> None:
        if not who.may(scope):
            raise Refused(403, f"this token does not allow it: it lacks the scope {scope.value!r}")

    return Depends(check)
