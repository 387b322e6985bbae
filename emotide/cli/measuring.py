"""The command that measures: bench."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.cli.options import Json, app
from emotide.terminal import Bar, show_figures

if TYPE_CHECKING:
    pass


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="which measurement; 'list' shows them all")],
    data: Annotated[Path | None, typer.Option(help="the folder of public data sets; $EMOTIDE_DATA by default")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="how many seeds")] = 3,
    out: Annotated[
        Path | None, typer.Option(help="a folder in which figures are kept; what is there is not measured again")
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="of 'speed': only where the time goes, by part of the network")
    ] = False,
    json: Json = False,
) -> None:
    """The measurements behind every claim in the README.

    Example: emotide bench meld --data ~/data --seeds 3
    """
    from emotide.bench import run_bench

    with Bar() as bar:
        found = run_bench(name, data, seeds, bar.say, bar.progress, out, "profile" if profile else None)
    show_figures(found, json)
