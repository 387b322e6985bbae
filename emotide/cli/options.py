"""Options that many commands share, and the one app that all commands belong to."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.terminal import table_file

if TYPE_CHECKING:
    from emotide.cluster.ray_workers import RayWorkers

app = typer.Typer(
    name="emotide",
    help="The emotions of everyone on a social network over time: readings, forecasts, influence, recommendations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SEED = typer.Option(min=0, max=2**32 - 1, help="of everything that is drawn at random", show_default=False)
Store = Annotated[
    str,
    typer.Option(
        envvar="EMOTIDE_STORE", help="the store: a file, sqlite:///FILE or postgresql://…", show_default=False
    ),
]
Model = Annotated[Path, typer.Option(envvar="EMOTIDE_MODEL", help="the folder of the model", show_default=False)]
Out = Annotated[
    Path | None, typer.Option(help="write the table to this .csv, .jsonl or .parquet file", callback=table_file)
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
Space = Annotated[str | None, typer.Option(help="emotion space; by default one that the model was trained on")]
User = Annotated[str | None, typer.Option(help="one person only")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps")]


class Precision(StrEnum):
    """In what residual networks multiply."""

    float32 = "float32"
    bfloat16 = "bfloat16"


Rounding = Annotated[
    Precision,
    typer.Option("--precision", help="bfloat16: quicker where steps are large and the processor knows it"),
]


class Split(StrEnum):
    """Which part of the log."""

    train = "train"
    dev = "dev"
    test = "test"


class Reports(StrEnum):
    """Whether labels of earlier steps may be used."""

    hidden = "hidden"
    known = "known"


class How(StrEnum):
    """How influence is found."""

    history = "history"
    network = "network"


class Choice(StrEnum):
    """Which posts are opened under a budget."""

    top = "top"
    sample = "sample"
    random = "random"
    recent = "recent"
    first = "first"


Pseudonymise = Annotated[
    Path | None, typer.Option(help="a key file, made if there is none: ids are stored as keyed hashes only")
]
Budget = Annotated[
    float | None, typer.Option(min=1e-6, max=1, help="open this share of the posts of a step; all by default")
]
Chosen = Annotated[Choice, typer.Option(help="with --budget: which posts are opened; top are the most important")]
Ray = Annotated[
    str | None,
    typer.Option("--ray", help="work on a Ray cluster at this address; 'local' starts one here", show_default=False),
]
Parts = Annotated[int, typer.Option("--workers", min=1, help="with --ray: how many")]
Room = Annotated[
    Path | None, typer.Option("--room", help="with --ray: a folder that all machines see; a temporary one by default")
]
KnownReports = Annotated[Reports, typer.Option(help="whether labels of earlier steps may be used")]


def ray_workers(address: str | None, workers: int, room: Path | None, rejects: Path | None) -> "RayWorkers | None":
    """Workers on Ray, where an address is given; None: this process does the work."""
    if address is None:
        return None
    from emotide.cluster.ray_workers import RayWorkers

    return RayWorkers("" if address == "local" else address, workers, room, rejects)
