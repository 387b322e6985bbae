"""What is asked for is checked before anything is computed: names, devices, what an interrupted training was of."""

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import torch

from emotide.api.recipe import Recipe
from emotide.errors import BadInput, ModelMismatch, UnknownName


def one_of(kind: str, name: str, known: Iterable[str]) -> str:
    """The name, when it is in the list.

    Raises:
        UnknownName: it is not.
    """
    names = list(known)
    if name not in names:
        raise UnknownName(kind, name, names)
    return name


def known_user(users: pl.Series, user: str | None) -> None:
    """Whether somebody of that name is there, when one is asked for.

    Raises:
        UnknownName: nobody is.
    """
    if user is not None and not (users == user).any():
        raise UnknownName("user", user, users.unique())


def usable_device(name: str) -> str:
    """The device, when torch can put something on it.

    Raises:
        BadInput: there is no such device, or not here.
    """
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without it
        why = str(error).splitlines()[0]
        raise BadInput(f"device {name!r} cannot be used here ({why}); 'cpu' always can") from error
    return name


def same_training(checkpoint: Path, run: Recipe, digest: str) -> None:
    """Note in the folder of a checkpoint what is trained there, or compare with what an interrupted training noted.

    More epochs, or more patience, may be given to a training that goes on.

    Raises:
        ModelMismatch: it was of another recipe or another log.
    """
    recipe = run.base().model_dump(mode="json", exclude={"train": {"epochs", "patience"}})
    told, note = {"digest": digest, "recipe": recipe}, checkpoint / "training.json"
    if not note.exists():
        checkpoint.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(told, indent=1), "utf-8")
    elif json.loads(note.read_text("utf-8")) != told:
        raise ModelMismatch(
            f"{checkpoint}: the training interrupted there was of another recipe or log: give it those, or start anew"
        )
