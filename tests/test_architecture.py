"""The import order of pyproject.toml holds, ARCHITECTURE.md tells the same, and what is imported is declared."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from importlinter import cli as lint

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LAYERS = PROJECT["tool"]["importlinter"]["contracts"][0]
BROUGHT_BY = packages_distributions()
ROOMS = {path.stem for path in (ROOT / "emotide").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


def imported(file: Path) -> set[str]:
    """The absolute names of all modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def plain(requirement: str) -> str:
    """The name of a requirement, as distributions are compared."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_every_contract_is_kept(capsys):
    outcome = lint.lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert outcome == lint.EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_room_has_its_place_in_the_order():
    placed = {room for layer in LAYERS["layers"] for room in layer.split(" : ")}
    assert placed == ROOMS - {"__init__", "__main__"}


def test_the_document_draws_the_same_order():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    drawn = re.search(r"^```layers\n(.*?)^```", text, re.M | re.S)
    assert drawn is not None
    assert drawn.group(1).split("\n")[:-1] == LAYERS["layers"]


def test_the_document_names_every_room():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = set(re.findall(r"^\| `emotide/(\w+)(?:/|\.py)` \|", text, re.M))
    assert rooms == ROOMS - {"__init__", "__main__"}


def test_errors_and_mathematics_import_none_of_ours():
    for room, allowed in {"errors.py": set(), "nn": {"emotide.errors", "emotide.nn"}}.items():
        place = ROOT / "emotide" / room
        for file in [place] if place.suffix else place.rglob("*.py"):
            ours = {name for name in imported(file) if name.split(".")[0] == "emotide"}
            assert {".".join(name.split(".")[:2]) for name in ours} <= allowed, file


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_what_is_imported_is_declared(room):
    """A clean installation must bring what the code imports, as a dependency or an extra that users can name."""
    extras = PROJECT["project"]["optional-dependencies"]
    groups = [PROJECT["project"]["dependencies"], *(held for name, held in extras.items() if name != "dev")]
    declared = {plain(each) for group in groups for each in group}
    place = ROOT / "emotide" / room
    for file in place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        for module in {name.split(".")[0] for name in imported(file)} - sys.stdlib_module_names - {"emotide"}:
            brought_by = {plain(name) for name in BROUGHT_BY.get(module, [])}
            assert brought_by & declared, f"{file.relative_to(ROOT)} imports {module}, not declared"


def test_every_dependency_is_explained():
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    explained = set(re.findall(r"`([\w.-]+)`", "\n".join(re.findall(r"^\| (`.*?) \|", text, re.M))))
    groups = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    wanted = {plain(each) for group in groups for each in group}
    assert wanted <= explained
