"""A typed client of the service: the engine's methods, over HTTP."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from emotide.errors import BadInput, Busy, EmotideError, StoreError, UnknownName
from emotide.serve.bodies import Demand, Emotion, Forgotten, Health, Influence, Receipt, Receipts, Recommendation, Space

T = TypeVar("T", bound=BaseModel)
AGAIN = (429, 503)
LONGEST = 30.0  # seconds that are waited before another try


class Client:
    """Asks a service.

    Every call may be made again: events are known by their ids. Where the service is busy (429) or cannot reach its
    store (503), the client waits as long as it says and tries again.

    Args:
        url: http://HOST:PORT.
        token: of `emotide token create`; None where none is asked for.
        tries: how often a call is made at most.
        timeout: seconds for one try.
        transport: of httpx; for tests.

    Raises (every method):
        BadInput: the service does not take what was sent, or the token does not allow it.
        UnknownName: it does not know whom or what was asked about.
        Busy: it is still busy after the last try.
        StoreError: it cannot reach its store, or cannot be reached itself.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        tries: int = 5,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._tries = tries

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def accept(self, events: Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Events of the contract's tables, each with `event_id` and `type`; a receipt for each, in order."""
        return Receipts.model_validate(self._ask("POST", "/v1/events", {"events": list(map(dict, events))})).receipts

    def feedback(self, rows: Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """What people made of items."""
        return Receipts.model_validate(self._ask("POST", "/v1/feedback", {"rows": list(map(dict, rows))})).receipts

    def emotion(
        self, user: str, *, network: str | None = None, space: str | None = None, horizon: int = 0
    ) -> list[Emotion]:
        """How a person feels now, and in so many steps."""
        return self._rows(Emotion, _of(user, "/emotion"), network=network, space=space, horizon=horizon)

    def influences(self, user: str, *, top: int = 10) -> list[Influence]:
        """Who moved a person."""
        return self._rows(Influence, _of(user, "/influences"), top=top)

    def demand(self, *, by: str = "network", user: str | None = None, least: int | None = None) -> list[Demand]:
        """What groups, or one person, want."""
        if user is not None:
            return self._rows(Demand, _of(user, "/demand"))
        return self._rows(Demand, "/v1/demand", by=by, least=least)

    def recommend(self, user: str, *, top: int = 5, network: str | None = None) -> list[Recommendation]:
        """What to show a person."""
        wanted = {"user_id": user, "top": top, "network": network}
        return _rows(Recommendation, self._ask("POST", "/v1/recommendations", wanted))

    def forget(self, user: str) -> Forgotten:
        """Erase a person."""
        return Forgotten.model_validate(self._ask("DELETE", _of(user, "")))

    def spaces(self) -> list[Space]:
        """The emotion spaces that can be asked for."""
        return self._rows(Space, "/v1/spaces")

    def swap(self, model: str) -> None:
        """Go on with another model, by the name of its folder beside the one that is served."""
        self._ask("POST", "/v1/model", {"model": model})

    def checkpoint(self) -> str:
        """Write the states down; the name of what was written."""
        return str(self._ask("POST", "/v1/checkpoint")["done"])

    def health(self) -> Health:
        """Counts and facts."""
        return Health.model_validate(self._ask("GET", "/v1/health"))

    def subscribe(self, user: str | None = None, network: str | None = None) -> Iterator[dict[str, Any]]:
        """States as they change, until the service ends the stream."""
        params = _given(user=user, network=network)
        with self._http.stream("GET", "/v1/stream", params=params, timeout=httpx.Timeout(30.0, read=60.0)) as stream:
            if stream.status_code != 200:
                stream.read()
                raise _error(stream)
            kind = ""
            for line in stream.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "reading":
                    yield json.loads(value)

    def _rows(self, kind: type[T], path: str, **params: Any) -> list[T]:
        return _rows(kind, self._ask("GET", path, **params))

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, **params: Any) -> Any:
        """One call, made again where the service asks for it."""
        for left in reversed(range(self._tries)):
            try:
                got = self._http.request(method, path, json=body, params=_given(**params))
            except httpx.TransportError as error:
                problem: EmotideError = StoreError(f"the service at {self._http.base_url} cannot be reached: {error}")
                wait = 1.0
            else:
                if got.is_success:
                    return got.json()
                problem, wait = _error(got), _wait(got)
                if got.status_code not in AGAIN:
                    break
            if left:
                time.sleep(wait)
        raise problem


def _of(user: str, what: str) -> str:
    return f"/v1/users/{quote(user, safe='')}{what}"


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _rows(kind: type[T], found: Any) -> list[T]:
    return [kind.model_validate(row) for row in found]


def _wait(got: httpx.Response) -> float:
    told = got.headers.get("Retry-After", "")
    return min(float(told), LONGEST) if told.isdigit() else 1.0


def _error(got: httpx.Response) -> EmotideError:
    """The error that the service met."""
    try:
        told = TypeAdapter(dict[str, Any]).validate_json(got.content)
    except ValueError:
        told = {}
    detail = str(told.get("detail") or f"the service answered {got.status_code}")
    match got.status_code:
        case 404:
            return UnknownName.said(detail)
        case 429:
            return Busy(_wait(got))
        case status if status >= 500:
            return StoreError(detail)
        case _:
            return BadInput(detail)
