"""The documentation's site builds without a warning; the container files pass their linters."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import emotide

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    made = subprocess.run(
        [BIN / "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


def test_the_site_has_every_public_name(site):
    reference = (site / "reference.html").read_text("utf-8")
    for name in emotide.__all__:
        assert re.search(rf'id="emotide\.(\w+\.)*{name}"', reference), name
    assert "f1(s, u)" in reference, "the equations stand in the docstrings"


def test_nothing_on_the_site_is_fetched_from_elsewhere(site):
    page = (site / "index.html").read_text("utf-8")
    assert not re.findall(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"', page)


def test_the_container_file_passes_hadolint():
    made = subprocess.run([BIN / "hadolint", ROOT / "Containerfile"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout


def test_the_compose_file_keeps_to_its_schema():
    made = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout


def test_no_password_stands_in_the_container_files():
    for name in ("Containerfile", "compose.yaml"):
        assert not re.search(r"PASSWORD: +[^$\s]", (ROOT / name).read_text("utf-8")), name
