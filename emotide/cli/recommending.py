"""Commands of recommendation: recommend, learn, judge, demand."""

from pathlib import Path
from typing import Annotated

import typer

from emotide.cli.options import SEED, Device, Json, KnownReports, Model, Out, Reports, Store, User, app
from emotide.terminal import plot_file, show, write_table


@app.command()
def recommend(
    store: Store,
    model: Model,
    user: User = None,
    top: Annotated[int, typer.Option(min=1, help="items a person")] = 5,
    epsilon: Annotated[float, typer.Option(min=0, max=1, help="share of the ranks given to chance")] = 0.0,
    diversity: Annotated[float, typer.Option(min=0, max=1, help="0: the best by value, 1: the least alike")] = 0.0,
    rules: Annotated[Path | None, typer.Option(help="what may not be shown to whom in which state (TOML)")] = None,
    guard: Annotated[bool, typer.Option(help="whether rules hold; those that come with Emotide by default")] = True,
    audit: Annotated[Path | None, typer.Option(help="write a line a decision to this .jsonl file")] = None,
    reports: KnownReports = Reports.known,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Items for users in the state each is in, with the reason.

    Example: emotide recommend --store town.db --model town --user ana --top 3
    """
    from emotide.api import Emotide, SocialLog

    frame = Emotide.from_pretrained(model, device).recommend(
        SocialLog.open(store, create=False), user=user, top=top, epsilon=epsilon, reports=reports,
        rules=rules, guarded=guard, diversity=diversity, audit=audit,
    )  # fmt: skip
    write_table(frame, out) if out else show(frame, json)


@app.command()
def learn(
    store: Store,
    model: Model,
    feedback: Annotated[
        Path | None, typer.Option(help="a file of feedback to ingest first (.csv, .jsonl or .parquet)")
    ] = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Go on learning to recommend from the feedback that came since the model learned last, with no restart.

    Example: emotide learn --store town.db --model town --feedback today.jsonl
    """
    from emotide.api import Emotide, SocialLog
    from emotide.api.learning_on import ingest_feedback

    made, log = Emotide.from_pretrained(model, device), SocialLog.open(store, create=False)
    if feedback is not None:
        report = ingest_feedback(log, feedback)
        typer.echo(f"{feedback}: {report.new} rows are new, {report.rejected} were rejected", err=True)
    found = made.learn(log, model)
    if json:
        show(found.as_json(), json)
    else:
        typer.echo(f"{model}: {found.line()}")


@app.command()
def judge(
    store: Store,
    model: Model,
    epsilon: Annotated[
        float, typer.Option(min=0, max=1, help="share of showings that the policy gives to chance")
    ] = 0.1,
    seed: Annotated[int, SEED] = 0,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """What the model's choices would earn, from feedback with propensities: IPS, SNIPS, doubly robust, with intervals.

    Example: emotide judge --store town.db --model town
    """
    from emotide.api import Emotide, SocialLog

    frame = Emotide.from_pretrained(model, device).judge(
        SocialLog.open(store, create=False), epsilon=epsilon, seed=seed
    )
    write_table(frame, out) if out else show(frame, json)


@app.command()
def demand(
    store: Store,
    model: Model,
    by: Annotated[str, typer.Option(help="whose: network, mood, group (alike in their states) or user")] = "network",
    user: User = None,
    moments: Annotated[int, typer.Option(min=1, help="steps to look back from the end of the log")] = 1,
    least: Annotated[int, typer.Option(min=1, help="people that a group must have to be shown")] = 5,
    reports: KnownReports = Reports.known,
    plot: Annotated[Path | None, typer.Option(help="draw it to this .png, .svg or .pdf", callback=plot_file)] = None,
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """What a network, its moods, its groups or one person want now, by topic.

    Example: emotide demand --store town.db --model town --by mood --moments 7
    """
    from emotide.api import Emotide, SocialLog

    frame = Emotide.from_pretrained(model, device).demand(
        SocialLog.open(store, create=False), by=by, user=user, moments=moments, least=least, reports=reports
    )
    if plot:
        from emotide.api.demanding import draw_demand

        draw_demand(frame, plot)
    write_table(frame, out) if out else show(frame, json)
