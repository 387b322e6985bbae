"""Who comes in: the right name of the host, no other site's page, a token that holds, not too often.

All this is looked at before a byte of the body is read.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from emotide.errors import EmotideError
from emotide.serve.problems import Refused, refused
from emotide.serve.service import Service
from emotide.serve.tokens import Principal
from emotide.serve.tokens import Scope as Allowed

OPEN = ("/healthz", "/readyz", "/openapi.json")  # say nothing of anybody
COOKIE = "emotide_token"
ASK = {"WWW-Authenticate": 'Bearer realm="emotide"'}


class Door:
    """An ASGI application behind its door."""

    def __init__(self, app: ASGIApp, service: Service, public: tuple[str, ...] = ()) -> None:
        self._app, self._service, self._public = app, service, (*OPEN, *public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] == "http":
            try:
                scope["emotide.principal"] = await self._let_in(scope)
                if self._service.opened is None and scope["path"] not in OPEN:
                    raise self._service.unready
            except (Refused, EmotideError) as error:
                return await refused(error).response(scope, receive, send)
        await self._app(scope, receive, send)

    async def _let_in(self, scope: Scope) -> Principal:
        headers, address = Headers(scope=scope), (scope.get("client") or ("nobody", 0))[0]
        self._own_name(headers)
        if scope["path"] in self._public:  # the dashboard's own files are read, and nothing else is
            return Principal(address, frozenset({Allowed.read}))
        self._own_page(headers)
        keyring = self._service.keyring
        principal = Principal(address, frozenset(Allowed)) if keyring is None else await self._known(headers, address)
        wait = self._service.asked.take(principal.name)
        if wait:
            self._service.metrics.refused("rate")
            raise Refused(429, "too many requests: slow down", wait)
        return principal

    def _own_name(self, headers: Headers) -> None:
        """A name that leads here by a trick of DNS is turned away."""
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:
            host = ""
        known = {name.strip("[]").lower() for name in self._service.settings.hosts}
        if host not in known and "*" not in known:
            self._service.metrics.refused("host")
            raise Refused(421, "this service is not known by that name; its settings list 'hosts'")

    def _own_page(self, headers: Headers) -> None:
        """Pages of other sites are turned away."""
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            self._service.metrics.refused("site")
            raise Refused(403, "requests from pages of other sites are not answered")

    async def _known(self, headers: Headers, address: str) -> Principal:
        token = token_of(headers)
        if token is None:
            self._service.metrics.refused("token")
            raise Refused(401, "a token is needed: Authorization: Bearer TOKEN", headers=ASK)
        keyring = self._service.keyring
        assert keyring is not None
        if keyring.stale:
            await self._service.doorkeepers.run(keyring.refresh)
        found = keyring.remembered(token)
        if found is None:
            wait = self._service.failed.wait(address)
            if wait:
                self._service.metrics.refused("guessing")
                raise Refused(429, "too many tokens that do not hold", wait)
            found = await self._service.doorkeepers.run(keyring.verify, token)
        if found is None:
            self._service.failed.take(address)
            self._service.metrics.refused("token")
            raise Refused(401, "this token does not hold: it is wrong, expired or revoked", headers=ASK)
        return found


def token_of(headers: Headers) -> str | None:
    """The token of a request: of the header, or of the cookie in which a browser keeps it (see session.py)."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE and value:
            return value
    return None
