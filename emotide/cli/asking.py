"""Commands that ask a model: evaluate, predict, influence, screen, spaces."""

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotide.cli.options import (
    Budget,
    Choice,
    Chosen,
    Device,
    How,
    Json,
    KnownReports,
    Model,
    Out,
    Parts,
    Precision,
    Ray,
    Reports,
    Room,
    Rounding,
    Space,
    Split,
    Store,
    User,
    app,
    ray_workers,
)
from emotide.terminal import plot_file, read_csv, show, show_tables, write_table

if TYPE_CHECKING:
    pass


@app.command()
def evaluate(
    store: Store,
    model: Model,
    split: Split = Split.test,
    space: Space = None,
    reports: KnownReports = Reports.hidden,
    baselines: Annotated[bool, typer.Option(help="also fit and ask the baselines")] = True,
    plot: Annotated[
        Path | None, typer.Option(help="draw the reliability diagram to this .png, .svg or .pdf", callback=plot_file)
    ] = None,
    budget: Budget = None,
    choice: Chosen = Choice.top,
    json: Json = False,
    device: Device = "cpu",
    precision: Rounding = Precision.float32,
) -> None:
    """Recognition and forecast beside the baselines.

    Example: emotide evaluate --store town.db --model town --reports known
    """
    from emotide.api import Emotide, SocialLog
    from emotide.terminal import show_evaluation

    made = Emotide.from_pretrained(model, device, precision)
    found = made.evaluate(
        SocialLog.open(store, create=False), split=split, space=space, reports=reports, baselines=baselines, plot=plot,
        budget=budget, choice=choice,
    )  # fmt: skip
    made.caution(found["space"])
    show_evaluation(found, json)


@app.command()
def predict(
    store: Store,
    model: Model,
    user: User = None,
    horizon: Annotated[int, typer.Option(min=0, help="steps to forecast beyond the end of the log")] = 0,
    space: Space = None,
    reports: KnownReports = Reports.known,
    coverage: Annotated[
        float | None, typer.Option(help="add the set of emotions that holds the truth so often, such as 0.9")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="why the --user is read so: what each post and word of the last days adds")
    ] = False,
    at: Annotated[datetime | None, typer.Option(help="with --explain: the last reading by then, UTC")] = None,
    name: Annotated[str | None, typer.Option(help="with --explain: a category or dimension of the space")] = None,
    window: Annotated[int, typer.Option(min=1, help="with --explain: steps back whose posts are asked for")] = 7,
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="who will post in the next step, and who will turn to whom")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="with --behaviour: contacts a person")] = 5,
    budget: Budget = None,
    choice: Chosen = Choice.top,
    ray: Ray = None,
    workers: Parts = 2,
    room: Room = None,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
    precision: Rounding = Precision.float32,
) -> None:
    """Readings per user and step, and forecasts.

    Example: emotide predict --store town.db --model town --user ana --horizon 3 --space pad
    """
    from emotide.api import Emotide, SocialLog

    if explain and user is None:
        raise typer.BadParameter("--explain needs --user")
    if explain and precision is Precision.bfloat16:
        raise typer.BadParameter("--explain wants gradients, which are float32: leave --precision out")
    if budget is not None and (explain or behaviour):
        raise typer.BadParameter("--budget is for readings: neither --explain nor --behaviour goes with it")
    if ray is not None and (explain or behaviour or budget is not None):
        raise typer.BadParameter("--ray is for readings of all posts: no --explain, --behaviour or --budget with it")
    made, log = Emotide.from_pretrained(model, device, precision), SocialLog.open(store, create=False)
    if behaviour:
        posts, contacts = made.behaviour(log, user=user, top=top, reports=reports)
        return show_tables({"posts": posts, "contacts": contacts}, out, json)
    if explain:
        asked = at.replace(tzinfo=UTC) if at is not None else None
        frame = made.explain(log, str(user), at=asked, space=space, name=name, reports=reports, window=window)
    else:
        frame = made.predict(
            log, user=user, horizon=horizon, space=space, reports=reports, coverage=coverage, budget=budget,
            choice=choice, workers=ray_workers(ray, workers, room, None),
        )  # fmt: skip
    for read in frame["space"].unique():
        made.caution(read)
    write_table(frame, out) if out else show(frame, json)


