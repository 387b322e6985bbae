"""Commands for the people in a log: forget."""

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
        list[Path] | None, typer.Option(help="also rows of these .csv and .jsonl files, or folders of them")
    ] = None,
    json: Json = False,
) -> None:
    """Erase a person everywhere, and count what is left; a tombstone keeps them from coming in again.

    Example: emotide forget ana --store town.db --model town --also town/log.rejects
    """
    from emotide.api import SocialLog
    from emotide.api.forgetting import forget as erase

    show(erase(SocialLog.open(store, create=False), user, model, also or []), json)
    if model is not None:
        typer.echo("the model's weights have learned from this person too: train it again", err=True)
