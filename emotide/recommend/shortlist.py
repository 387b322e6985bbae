"""The best of very many items: a linear stand-in for Q picks some, exactly, and Q itself ranks them (DESIGN 3.8)."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from emotide.errors import BadInput
from emotide.recommend.config import QConfig
from emotide.recommend.policy import Ranking

PROBES = 1024  # items at which Q is asked to find the stand-in
RIDGE = 1e-3
EXACT = 500_000  # items up to which all are looked at, without an index
LISTS = 1024  # of an index, of which this many are looked at
LOOKED = 48
SPARE = 4  # times as many as wanted are asked of an index, since some may be barred
BLOCK = 1 << 22  # users × items looked at at once


@runtime_checkable
class Valued(Protocol):
    """Whose Q it stands in for: a `Recommender`."""

    items: torch.Tensor
    candidates: torch.Tensor
    config: QConfig

    def values(self, H: np.ndarray, some: np.ndarray) -> np.ndarray:
        """Q(H, a) of some items for each user."""

    def choose(
        self,
        H: np.ndarray,
        candidates: np.ndarray,
        top: int = 1,
        epsilon: float | None = None,
        allowed: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> Ranking:
        """An ε-greedy slate from items of each user's own."""


@dataclass
class Shortlist:
    """Items of the largest w·a + b, where w and b are least squares of Q(H, ·) at some items drawn once.

    Exact up to `EXACT` items: every inner product is taken. Above, an inverted index of faiss is asked where that is
    installed (extra `faiss`), and everything is looked at where it is not.

    Attributes:
        recommender: whose Q it stands in for.
        size: items that it picks for Q to rank.
    """

    recommender: Valued
    size: int = 500

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadInput(f"a shortlist holds one item or more, {self.size} came")
        rng = np.random.default_rng(self.recommender.config.seed)
        self.items = self.recommender.items
        self.allowed = np.flatnonzero(self.recommender.candidates.numpy())
        self.probes = rng.choice(self.allowed, min(PROBES, len(self.allowed)), replace=False)
        X = np.c_[self.items[torch.from_numpy(self.probes)].numpy(), np.ones(len(self.probes))].astype(float)
        scale = RIDGE * len(X) * max(float(X[:, :-1].var()), 1e-9)
        self.solve = np.linalg.solve(X.T @ X + scale * np.eye(X.shape[1]), X.T)  # [width + 1, probes]
        self.index = _index(self.items.numpy()) if len(self.allowed) > EXACT else None

    def slopes(self, H: Float[np.ndarray, "users state"]) -> Float[np.ndarray, "users item"]:
        """w for each user."""
        some = np.broadcast_to(self.probes, (len(H), len(self.probes))).copy()
        values = self.recommender.values(H, some)
        return np.asarray((values @ self.solve.T)[:, :-1], np.float32)

    def picked(
        self, H: Float[np.ndarray, "users state"], allowed: Bool[np.ndarray, "users items"] | None = None
    ) -> Int[np.ndarray, "users size"]:
        """The shortlist of each user, as rows of the table of items, in no order; −1 where it is not full.

        Where there are no more items than Q would be asked at anyway, all that are candidates.

        Args:
            H: the users' states.
            allowed: which items each may be shown; all candidates by default.
        """
        if len(self.allowed) <= PROBES:
            some = np.broadcast_to(self.allowed, (len(H), len(self.allowed))).copy()
            return some if allowed is None else np.where(np.take_along_axis(allowed, some, 1), some, -1)
        w, size = self.slopes(H), min(self.size, len(self.allowed))
        if self.index is not None:
            found = self.index.search(w, min(SPARE * size, len(self.items)))[1]
            every = self.recommender.candidates.numpy()[None] if allowed is None else allowed
            may = (found >= 0) & np.take_along_axis(
                np.broadcast_to(every, (len(H), len(self.items))), found.clip(min=0), 1
            )
            first = np.argsort(~may, axis=1, kind="stable")[:, :size]  # by likeness, the barred last
            return np.where(np.take_along_axis(may, first, 1), np.take_along_axis(found, first, 1), -1)
        rows = max(1, BLOCK // len(self.items))
        near = [self._nearest(w[u : u + rows], allowed, u, size) for u in range(0, len(H), rows)]
        return np.concatenate(near) if near else np.empty((0, size), np.int64)

    def best(
        self,
        H: Float[np.ndarray, "users state"],
        top: int,
        epsilon: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Int[np.ndarray, "users top"]:
        """The best items of each user by Q among the shortlist; chance draws from the shortlist too."""
        return self.recommender.choose(H, self.picked(H), top, epsilon, rng=rng).item

    def _nearest(self, w: np.ndarray, allowed: np.ndarray | None, first: int, size: int) -> np.ndarray:
        """Of every inner product the largest."""
        near = torch.from_numpy(w) @ self.items.T
        may = self.recommender.candidates if allowed is None else torch.from_numpy(allowed[first : first + len(w)])
        best = near.masked_fill_(~may, -torch.inf).topk(size, sorted=False)
        return torch.where(best.values > -torch.inf, best.indices, -1).numpy()


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
