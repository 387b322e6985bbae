"""The command line: one command, one function, each a thin shell around `emotide.api` (DESIGN 5)."""

import sys
import warnings
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from emotide.errors import BadInput, EmotideError, UnknownName
from emotide.terminal import Bar, plain, plot_file, read_csv, show, show_figures, show_tables, table_file, write_table

if TYPE_CHECKING:
    from emotide.api import Recipe

app = typer.Typer(
    name="emotide",
    help="The emotions of everyone on a social network over time: readings, forecasts, influence, recommendations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SEED = typer.Option(min=0, max=2**32 - 1, help="of everything that is drawn at random", show_default=False)
Store = Annotated[str, typer.Option(help="the store: a file, sqlite:///FILE or postgresql://…", show_default=False)]
Model = Annotated[Path, typer.Option(help="the folder of the model", show_default=False)]
Out = Annotated[
    Path | None, typer.Option(help="write the table to this .csv, .jsonl or .parquet file", callback=table_file)
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for machines")]
Space = Annotated[str | None, typer.Option(help="emotion space; by default one that the model was trained on")]
User = Annotated[str | None, typer.Option(help="one person only")]
Device = Annotated[str, typer.Option(help="cpu, cuda or mps")]


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


Budget = Annotated[
    float | None, typer.Option(min=1e-6, max=1, help="open this share of the posts of a step; all by default")
]
Chosen = Annotated[Choice, typer.Option(help="with --budget: which posts are opened; top are the most important")]
KnownReports = Annotated[Reports, typer.Option(help="whether labels of earlier steps may be used")]


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
    json: Json = False,
) -> None:
    """Read, validate and store social logs; doing it twice changes nothing.

    Example: emotide ingest town/log --store town.db
    """
    import polars as pl

    from emotide.api import SocialLog

    log = SocialLog.open(store)
    reports = []
    with Bar() as bar:
        for place in source:
            reports.append(log.ingest(place, mapping, rejects, bar.progress))
    rows = [
        {
            "file": file.file, "table": file.table, "rows": file.rows, "new": file.new, "there": file.there,
            "rejected": file.rejected, "derived": file.derived,
            "rejects": str(file.reject_file) if file.reject_file else None,
        }
        for report in reports
        for file in report.files
    ]  # fmt: skip
    for line in [line for report in reports for line in report.warnings]:
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
    show(pl.DataFrame({"table": list(counts), "rows": list(counts.values())}), json)


@app.command()
def train(
    store: Store,
    model: Model,
    config: Annotated[Path | None, typer.Option(help="a recipe (TOML); the flags below change it")] = None,
    space: Annotated[list[str] | None, typer.Option(help="train on these spaces alone")] = None,
    step: Annotated[str | None, typer.Option(help="a window such as 1h, 1d, or 'turn' for dialogues")] = None,
    text: Annotated[str | None, typer.Option(help="text vectors: words or minilm")] = None,
    weak_labels: Annotated[
        list[str] | None,
        typer.Option(
            help="also learn from what a lexicon says of unlabelled posts: vader (English), pysenti (Chinese)"
        ),
    ] = None,
    epochs: int | None = None,
    seed: Annotated[int | None, SEED] = None,
    screening: Annotated[
        bool, typer.Option("--screening", help="also learn which posts are worth opening, for --budget and screen")
    ] = False,
    device: Device = "cpu",
    resume: Annotated[bool, typer.Option(help="go on where an interrupted training of this model stopped")] = False,
) -> None:
    """Learn encoders, network, readings and, where there is feedback, recommending.

    Example: emotide train --store town.db --model town --step 1d
    """
    import shutil

    from emotide.api import Emotide, SocialLog

    recipe = _recipe(config, space, step, text, epochs=epochs, seed=seed, weak_labels=weak_labels or None)
    if screening and recipe.screening is None:
        recipe = recipe.changed({"screening": {}})
    if model.exists() and not model.is_dir():
        raise BadInput("is a file; the model wants a folder", model)
    checkpoint, replaced = model / "checkpoint", (model / "model.json").exists()
    if resume and not checkpoint.exists():
        raise BadInput("holds no interrupted training to go on with: train without --resume", model)
    if not resume:
        shutil.rmtree(checkpoint, ignore_errors=True)
    with Bar() as bar:
        log = SocialLog.open(store, create=False)
        made = Emotide.fit(log, recipe, checkpoint=checkpoint, device=device, progress=bar.progress)
    made.save_pretrained(model)
    shutil.rmtree(checkpoint, ignore_errors=True)
    best = f"best score on dev {made.history.best:.4f} (F1, AUC or concordance, meaned)"
    epochs = len(made.history.rows)
    typer.echo(f"{model}: {best} after {epochs} epochs" + ("; it stands in place of an older model" * replaced))


@app.command("search-shortcuts")
def search_shortcuts(
    store: Store,
    model: Annotated[Path | None, typer.Option(help="take the recipe of this model")] = None,
    config: Annotated[Path | None, typer.Option(help="a recipe (TOML)")] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="shortcuts to keep in all; by default some numbers")] = None,
    method: Annotated[str, typer.Option(help="gates or optuna")] = "gates",
    trials: Annotated[int, typer.Option(min=1, help="plans that Optuna proposes")] = 12,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="write the recipe (.toml, for train --config) or a picture (.svg, .png, .pdf); may be given twice"
        ),
    ] = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Search which layers of the network should feed which, judged on the log's dev part.

    Example: emotide search-shortcuts --store town.db --config town.toml --out searched.toml --out plan.svg
    """
    from emotide.api import Recipe, SocialLog
    from emotide.api.plan_search import plan_file
    from emotide.api.plan_search import search_shortcuts as search

    if model is not None and config is not None:
        raise typer.BadParameter("the recipe is that of --model or of --config: give one of them")
    files = [plan_file(file) for file in out or []]
    source = model / "recipe.json" if model is not None else config
    recipe = Recipe.read(source) if source else Recipe()
    with Bar() as bar:
        log = SocialLog.open(store, create=False)
        found = search(log, recipe, keep=keep, method=method, trials=trials, device=device, progress=bar.progress)
    for file in files:
        found.write(file)
    show(found.as_json() if json else found.table(), json)


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
) -> None:
    """Recognition and forecast beside the baselines.

    Example: emotide evaluate --store town.db --model town --reports known
    """
    from emotide.api import Emotide, SocialLog
    from emotide.terminal import show_evaluation

    found = Emotide.from_pretrained(model, device).evaluate(
        SocialLog.open(store, create=False), split=split, space=space, reports=reports, baselines=baselines, plot=plot,
        budget=budget, choice=choice,
    )  # fmt: skip
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
    out: Out = None,
    json: Json = False,
    device: Device = "cpu",
) -> None:
    """Readings per user and step, and forecasts.

    Example: emotide predict --store town.db --model town --user ana --horizon 3 --space pad
    """
    from emotide.api import Emotide, SocialLog

    if explain and user is None:
        raise typer.BadParameter("--explain needs --user")
    if budget is not None and (explain or behaviour):
        raise typer.BadParameter("--budget is for readings: neither --explain nor --behaviour goes with it")
    made, log = Emotide.from_pretrained(model, device), SocialLog.open(store, create=False)
    if behaviour:
        posts, contacts = made.behaviour(log, user=user, top=top, reports=reports)
        return show_tables({"posts": posts, "contacts": contacts}, out, json)
    if explain:
        asked = at.replace(tzinfo=UTC) if at is not None else None
        frame = made.explain(log, str(user), at=asked, space=space, name=name, reports=reports, window=window)
    else:
        frame = made.predict(
            log, user=user, horizon=horizon, space=space, reports=reports, coverage=coverage, budget=budget,
            choice=choice,
        )  # fmt: skip
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
        if picture:
            from emotide.api.path_picture import draw_paths

            draw_paths(frame, str(user), picture)
    elif sources:
        frame = made.sources(log, space=space, reports=reports)
    else:
        frame = made.influence(log, user=user, total=total, space=space, reports=reports, how=how)
    if (paths or sources) and not (frame["strength"] > 0).any():
        typer.echo("no pair stands out from chance here: see q_value of 'emotide influence --total'", err=True)
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


def main() -> None:
    """Run the command line: 0 done, 1 the input or the request is wrong (one line), 2 wrong usage."""
    with warnings.catch_warnings():
        warnings.showwarning = _warn  # type: ignore[assignment]
        try:
            app()
        except EmotideError as error:
            _fail(str(error))
        except OSError as error:  # a full disk, a folder that may not be written
            _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _warn(message: Warning | str, *place: Any, file: Any = None, line: str | None = None) -> None:
    print(plain(f"emotide: warning: {message}"), file=sys.stderr)


def _fail(reason: str) -> NoReturn:
    print(plain(f"emotide: {reason}"), file=sys.stderr)
    sys.exit(1)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"--option wants KEY=VALUE, this came: {text!r}")
    return key, value


def _recipe(config: Path | None, space: list[str] | None, step: str | None, text: str | None, **train: Any) -> "Recipe":
    from emotide.api import Recipe

    recipe = Recipe.read(config) if config else Recipe()
    train["spaces"] = space or None
    return recipe.changed({"text": text}, timeline={"step": step}, train=train, recommend={"seed": train["seed"]})
