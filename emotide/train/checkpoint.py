"""Checkpoints of training: safetensors and JSON, whole or not at all."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from emotide.errors import ModelMismatch

PARTS = ("model", "mean", "best")


class Checkpoint:
    """A folder that holds where training stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        """Whether there is a whole checkpoint."""
        return (self.folder / "checkpoint.json").exists()

    def write(
        self,
        model: nn.Module,
        mean: nn.Module,
        optimizer: torch.optim.Optimizer,
        best: dict[str, Tensor],
        rows: list[dict[str, float]],
    ) -> None:
        """Save the state after an epoch; the old one is replaced when the new one is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"epoch-{len(rows)}.safetensors"
        tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
        tensors |= {f"mean.{key}": value for key, value in mean.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in best.items()}
        for key, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{key}.{part}": torch.as_tensor(value) for part, value in state.items()}
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, self.folder / name)
        head = self.folder / "checkpoint.json"
        part = head.with_suffix(".part")
        part.write_text(json.dumps({"file": name, "rows": rows}))
        part.replace(head)
        for old in self.folder.glob("epoch-*.safetensors"):
            if old.name != name:
                old.unlink()

    def restore(
        self, model: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer, rows: list[dict[str, float]]
    ) -> dict[str, Tensor]:
        """Bring everything back to the last checkpoint; returns the best weights so far.

        Raises:
            ModelMismatch: the checkpoint is damaged, or of another model.
        """
        try:
            return self._restored(model, mean, optimizer, rows)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            line = str(error).splitlines()[0]
            raise ModelMismatch(f"{self.folder}: not a whole checkpoint of this model ({line}): train anew") from error

    def _restored(
        self, model: nn.Module, mean: nn.Module, optimizer: torch.optim.Optimizer, rows: list[dict[str, float]]
    ) -> dict[str, Tensor]:
        head = json.loads((self.folder / "checkpoint.json").read_text())
        tensors = load_file(self.folder / Path(head["file"]).name)
        rows[:] = head["rows"]
        parts = {part: _below(tensors, part) for part in PARTS}
        model.load_state_dict(parts["model"])
        mean.load_state_dict(parts["mean"])
        state: dict[int, dict[str, Any]] = {}
        for key, value in _below(tensors, "optimizer").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
        return parts["best"]


def _below(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{part}."): value for key, value in tensors.items() if key.startswith(f"{part}.")}