@app.command()
def influence(
    store: Store,
    model: Model,
    user: User = None,
    top: Annotated[int, typer.Option(min=1, help="rows to print")] = 20,
    total: Annotated[bool, typer.Option("--total", help="one row a pair over all time")] = False,
    how: Annotated[How, typer.Option(help="weigh each pair by its history, or ask the network step by step")] = (
        How.history
    ),
    sources: Annotated[bool, typer.Option("--sources", help="who moves the network most: one row a person")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="chains by which moods travelled to the --user")] = False,
    links: Annotated[int, typer.Option(min=1, max=6, help="with --paths: pairs in a chain, at most")] = 3,
    picture: Annotated[
        Path | None, typer.Option(help="with --paths: draw them to this .png, .svg or .pdf", callback=plot_file)
    ] = None,
    space: Space = None,
    reports: KnownReports = Reports.known,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Who moved whom, when and how much; who moves most; by which paths moods travelled.

    Example: emotide influence --store town.db --model town --user ana --total
    """
    from emotide.api import Emotide, SocialLog

    if paths and (user is None or sources):
        raise typer.BadParameter("--paths needs --user, and is not --sources")
    if picture and not paths:
        raise typer.BadParameter("--picture draws --paths")
    made, log = Emotide.from_pretrained(model, device), SocialLog.open(store, create=False)
    if paths:
        frame = made.paths(log, str(user), links=links, total=total or picture is not None, reports=reports)
    elif sources:
        frame = made.sources(log, space=space, reports=reports)
    else:
        frame = made.influence(log, user=user, total=total, space=space, reports=reports, how=how)
        if (frame["strength"] > 0).any() and (frame["p_value"] == 1).all():
            why = "there are no strangers to compare neighbours with"
            warnings.warn(f"chance cannot be judged here ({why}): p_value and q_value say nothing", stacklevel=2)
    if (paths or sources) and not (frame["strength"] > 0).any():
        said = "no pair stands out from chance here: see q_value of 'emotide influence --total'"
        typer.echo(said + "; no picture is drawn" * (picture is not None), err=True)
    elif picture:
        from emotide.api.path_picture import draw_paths

        draw_paths(frame, str(user), picture)
    write_table(frame, out) if out else show(frame.head(top), json)


@app.command()
def screen(
    store: Store,
    model: Model,
    budget: Annotated[str, typer.Option(help="how many posts, such as 50, or a share of them, such as 0.2 or 20%")],
    index: Annotated[
        Path | None, typer.Option(help="a table of posts not fetched yet (columns as in posts); the store's by default")
    ] = None,
    reports: KnownReports = Reports.known,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Which posts are worth fetching or decoding, for whom: the best first.

    Example: emotide screen --store town.db --model town --index unfetched.csv --budget 50
    """
    from emotide.api import Emotide, SocialLog

    frame = Emotide.from_pretrained(model, device).screen(
        SocialLog.open(store, create=False), budget, index=index, reports=reports
    )
    write_table(frame, out) if out else show(frame, json)


@app.command()
def spaces(
    show_one: Annotated[str | None, typer.Option("--show", help="the categories and places of one space")] = None,
    add: Annotated[Path | None, typer.Option(help="a TOML file to add to the store")] = None,
    sharpen: Annotated[str | None, typer.Option(help="a space to sharpen by the store's labels; needs --model")] = None,
    readings: Annotated[
        Path | None, typer.Option("--convert", help="a CSV of readings made elsewhere; needs --from and --to")
    ] = None,
    source: Annotated[str | None, typer.Option("--from", help="the space of these readings")] = None,
    target: Annotated[str | None, typer.Option("--to", help="the space that they are wanted in")] = None,
    store: Annotated[str | None, typer.Option(help="also the spaces of this store")] = None,
    model: Annotated[Path | None, typer.Option(help="the folder of the model to sharpen")] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Emotion spaces: list them, show one, add one, sharpen one by a few labels, convert readings between two.

    Example: emotide spaces --convert moods.csv --from ekman --to polarity --out polarity.csv
    """
    import polars as pl

    from emotide.api import Emotide, SocialLog, convert_readings, known_spaces, space_table, spaces_table
    from emotide.model import space_named

    log = SocialLog.open(store, create=add is not None) if store else None
    if add is not None:
        if log is None:
            raise typer.BadParameter("--add needs --store")
        log.add_space(add)
    known = known_spaces(log)
    if sharpen is not None:
        if log is None or model is None:
            raise typer.BadParameter("--sharpen needs --store and --model")
        made = Emotide.from_pretrained(model)
        used = made.sharpen(log, sharpen)
        made.save_pretrained(model)
        table = pl.DataFrame({"space": [sharpen], "labels": [used]})
    elif readings is not None:
        if source is None or target is None:
            raise typer.BadParameter("--convert needs --from and --to")
        table = convert_readings(read_csv(readings), space_named(source, known), space_named(target, known))
    elif show_one is not None:
        table = space_table(space_named(show_one, known))
    else:
        table = spaces_table(known)
    write_table(table, out) if out else show(table, json)
