"""The best of very many items: a linear stand-in for Q picks some, exactly, and Q itself ranks them (DESIGN 3.8)."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int

from emotide.errors import BadInput
from emotide.recommend.recommender import Recommender

PROBES = 1024  # items at which Q is asked to find the stand-in
RIDGE = 1e-3
EXACT = 500_000  # items up to which all are looked at, without an index
LISTS = 1024  # of an index, of which this many are looked at
LOOKED = 48


@dataclass
class Shortlist:
    """Items of the largest w·a + b, where w and b are least squares of Q(H, ·) at some items drawn once.

    Exact up to `EXACT` items: every inner product is taken. Above, an inverted index of faiss is asked where that is
    installed (extra `faiss`), and everything is looked at where it is not.

    Attributes:
        recommender: whose Q it stands in for.
        size: items that it picks for Q to rank.
    """

    recommender: Recommender
    size: int = 500

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadInput(f"a shortlist holds one item or more, {self.size} came")
        items, rng = self.recommender.items.numpy(), np.random.default_rng(self.recommender.config.seed)
        self.allowed = np.flatnonzero(self.recommender.candidates.numpy())
        self.items = np.ascontiguousarray(items[self.allowed])
        self.probes = rng.choice(self.allowed, min(PROBES, len(self.allowed)), replace=False)
        X = np.c_[items[self.probes], np.ones(len(self.probes))].astype(float)
        scale = RIDGE * len(X) * max(float(X[:, :-1].var()), 1e-9)
        self.solve = np.linalg.solve(X.T @ X + scale * np.eye(X.shape[1]), X.T)  # [width + 1, probes]
        self.index = _index(self.items) if len(self.items) > EXACT else None

    def slopes(self, H: Float[np.ndarray, "users state"]) -> Float[np.ndarray, "users item"]:
        """w for each user."""
        some = np.broadcast_to(self.probes, (len(H), len(self.probes))).copy()
        values = self.recommender.values(H, some)
        return np.asarray((values @ self.solve.T)[:, :-1], np.float32)

    def picked(self, H: Float[np.ndarray, "users state"]) -> Int[np.ndarray, "users size"]:
        """The shortlist of each user, as rows of the table of items, in no order; all items where there are few."""
        if len(self.items) <= PROBES:  # no more than Q would be asked for anyway
            return np.broadcast_to(self.allowed, (len(H), len(self.allowed))).copy()
        w, size = self.slopes(H), min(self.size, len(self.items))
        if self.index is not None:
            found = self.index.search(w, size)[1]
            return np.asarray(np.where(found >= 0, self.allowed[found.clip(min=0)], -1))
        near = torch.from_numpy(w) @ torch.from_numpy(self.items).T
        return np.asarray(self.allowed[near.topk(size, sorted=False).indices.numpy()])

    def best(
        self,
        H: Float[np.ndarray, "users state"],
        top: int,
        epsilon: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Int[np.ndarray, "users top"]:
        """The best items of each user by Q among the shortlist; chance draws from the shortlist too."""
        return self.recommender.choose(H, self.picked(H), top, epsilon, rng=rng).item


def _index(items: Float[np.ndarray, "items item"]) -> Any:
    """An inverted index by inner product; None where faiss is not installed."""
    try:
        faiss = import_module("faiss")
    except ModuleNotFoundError:
        return None
    index = faiss.index_factory(items.shape[1], f"IVF{LISTS},Flat", faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).choice(len(items), min(len(items), 40 * LISTS), replace=False)
    index.train(items[sample])
    index.add(items)
    index.nprobe = LOOKED
    return index
