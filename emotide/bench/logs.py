"""The logs on which whole methods are compared: each with the recipe that did best on its dev part."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from emotide.api import Recipe, SocialLog
from emotide.bench import fanchuan, meld, social_evolution
from emotide.bench.bench import converted
from emotide.demo.config import TownConfig
from emotide.demo.run import SMALL
from emotide.demo.town import simulate
from emotide.timeline import TimelineConfig


@dataclass(frozen=True)
class Compared:
    """A log to compare methods on.

    Attributes:
        needs: the data set it is made of; None where it is simulated.
        space: whose labels are asked for.
        regimes: of reports.
        recipe: of a seed.
        opened: the log of a seed, from the folder of public data sets.
    """

    needs: str | None
    space: str
    regimes: tuple[str, ...]
    recipe: Callable[[int], Recipe]
    opened: Callable[[Path, int], AbstractContextManager[SocialLog]]


@contextmanager
def town(data: Path, seed: int) -> Iterator[SocialLog]:
    """The demo's town of sixty people and sixty days; every seed is another town."""
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        simulate(Path(folder), TownConfig(seed=seed))
        log = SocialLog.open(Path(folder) / "town.db")
        log.ingest(Path(folder) / "log")
        yield log


def town_recipe(seed: int) -> Recipe:
    """The demo's."""
    return Recipe(timeline=TimelineConfig(step="1d"), network=SMALL).changed({}, train={"seed": seed})


def _community(name: str) -> Compared:
    return Compared(
        "fanchuan",
        fanchuan.COMMUNITIES[name],
        ("hidden", "known"),
        lambda seed: fanchuan.recipe(name, seed),
        lambda data, seed: converted("fanchuan", data / "fanchuan", community=name),
    )


LOGS = {
    "social_evolution": Compared(
        "social_evolution",
        social_evolution.SPACE,
        ("known",),  # there is no text: with reports hidden there is nothing to go by
        social_evolution.recipe,
        lambda data, seed: converted("social_evolution", data / "social_evolution"),
    ),
    "fanchuan_campuslife": _community("CampusLife"),
    "fanchuan_cs2": _community("CS2"),
    "town": Compared(None, "ekman_neutral", ("hidden", "known"), town_recipe, town),
    "meld": Compared(
        "meld", "meld", ("hidden", "known"), meld.recipe, lambda data, seed: converted("meld", data / "meld")
    ),
}
