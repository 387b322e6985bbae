"""Checkpoints of a policy that learns: each in a folder of its own, and one small file that says which is whole."""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from emotide.errors import ModelMismatch
from emotide.recommend.recommender import Recommender
from emotide.recommend.watch import Watch

FORMAT, HEAD, WEIGHTS = 1, "online.json", "policy.safetensors"


def head(folder: Path) -> dict[str, Any] | None:
    """What the folder's checkpoint says of itself; None where there is none.

    Raises:
        ModelMismatch: it cannot be read.
    """
    try:
        told = json.loads((folder / HEAD).read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelMismatch(f"{folder}: the checkpoint cannot be read ({error}): remove the folder") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ModelMismatch(f"{folder}: a checkpoint of another version: remove the folder")
    return told


def write(folder: Path, told: dict[str, Any], recommender: Recommender, watch: Watch) -> None:
    """Write weights into a folder of their own, then the file that names it, in one rename; older ones go."""
    place = folder / f"weights-{uuid4().hex}"
    place.mkdir(parents=True)
    save_file(_tensors(recommender, watch), place / WEIGHTS)
    watched = {"good": watch.good, "rewards": list(watch.rewards), "returns": watch.returns}
    part = folder / f"{HEAD}.part"
    part.write_text(json.dumps({"format": FORMAT, **told, "weights": place.name, "watch": watched}, indent=1), "utf-8")
    part.replace(folder / HEAD)
    for older in folder.glob("weights-*"):
        if older != place:
            shutil.rmtree(older, ignore_errors=True)


def read(folder: Path, told: dict[str, Any], recommender: Recommender, watch: Watch) -> None:
    """Put weights, optimiser, kept policy and watched rewards back into what they were taken from.

    Raises:
        ModelMismatch: they cannot be read, or are of another shape.
    """
    try:
        tensors = load_file(folder / told["weights"] / WEIGHTS)
        parts = _parts(recommender)
        for name, part in parts.items():
            part.load_state_dict(_of(tensors, f"{name}."))
        watch.kept = [_of(tensors, f"kept.{name}.") for name in parts]
        optimizer = recommender.learner.optimizer
        watch.kept.append(_optimizer(_of(tensors, "kept.optimizer."), optimizer))
        optimizer.load_state_dict(_optimizer(_of(tensors, "optimizer."), optimizer))
        good, rewards, watch.returns = (told["watch"][name] for name in ("good", "rewards", "returns"))
        watch.good = None if good is None else (float(good[0]), float(good[1]))
        watch.rewards.extend(rewards)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, TypeError) as error:
        line = str(error).splitlines()[0]
        raise ModelMismatch(f"{folder}: the checkpoint does not fit ({line}): remove the folder") from error


def _parts(recommender: Recommender) -> dict[str, nn.Module]:
    return {"network": recommender.network, "target": recommender.target}


def _tensors(recommender: Recommender, watch: Watch) -> dict[str, Tensor]:
    """Everything under one roof: `network.`, `target.`, `optimizer.`, and the same again under `kept.`."""
    parts = [part.state_dict() for part in _parts(recommender).values()]
    now = [*parts, recommender.learner.optimizer.state_dict()]
    found: dict[str, Tensor] = {}
    for prefix, held in (("", now), ("kept.", watch.kept)):
        for name, state in zip((*_parts(recommender), "optimizer"), held, strict=True):
            flat = _moments(state) if name == "optimizer" else state
            found |= {f"{prefix}{name}.{key}": value.detach().clone().contiguous() for key, value in flat.items()}
    return found


def _moments(state: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{k}.{name}": value for k, moments in state["state"].items() for name, value in moments.items()}


def _optimizer(flat: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in flat.items():
        number, name = key.split(".")
        moments.setdefault(int(number), {})[name] = value
    return {"state": moments, "param_groups": optimizer.state_dict()["param_groups"]}


def _of(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
