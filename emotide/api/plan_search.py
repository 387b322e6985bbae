"""The search for a shortcut plan on a log: a recipe to train by, a table of what was tried, a picture (paper 3.1)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from emotide.api.checks import usable_device
from emotide.api.plan_picture import plan_picture
from emotide.api.recipe import Recipe
from emotide.api.social_log import SocialLog
from emotide.errors import BadInput
from emotide.model import space_named
from emotide.train import Trained
from emotide.train.fit import Progress
from emotide.train.search import Candidate, search_plan

PICTURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class FoundPlan:
    """What the search found.

    Attributes:
        recipe: the one given, with the plan that did best on dev.
        tried: every plan that was trained, with its score on dev.
        best: of them, on dev.
    """

    recipe: Recipe
    tried: list[Candidate]
    best: Candidate

    def table(self) -> pl.DataFrame:
        """plan, shortcuts, dev (the best score), chosen: one row a plan, as tried."""
        return pl.DataFrame(
            {
                "plan": [each.name for each in self.tried],
                "shortcuts": [each.shortcuts for each in self.tried],
                "dev": [each.dev for each in self.tried],
                "chosen": [each is self.best for each in self.tried],
            }
        )

    def as_json(self) -> dict[str, Any]:
        """The table, and the strength of every shortcut of the chosen plan by module."""
        gates = {
            module: [{"from": i, "to": j, "strength": round(value, 4)} for (i, j), value in each.items()]
            for module, each in self.best.gates.items()
        }
        return {"best": self.best.name, "dev": self.best.dev, "shortcuts": gates, "tried": self.table().to_dicts()}

    def write(self, file: Path) -> None:
        """The recipe as .toml, or the plan as a picture (.svg, .png, .pdf).

        Raises:
            BadInput: another ending, or no Matplotlib for a picture.
        """
        if file.suffix == ".toml":
            file.write_text(self.recipe.toml(), "utf-8")
        else:
            network = self.best.network
            plan_picture([(module, network.depth_of(module), each) for module, each in self.best.gates.items()], file)


def plan_file(file: Path) -> Path:
    """The file, if `FoundPlan.write` can write it.

    Raises:
        BadInput: another ending.
    """
    if file.suffix not in (".toml", *PICTURES):
        raise BadInput(f"ends in {file.suffix!r}; wanted: .toml for the recipe, or {', '.join(PICTURES)}", file)
    return file


def search_shortcuts(
    log: SocialLog,
    run: Recipe | None = None,
    *,
    keep: int | None = None,
    method: str = "gates",
    trials: int = 12,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FoundPlan:
    """Search the network's shortcuts on a log; the dev part judges, the test part has no say.

    Args:
        log: with labels.
        run: sizes, steps, spaces, seed.
        keep: how many shortcuts to keep in all modules together; by default some numbers are tried.
        method: 'gates' (a dense plan whose gates can close) or 'optuna'.
        trials: plans that Optuna proposes.
        device: 'cpu', 'cuda', 'mps'.
        progress: called with (epoch, epochs, what happened).

    Raises:
        BadInput: the log has no labels to judge by, more shortcuts are to be kept than there are, no Optuna.
        UnknownName: no such method or space.
    """
    run, device, spaces = run or Recipe(), usable_device(device), log.spaces()
    for name in run.train.spaces:
        space_named(name, spaces)
    timeline = log.timeline(run.timeline, spaces)
    if not any((labels.split == 1).any() for labels in timeline.labels.values()):
        raise BadInput("the log has no labels in its dev part: nothing can judge a plan")
    contents = log.contents(timeline)
    trained = Trained.new(run.base(), timeline, contents.texts, spaces, device, contents.files, progress)
    seen = trained.observed(contents, progress)
    search = search_plan(trained, seen.of(timeline), seen.vectors, keep, method, trials, progress)
    best = search.best
    return FoundPlan(run.changed({}, network={"plan": best.network.plan}), search.tried, best)
