"""Commands that learn from a log: train, search-shortcuts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotide.cli.options import SEED, Device, Json, Model, Parts, Ray, Room, Store, app, ray_workers
from emotide.errors import BadInput
from emotide.terminal import Bar, show

if TYPE_CHECKING:
    from emotide.api import Recipe
    from emotide.train import History


FEW = 100  # labels of dev


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
    ray: Ray = None,
    workers: Parts = 2,
    room: Room = None,
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
        crew = ray_workers(ray, workers, room, model)
        made = Emotide.fit(log, recipe, checkpoint=checkpoint, device=device, progress=bar.progress, workers=crew)
    made.save_pretrained(model)
    shutil.rmtree(checkpoint, ignore_errors=True)
    judged, epochs = made.trained.facts["dev_labels"], len(made.history.rows)
    if not judged:
        typer.echo("dev has no labels of what was learned: its readings are neither judged nor calibrated", err=True)
    elif judged < FEW:
        typer.echo(f"{judged} labels of dev are few to choose the epoch and to calibrate by: distrust both", err=True)
    best = _best(made.history, judged)
    typer.echo(f"{model}: {best} after {epochs} epochs" + ("; it stands in place of an older model" * replaced))
    if made.screening is not None:
        typer.echo(f"screening: {made.screening.told()}")


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


def _best(history: "History", labels: int) -> str:
    """What chose the epoch, and how good it was."""
    if labels:
        return f"best score on dev {history.best:.4f} (F1, AUC or concordance, meaned; {labels} labels)"
    if history.by_loss:
        return f"no score on dev; lowest loss in training {-history.best:.4f}"
    return f"no score of emotions on dev; best average precision of behaviour there {history.best:.4f}"


def _recipe(config: Path | None, space: list[str] | None, step: str | None, text: str | None, **train: Any) -> "Recipe":
    from emotide.api import Recipe

    recipe = Recipe.read(config) if config else Recipe()
    train["spaces"] = space or None
    return recipe.changed({"text": text}, timeline={"step": step}, train=train, recommend={"seed": train["seed"]})
