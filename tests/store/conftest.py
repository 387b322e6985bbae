"""One store of each kind for every test; the PostgreSQL server is a real one, started here."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

NUMBERS = count()


def _binaries() -> Path | None:
    """Where initdb and postgres lie: on PATH, or in Debian's folder."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in found if (place / "postgres").exists() and (place / "initdb").exists()), None)


def _other_user() -> int | None:
    """The server refuses to run as root: then another user's number."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return names.get("postgres", names.get("nobody"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server of our own, without the database's name; skips where none is installed."""
    pytest.importorskip("adbc_driver_postgresql", reason="the extra 'postgres' is not installed")
    binaries, user = _binaries(), _other_user()
    if binaries is None:
        pytest.skip("no PostgreSQL server: neither initdb on PATH nor /usr/lib/postgresql/*/bin")
    folder = Path(tempfile.mkdtemp(prefix="emotide-pg-"))
    port = _free_port()
    if user is not None:
        os.chown(folder, user, -1)
    run = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "env": {**os.environ, "LC_ALL": "C.UTF-8"}}
    init = [binaries / "initdb", "-D", folder / "data", "-U", "emotide", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(init, check=True, **run)
    options = [f"-cport={port}", "-clisten_addresses=127.0.0.1", f"-cunix_socket_directories={folder}", "-cfsync=off"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([binaries / "postgres", "-D", folder / "data", *options], stderr=log, **run)
    try:
        ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-t", "30"]
        for _ in range(300):
            if subprocess.run(ready, stdout=subprocess.DEVNULL).returncode == 0:
                break
            assert server.poll() is None, (folder / "log").read_text()
            signal.sigtimedwait([], 0.1)
        yield f"postgresql://emotide@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _new_database(server: str) -> str:
    import adbc_driver_postgresql.dbapi as postgresql

    name = f"town{next(NUMBERS)}"
    with postgresql.connect(f"{server}/postgres", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of a store that does not exist yet, at every call another."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/town{next(NUMBERS)}.db"
    server = request.getfixturevalue("postgres_server")
    return lambda: _new_database(server)


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()
