"""A small town, ingested and trained once for all tests of this folder."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from emotide.demo.town import TownConfig, simulate

RECIPE = """
text_width = 8
[network]
state = 16
influence = 8
observed = 16
width = 32
pair_width = 16
[train]
epochs = {epochs}
updates = 4
seed = 3
[recommend]
steps = 20
batch = 64
seed = 3
"""


class Town(NamedTuple):
    """Where everything lies."""

    log: Path
    store: Path
    model: Path
    recipe: Path

    def ask(self, *words: object) -> tuple[object, ...]:
        """The words of a command on this store and model."""
        return (words[0], "--store", self.store, "--model", self.model, *words[1:])


@pytest.fixture(scope="session")
def recipe(tmp_path_factory) -> Callable[[int], Path]:
    """`recipe(epochs)`: the file of a small recipe."""

    def write(epochs: int) -> Path:
        file = tmp_path_factory.mktemp("recipe") / "recipe.toml"
        file.write_text(RECIPE.format(epochs=epochs))
        return file

    return write


@pytest.fixture(scope="session")
def town(tmp_path_factory, command, recipe) -> Town:
    """12 people, 18 days."""
    folder = tmp_path_factory.mktemp("town")
    simulate(folder, TownConfig(people=12, days=18))
    made = Town(folder / "log", folder / "town.db", folder / "model", recipe(3))
    assert command("ingest", made.log, "--store", made.store).code == 0
    told = command(*made.ask("train"), "--config", made.recipe)
    assert told.code == 0, told.err
    assert told.out.startswith(f"{made.model}: best score on dev ")
    assert " labels) after 3 epochs" in told.out
    assert "distrust both" in told.err
    return made


@pytest.fixture
def log_of(tmp_path) -> Callable[..., Path]:
    """`log_of(posts=[{…}, …], labels=…)`: the folder of a log with these rows."""

    def write(**tables: Iterable[dict[str, Any]]) -> Path:
        folder = tmp_path / "log"
        folder.mkdir()
        for name, rows in tables.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return write
