"""What tests of several folders share: the public data sets, small logs written by hand, the command line, a server."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest

from emotide.log import TABLES

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the worlds of tests are small: more threads wait more than they work
ROOT = Path(__file__).parents[1]
NUMBERS = count()
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets: `$EMOTIDE_DATA`, or `shared/data` beside the project; skips without one."""
    folder = Path(os.environ.get("EMOTIDE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder}; set EMOTIDE_DATA")
    return folder


class Told(NamedTuple):
    """What a command said: its exit code, and what it wrote on stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Told]]:
    """`command("spaces", "--show", "pad")` runs `emotide` in this process, with a cache of the tests' own.

    What the command line does not catch, such as a traceback, fails the test.
    """
    from emotide.cli import main

    def run(*words: object) -> Told:
        out, err, code = StringIO(), StringIO(), 0
        patch.setattr(sys, "argv", ["emotide", *map(str, words)])
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return Told(code, out.getvalue(), err.getvalue())

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTIDE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield run


@pytest.fixture(scope="session")
def tables() -> Callable[..., dict[str, pl.DataFrame]]:
    """A function that makes the tables of a small log; see `small_log`."""
    return small_log


def small_log(**rows: Iterable[Sequence[Any]]) -> dict[str, pl.DataFrame]:
    """The tables of a log as the store gives them, from short rows; hours count from 2024-01-01.

        posts          post_id, user, hour
        interactions   source, target, hour, kind
        ties           source, target, hour or None, until (hour) or None
        labels         user, hour, a category or {dimension: number}, in the space "mood" by default
        feedback       user, item, hour

    Each row may end with a dictionary of further columns.
    """
    return {name: _table(name, rows.get(name, ())) for name in SHORT}


SHORT = {
    "posts": ("post_id", "user_id", "time"),
    "interactions": ("source_id", "target_id", "time", "kind"),
    "ties": ("source_id", "target_id", "time", "until"),
    "labels": ("user_id", "time", "category"),
    "feedback": ("user_id", "item_id", "time"),
}
DEFAULTS = {"network": "", "post_id": "", "space": "mood", "kind": "follows", "reward": 1.0}


def _table(name: str, rows: Iterable[Sequence[Any]]) -> pl.DataFrame:
    full = [_row(name, row) for row in rows]
    schema = TABLES[name].schema
    columns = {column: [row.get(column, DEFAULTS.get(column)) for row in full] for column in schema}
    return pl.DataFrame(columns, schema)


def _row(name: str, row: Sequence[Any]) -> dict[str, Any]:
    short, more = (row[:-1], row[-1]) if len(row) > len(SHORT[name]) else (row, {})
    full = dict(zip(SHORT[name], short, strict=True)) | more
    for column in ("time", "until"):
        if isinstance(full.get(column), int | float):
            full[column] = START + timedelta(hours=full[column])
    if isinstance(full.get("category"), dict):
        full["dimensions"], full["category"] = json.dumps(full["category"]), None
    return full


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


@pytest.fixture
def new_database(postgres_server: str) -> Callable[[], str]:
    """Gives the URL of an empty database on that server, at every call another."""

    def new() -> str:
        import adbc_driver_postgresql.dbapi as postgresql

        name = f"town{next(NUMBERS)}"
        address = f"{postgres_server}/postgres"
        with postgresql.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return f"{postgres_server}/{name}"

    return new
