"""A sentence encoder whose upper layers learn on: MiniLM, tuned with the network that reads its vectors."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from emotide.vectors.minilm import MiniLM

LOWEST = 3  # layers that stay as they are: they know words, and fewer weights learn fewer posts by heart
FILE = "encoder.safetensors"


class TunedMiniLM(MiniLM):
    """MiniLM with weights of its own from the fourth layer on: half of each vector stays as it was, half was tuned.

    Attributes:
        weights: those of its own, float16; none before it is tuned.
        untuned: the encoder as the package has it.
    """

    def __init__(self, weights: dict[str, Any] | None = None) -> None:
        self.weights, self.untuned = weights or {}, MiniLM()

    @cached_property
    def name(self) -> str:  # type: ignore[override]
        """Of the encoder and its weights: vectors of two encoders are never taken for each other."""
        if not self.weights:
            return MiniLM.name
        digest = hashlib.blake2b(digest_size=16)
        for name, weight in sorted(self.weights.items()):
            digest.update(name.encode() + weight.numpy().tobytes())
        return f"{MiniLM.name}-tuned-{digest.hexdigest()}"

    @cached_property
    def _model(self) -> Any:
        model = self._package()
        odd = self.weights.keys() - dict(model[0].auto_model.named_parameters()).keys()
        if odd:
            raise ValueError(f"no weight {min(odd)!r} in the encoder")
        model[0].auto_model.load_state_dict(self.weights, strict=False)
        return model.eval()

    @property
    def transformer(self) -> Any:
        """What `pooled` runs; only the layers that are tuned take gradients."""
        transformer = self._model[0].auto_model.requires_grad_(False)
        transformer.encoder.layer[LOWEST:].requires_grad_(True)
        return transformer

    def kept(self) -> "TunedMiniLM":
        """An encoder with the weights as they are now, in the precision in which they are saved."""
        named = self.transformer.named_parameters()
        return TunedMiniLM({name: one.detach().cpu().half() for name, one in named if one.requires_grad})

    def save(self, folder: Path) -> None:
        """Write the weights that are not the package's."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.weights, folder / FILE)

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 768, seed: int = 0) -> "TunedMiniLM":
        """The encoder before it is tuned."""
        return cls()

    @classmethod
    def load(cls, folder: Path) -> "TunedMiniLM":
        """What `save` wrote.

        Raises:
            OSError, SafetensorError: it is not there, or not whole.
            ValueError, RuntimeError: these are not weights of this encoder.
        """
        from safetensors.torch import load_file

        made = cls(load_file(folder / FILE))
        made.transformer  # noqa: B018  what does not fit is told now
        return made
