"""Where the tests find what does not lie in the project."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets: `$EMOTIDE_DATA`, or `shared/data` beside the project; skips where there is none."""
    folder = Path(os.environ.get("EMOTIDE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the public data sets are not at {folder}; set EMOTIDE_DATA")
    return folder
