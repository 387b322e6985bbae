"""The command that carries events from a source into a live model: follow."""

from pathlib import Path
from typing import Annotated

import typer

from emotide.cli.options import Json, Model, Pseudonymise, Store, app
from emotide.terminal import plain, show


@app.command()
def follow(
    source: Annotated[
        str,
        typer.Argument(help="a .jsonl file, redis://HOST/0?stream=NAME, kafka://HOST/TOPIC, or - for standard input"),
    ],
    store: Store,
    model: Model,
    folder: Annotated[Path | None, typer.Option(help="of checkpoints and the audit; in the model's by default")] = None,
    once: Annotated[
        bool, typer.Option("--once", help="end at the end of the source; wait for more by default")
    ] = False,
    pseudonymise: Pseudonymise = None,
    json: Json = False,
) -> None:
    """Take in events as they come, each exactly once, and keep the states of everybody up.

    Example: emotide follow events.jsonl --store town.db --model town
    """
    import polars as pl

    from emotide.live.engine import LiveEngine
    from emotide.live.sources import follow as run
    from emotide.live.sources import into, open_source
    from emotide.log import Pseudonyms

    names = Pseudonyms.open(pseudonymise) if pseudonymise else None
    events = open_source(source, wait=not once)
    try:
        engine = LiveEngine.open(store, model, folder=folder)
        try:
            counts = run(
                events, into(engine, names), lambda place, reason: typer.echo(plain(f"{place}: {reason}"), err=True)
            )
        except KeyboardInterrupt:
            typer.echo("stopped; what has a receipt is kept, the rest comes again", err=True)
            return
        finally:
            engine.close()
    finally:
        events.close()
    show(pl.DataFrame({"events": list(counts), "n": list(counts.values())}), json)
