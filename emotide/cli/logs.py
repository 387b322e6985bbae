"""Commands that bring logs in: demo, ingest, convert."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.cli.options import SEED, Json, Pseudonymise, Store, app
from emotide.errors import BadInput, UnknownName
from emotide.terminal import Bar, plain, show

if TYPE_CHECKING:
    pass


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="a social log of your own; a simulated town by default")] = None,
    out: Annotated[Path, typer.Option(help="the folder for store, model and report")] = Path("demo-out"),
    config: Annotated[Path | None, typer.Option(help="a recipe (TOML)")] = None,
    media: Annotated[bool, typer.Option("--media", help="the town also posts pictures, sounds and clips")] = False,
    media_from: Annotated[
        Path | None, typer.Option(help="as --media, of the real faces and voices of a folder of public data sets")
    ] = None,
    seed: Annotated[int, SEED] = 0,
) -> None:
    """Everything on a sample network; ends with a report page.

    Example: emotide demo --out demo-out
    """
    from emotide.api import Recipe
    from emotide.demo.run import run_demo

    recipe = Recipe.read(config) if config else None
    with Bar() as bar:
        report = run_demo(out, data, recipe, seed, bar.say, bar.progress, media or media_from is not None, media_from)
    typer.echo(report)


@app.command()
def ingest(
    source: Annotated[list[Path], typer.Argument(help="social logs: folders, zips or single tables")],
    store: Store,
    mapping: Annotated[Path | None, typer.Option(help="a TOML file that renames the columns of a foreign log")] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="the folder for rejected rows; beside the source by default")
    ] = None,
    pseudonymise: Pseudonymise = None,
    json: Json = False,
) -> None:
    """Read, validate and store social logs; doing it twice changes nothing.

    Example: emotide ingest town/log --store town.db
    """
    import polars as pl

    from emotide.api import SocialLog
    from emotide.log import Pseudonyms

    names = Pseudonyms.open(pseudonymise) if pseudonymise else None
    log = SocialLog.open(store)
    reports = []
    with Bar() as bar:
        for place in source:
            reports.append(log.ingest(place, mapping, rejects, bar.progress, names))
    rows = [
        {
            "file": file.file, "table": file.table, "rows": file.rows, "new": file.new, "there": file.there,
            "rejected": file.rejected, "derived": file.derived,
            "rejects": str(file.reject_file) if file.reject_file else None,
        }
        for report in reports
        for file in report.files
    ]  # fmt: skip
    for line in dict.fromkeys(line for report in reports for line in report.warnings):
        typer.echo(plain(f"warning: {line}"), err=True)
    show(pl.DataFrame(rows), json)


@app.command()
def convert(
    name: Annotated[str, typer.Argument(help="a data set; 'list' shows them all")],
    source: Annotated[Path | None, typer.Argument(help="the folder (or file) of the set as published")] = None,
    out: Annotated[Path | None, typer.Argument(help="the folder for the social log")] = None,
    option: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, see 'emotide convert list'")] = None,
    json: Json = False,
) -> None:
    """A public data set becomes a social log.

    Example: emotide convert meld MELD/data/MELD meld-log
    """
    import polars as pl

    from emotide.convert import CONVERTERS
    from emotide.convert import convert as run

    if name == "list":
        rows = [
            {
                "name": key,
                "about": each.about,
                "licence": each.licence,
                "options": ", ".join(map(": ".join, each.options.items())),
            }
            for key, each in CONVERTERS.items()
        ]
        return show(pl.DataFrame(rows), json)
    if name not in CONVERTERS:
        raise UnknownName("converter", name, [*CONVERTERS, "list"])
    if source is None or out is None:
        raise typer.BadParameter("a data set needs SOURCE and OUT")
    options = dict(_pair(text) for text in option or [])
    counts = run(name, source, out, **options)
    if not sum(rows for table, rows in counts.items() if table != "rejects"):
        raise BadInput(
            f"nothing in it is of the form {name!r} (see 'emotide convert list'); {out} holds no log", source
        )
    show(pl.DataFrame({"table": list(counts), "rows": list(counts.values())}), json)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"--option wants KEY=VALUE, this came: {text!r}")
    return key, value
