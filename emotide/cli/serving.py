"""Commands of the service: serve, token."""

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.cli.options import Json, Model, Parts, Ray, Store, app
from emotide.terminal import show

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from emotide.serve.run import Opener
    from emotide.store.tokens import TokenRow

token = typer.Typer(
    help="Who may ask the service for what: tokens, of which the store keeps hashes.\n\n"
    "Example: emotide token create --store town.db --name feed --scope write --scope recommend",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(token, name="token")
TokenId = Annotated[str, typer.Argument(help="the id of a token, as 'emotide token list' shows it")]


@app.command()
def serve(
    store: Store,
    model: Model,
    host: Annotated[
        str, typer.Option(help="the address to listen on; others than this machine's ask for a token")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="the port; 0 takes one that is free")] = 8321,
    config: Annotated[Path | None, typer.Option(help="the limits (TOML)")] = None,
    everyone: Annotated[bool, typer.Option("--open", help="ask for no token, on this machine alone")] = False,
    ray: Ray = None,
    workers: Parts = 2,
    encoders: Annotated[int, typer.Option(min=0, help="with --ray: processes beside them that encode texts")] = 0,
) -> None:
    """The service over HTTP, until it is told to stop (SIGTERM).

    Example: emotide serve --store town.db --model town --port 8321
    """
    from emotide.serve.run import serve as run
    from emotide.serve.settings import ServiceSettings

    settings = ServiceSettings.read(config) if config else ServiceSettings()
    with nullcontext() if ray is None else _in_parts(ray, workers, encoders) as opener:
        run(store, model, host, port, settings, everyone, lambda line: typer.echo(line, err=True), opener)
    # an answer that nobody waits for any more may still be computed in a thread: it is not waited for either
    sys.stderr.flush()
    os._exit(0)


def _in_parts(address: str, workers: int, encoders: int) -> "AbstractContextManager[Opener]":
    """What opens an engine on Ray."""
    from emotide.cluster.live_parts import engines_in_parts

    return engines_in_parts("" if address == "local" else address, workers, encoders)


@token.command()
def create(
    store: Store,
    name: Annotated[str, typer.Option(help="what it is for")],
    scope: Annotated[list[str], typer.Option(help="what it allows: read, write, recommend, admin; may be repeated")],
    days: Annotated[float, typer.Option(help="for which it holds")] = 90.0,
    json: Json = False,
) -> None:
    """Make a token; it is shown now, and never again.

    Example: emotide token create --store town.db --name feed --scope write --scope recommend
    """
    from emotide.errors import UnknownName
    from emotide.serve.tokens import Scope
    from emotide.serve.tokens import create as make
    from emotide.store import Store as Kept

    known = [one.value for one in Scope]
    for one in scope:
        if one not in known:
            raise UnknownName("scope", one, known)
    made = make(Kept.open(store, create=False), name, map(Scope, scope), days)
    _show([made.row], json, token=made.token)


@token.command(name="list")
def listed(store: Store, json: Json = False) -> None:
    """All tokens, without their secrets.

    Example: emotide token list --store town.db
    """
    from emotide.store import Store as Kept

    _show(Kept.open(store, create=False).tokens.rows(), json)


@token.command()
def rotate(
    token_id: TokenId,
    store: Store,
    grace: Annotated[float, typer.Option(min=0, help="seconds for which the old one holds on")] = 0.0,
    json: Json = False,
) -> None:
    """A new token in the place of one; it is shown now, and never again.

    Example: emotide token rotate 0123456789ab --store town.db --grace 600
    """
    from emotide.serve.tokens import rotate as turn
    from emotide.store import Store as Kept

    made = turn(Kept.open(store, create=False), token_id, grace)
    _show([made.row], json, token=made.token)


@token.command()
def revoke(token_id: TokenId, store: Store) -> None:
    """A token holds no more; a running service sees it within seconds.

    Example: emotide token revoke 0123456789ab --store town.db
    """
    from emotide.serve.tokens import revoke as end
    from emotide.store import Store as Kept

    end(Kept.open(store, create=False), token_id)
    typer.echo(f"token {token_id} is revoked: a running service refuses it within seconds", err=True)


def _show(rows: "Sequence[TokenRow]", json: bool, **more: str) -> None:
    """Tokens as a table, their hashes left out."""
    import polars as pl

    names = ("token_id", "name", "scopes", "created", "expires", "revoked")
    time = pl.Datetime("us", "UTC")
    schema = {name: pl.String() if k < 3 else pl.Int64() for k, name in enumerate(names)}
    frame = pl.DataFrame([[getattr(row, name) for name in names] for row in rows], schema, orient="row")
    show(
        frame.with_columns(pl.col(names[3:]).cast(time), *(pl.lit(value).alias(key) for key, value in more.items())),
        json,
    )
