"""The sentence encoder learns with the network: its loss flows back through the posts' vectors (docs/paper.md, 14)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from emotide.model import AffectiveModel
from emotide.timeline import SPLITS, Timeline
from emotide.vectors import TunedMiniLM

BATCH = 32  # posts of like length that are encoded at once
LONGEST = 64  # tokens of a post that are read in training
MANY = 768  # posts of a window above which their token states are made twice and not kept for the gradient


class Tuning(nn.Module):
    """The encoder while it learns, a part of the model: its weights are those of the upper layers alone.

    Args:
        encoder: where it starts from; its weights change.
        texts: of all posts, in the timeline's order.
        scale: mean and spread of the vectors before tuning, on which the network reads them.
        device: where the network lives.
    """

    def __init__(
        self, encoder: TunedMiniLM, texts: Sequence[str], scale: Float[Tensor, "2 width"], device: torch.device
    ) -> None:
        super().__init__()
        self.begun = False  # until then the vectors stay as they are
        transformer = encoder.transformer.to(device)
        self.upper = nn.ModuleList(layer for layer in transformer.encoder.layer if _learns(layer))
        self.tokens = encoder.tokens(texts, LONGEST) if texts else []
        self.length = np.array([len(row) * bool(text.strip()) for row, text in zip(self.tokens, texts, strict=True)])
        self._held = (transformer, encoder.pooled, scale.to(device))  # in a tuple: not saved as a part of the model

    def forward(self, posts: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows width"]:
        """The vectors of posts, on the network's scale, with gradients; zeros for a post without text."""
        transformer, pooled, (mean, spread) = self._held
        order = np.argsort(self.length[posts], kind="stable")  # of like length: little is padding
        order = order[self.length[posts[order]] > 0]
        many = len(order) > MANY and torch.is_grad_enabled()
        found = []
        for start in range(0, len(order), BATCH):
            tokens = [self.tokens[post] for post in posts[order[start : start + BATCH]]]
            raw: Any = (
                checkpoint(pooled, transformer, tokens, use_reentrant=False) if many else pooled(transformer, tokens)
            )
            found.append((raw - mean) / spread)
        zeros: Tensor = mean.new_zeros(len(posts), len(mean))
        if not found:
            return zeros
        return zeros.index_copy(0, torch.from_numpy(order).to(mean.device), torch.cat(found))

    def renewed(self, vectors: Float[Tensor, "posts width"], posts: Int[np.ndarray, " rows"]) -> Tensor:
        """The vectors of all posts, those of some made anew, with gradients where these are on."""
        rows = np.unique(posts).astype(np.int64)
        return vectors.index_copy(0, torch.from_numpy(rows).to(vectors.device), self(rows).to(vectors))


def _learns(layer: nn.Module) -> bool:
    return any(weight.requires_grad for weight in layer.parameters())


def seen(
    model: AffectiveModel, vectors: Float[Tensor, "posts width"], posts: Int[np.ndarray, " rows"]
) -> Float[Tensor, "posts width"]:
    """The vectors as the model is to see them: while its encoder learns, those of these posts are made anew."""
    encoder = model.encoder
    return encoder.renewed(vectors, posts) if isinstance(encoder, Tuning) and encoder.begun else vectors


def begin(model: AffectiveModel, begun: bool) -> None:
    """Whether the encoder, if it is to learn, learns already: first the network learns what its vectors mean."""
    if isinstance(model.encoder, Tuning):
        model.encoder.begun = begun


def judged_posts(timeline: Timeline) -> Int[np.ndarray, " posts"]:
    """The posts of the networks that hold a label of dev; all posts where none does."""
    dev = SPLITS.index("dev")
    networks = sorted(set().union(*(timeline.networks_with(dev, space) for space in timeline.labels)))
    of_post = timeline.users["network_row"].to_numpy()[timeline.posts["user"].to_numpy()]
    return np.flatnonzero(np.isin(of_post, networks)) if networks else np.arange(len(of_post))
