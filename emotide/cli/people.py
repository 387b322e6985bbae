"""Commands for the people in a log: forget, retain, audit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.cli.options import Json, Store, app
from emotide.terminal import show

if TYPE_CHECKING:
    pass


@app.command()
def forget(
    user: Annotated[str, typer.Argument(help="the id of a person")],
    store: Store,
    model: Annotated[Path | None, typer.Option(help="also the words that this model keeps")] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="also in these .csv, .jsonl, .json, .parquet, .html files, or folders of them"),
    ] = None,
    pseudonymise: Annotated[Path | None, typer.Option(help="the key file with which the log was ingested")] = None,
    json: Json = False,
) -> None:
    """Erase a person everywhere, and count what is left; a tombstone keeps them from coming in again.

    Example: emotide forget ana --store town.db --model town --also town/log.rejects
    """
    from emotide.api import SocialLog
    from emotide.api.forgetting import forget as erase
    from emotide.log import Pseudonyms

    known = Pseudonyms.open(pseudonymise).of(user) if pseudonymise else user
    show(erase(SocialLog.open(store, create=False), known, model, also or []), json)
    if model is not None:
        typer.echo("the model's weights have learned from this person too: train it again", err=True)


@app.command()
def retain(
    store: Store,
    older_than: Annotated[str, typer.Option(help="an age: 365d, 8w, 12h", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="do it; without, what would go is only counted")] = False,
    json: Json = False,
) -> None:
    """Erase posts, interactions, labels and feedback past an age; without --yes, count them.

    Example: emotide retain --older-than 365d --store town.db
    """
    from emotide.api import SocialLog
    from emotide.api.retaining import retain as run

    show(run(SocialLog.open(store, create=False), older_than, yes), json)
    if not yes:
        typer.echo("nothing was erased: say --yes to do it", err=True)


@app.command()
def audit(
    store: Store,
    verify: Annotated[bool, typer.Option("--verify", help="whether a row was changed, or one is missing")] = False,
    head: Annotated[str | None, typer.Option(help="a head noted earlier, which must still be in the trail")] = None,
    json: Json = False,
) -> None:
    """Who did what to the store about people, and when.

    Example: emotide audit --store town.db --verify
    """
    from emotide.api import SocialLog
    from emotide.api.auditing import verified

    log = SocialLog.open(store, create=False)
    show(verified(log, head) if verify or head else log.store.audit(), json)
