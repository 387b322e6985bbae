"""What is observed of posts: the table of their vectors, a row a post and modality (DESIGN 3.3, 3.7)."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from emotide.timeline import Timeline, by_modality
from emotide.vectors.encoders import PLURAL, Files
from emotide.vectors.layout import Layout


@dataclass(frozen=True)
class Observed:
    """The vectors of posts.

    Attributes:
        vectors: a row a post where there is text alone, else a row a post and modality.
        present: what there is of each post; None where there is text alone.
        names: of the modalities, by column of `present`.
    """

    vectors: Float[Tensor, "rows width"]
    present: Bool[np.ndarray, "posts modalities"] | None = None
    names: Sequence[str] = ("text",)

    def of(self, timeline: Timeline) -> Timeline:
        """The timeline of these posts with its rows of posts as `vectors` has them."""
        return timeline if self.present is None else by_modality(timeline, self.present, self.names)


def side_by_side(
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]], layout: Layout, posts: int, device: torch.device
) -> Observed:
    """Vectors of each modality [posts, its width], and for which posts there are any, as one table of rows.

    Args:
        parts: by modality; one that is not there has no rows.
        layout: of a row.
        posts: how many there are.
        device: where the table is to live.
    """
    present = np.zeros((posts, len(layout.names)), bool)
    for name, (_, there) in parts.items():
        present[:, layout.names.index(name)] = there
    post, kind = np.nonzero(present)
    table = np.zeros((len(post), layout.width), np.float32)
    for name, (vectors, _) in parts.items():
        rows = np.flatnonzero(kind == layout.names.index(name))
        table[rows, layout.block(name)] = vectors[post[rows]]
        table[rows, layout.mark(name)] = 1
    return Observed(torch.from_numpy(table).to(device), present, layout.names)


def ignored(files: Files, layout: Layout, wanted: Sequence[str]) -> None:
    """Warn, in one line, of media that a model does not read although it was to read what there is."""
    counts = {kind: sum(place is not None for place in files[kind]) for kind in files}
    said = [f"{n} {PLURAL[kind]}" for kind, n in counts.items() if n and kind in wanted and kind not in layout.names]
    if said:
        read = " and ".join(PLURAL[name] for name in layout.names)
        warnings.warn(f"{', '.join(said)} are not read: this model has learned from {read} alone", stacklevel=3)
