"""One process that serves until it is told to stop."""

import asyncio
import ipaddress
import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

from emotide.errors import BadInput
from emotide.serve.app import create_app, hand_over
from emotide.serve.patience import patient
from emotide.serve.service import Service
from emotide.serve.settings import ServiceSettings
from emotide.serve.tokens import Keyring, holds, now
from emotide.store import Store

if TYPE_CHECKING:
    from emotide.live.engine import LiveEngine

HEADERS = 16 << 10  # bytes of a request's headers
Say = Callable[[str], None]
Opener = Callable[[str, Path], "LiveEngine"]
"""`opener(store, model)`: the engine that is served."""


def serve(
    store: str, model: Path, host: str, port: int, settings: ServiceSettings, everyone: bool, say: Say,
    opener: Opener | None = None,
) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT; then what is under way is answered, and the states are written down.

    It listens at once, and builds the states meanwhile: /healthz answers, /readyz says what is still to be done.

    Args:
        store, model: what is served.
        host, port: where; port 0 takes any that is free.
        settings: the limits.
        everyone: no token is asked for, on this machine alone.
        say: progress, line by line.
        opener: `LiveEngine.open` by default.

    Raises:
        BadInput: others could reach it without a token.
        EmotideError: the store or the model cannot be opened.
    """
    keyring = _keyring(Store.open(store, create=False), host, settings, everyone, say)
    from emotide.serve.dashboard import PUBLIC

    kept = {"models": settings.models or model.resolve().parent, "hosts": (*settings.hosts, host)}
    app = create_app(None, settings.model_copy(update=kept), keyring, public=PUBLIC)
    _log()
    server, failed = Server(app, host, port, settings, say), list[Exception]()

    def make() -> None:
        try:
            _open(app, store, model, settings, say, opener)
        except Exception as error:  # raised again by the thread that serves
            failed.append(error)
            server.handle_exit(signal.SIGTERM, None)

    threading.Thread(target=make, name="emotide-open", daemon=True).start()
    server.run()
    if failed:
        raise failed[0]
    say("stopped; states and policy are written")


def _open(
    app: FastAPI, store: str, model: Path, settings: ServiceSettings, say: Say, opener: Opener | None
) -> None:  # fmt: skip
    """Make the engine and the dashboard, and hand them over; computed ahead is what will be asked for first."""
    from emotide.live.engine import LiveEngine
    from emotide.live.policy import AUDIT
    from emotide.serve.dashboard import Views, dashboard_router

    say(f"opening {model} on the store: states go on from the last checkpoint, or are built from the whole log")
    service: Service = app.state.service
    engine = (opener or LiveEngine.open)(store, model)
    health = engine.health()
    say(f"{health['people']} people and {health['pairs']} pairs are there")
    views = Views(engine.emotide, engine.log, engine, engine.folder / AUDIT, least=settings.least)
    engine.changed.append(lambda: views.use(engine.emotide))
    engine.changed.append(views.clear)
    hand_over(app, engine, dashboard_router(views))
    service.still = ""
    say("ready")
    engine.warm()
    views.warm()  # nobody else waits for it
    say("warm: what takes long is computed")


def _keyring(store: Store, host: str, settings: ServiceSettings, everyone: bool, say: Say) -> Keyring | None:
    """The tokens to ask for; None where none are asked for."""
    here = _loopback(host)
    held = sum(holds(row, now()) for row in store.tokens.rows())
    if not here and everyone:
        raise BadInput(
            f"--open serves this machine alone, and {host} can be reached from others: leave one of them out"
        )
    if not here and not held:
        raise BadInput(
            f"{host} can be reached from other machines and the store holds no token: "
            "make one with 'emotide token create' first"
        )
    if everyone or not held:
        say("open: whoever can reach this port may do everything; 'emotide token create' makes a token")
        return None
    say(f"{held} token(s) hold")
    return Keyring(store, settings.token_seconds, settings.cache_seconds)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _log() -> None:
    """Our own line a request, on stderr; uvicorn's would name paths, and so people."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_wanted)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in ("emotide.serve", "uvicorn.error"):
        logging.getLogger(name).handlers[:] = [handler]
        logging.getLogger(name).propagate = False
    logging.getLogger("emotide.serve").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _wanted(record: logging.LogRecord) -> bool:
    """Not the traceback of an answer that was given up because the service stops."""
    cut = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cut and "CancelledError" not in record.getMessage()


class Server(uvicorn.Server):
    """Uvicorn with our limits; it says where it listens, and tells streams when it is about to stop."""

    def __init__(self, app: FastAPI, host: str, port: int, settings: ServiceSettings, say: Say) -> None:
        self._service: Service = app.state.service
        self._say = say
        protocol = patient(settings.header_seconds, settings.send_seconds)
        super().__init__(
            uvicorn.Config(
                app, host=host.strip("[]"), port=port, http=protocol, ws="none", loop="asyncio", lifespan="on",
                log_config=None, access_log=False, server_header=False, proxy_headers=False,
                limit_concurrency=settings.connections, h11_max_incomplete_event_size=HEADERS,
                timeout_graceful_shutdown=settings.stop_seconds,
            )
        )  # fmt: skip

    def _log_started_message(self, listeners: object) -> None:
        for server in self.servers:
            for socket in server.sockets:
                name, port = socket.getsockname()[:2]
                self._say(f"listening on http://{f'[{name}]' if ':' in name else name}:{port}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT, after which the process ends with 0; a second one does not wait."""
        self._service.stopping.set()
        self.force_exit, self.should_exit = self.should_exit, True
