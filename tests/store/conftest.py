"""One store of each kind for every test; the PostgreSQL server is a real one, started by `postgres_server`."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

NUMBERS = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of a store that does not exist yet, at every call another."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/town{next(NUMBERS)}.db"
    new: Callable[[], str] = request.getfixturevalue("new_database")
    return new


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()
