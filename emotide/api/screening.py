"""Screening a log: the importance of its posts is learned, saved beside the model, and asked (paper 2; DESIGN 3.6)."""

import json
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from emotide.api.social_log import SocialLog
from emotide.errors import ModelMismatch
from emotide.model.screening import Choice, Importance, Screen
from emotide.timeline import Timeline, by_modality
from emotide.train import Trained
from emotide.train.observed import Observed, ignored
from emotide.train.screening import ScreeningConfig, learn_importance, lessons
from emotide.vectors import VectorCache, default_cache
from emotide.vectors.coarse import GLANCES, WIDTH, coarse_vectors
from emotide.vectors.encoders import Contents
from emotide.vectors.layout import TEXT, Layout
from emotide.vectors.workers import Decoders

Progress = Callable[[int, int, str], None]
NAME = "importance"


@dataclass(frozen=True)
class Screening:
    """What a model knows about which posts are worth opening.

    Attributes:
        importance: from H and a coarse view.
        config: how it was learned.
        facts: its figures on held-out posts.
    """

    importance: Importance
    config: ScreeningConfig
    facts: dict[str, Any]

    @classmethod
    def learn(
        cls,
        trained: Trained,
        log: SocialLog,
        timeline: Timeline,
        seen: Observed,
        config: ScreeningConfig,
        progress: Progress | None = None,
    ) -> "Screening":
        """Learned from the attention of the trained network, once every post is open.

        Args:
            trained: whose attention it is.
            log, timeline: with a row a post.
            seen: what all posts hold.
            config: how.
            progress: called with (done, total, what).
        """
        seed = trained.run.train.seed
        found = lessons(trained.model, seen.of(timeline), seen.vectors, config.lessons, seed)
        importance, facts = learn_importance(found, coarse_of(log, timeline, progress), config, seed, progress)
        return cls(importance, config, facts)

    def told(self) -> str:
        """What was learned, in one line."""
        if not self.facts.get("lessons"):
            return "nothing was learned of which posts are worth opening: nobody wrote several in a step"
        got = {name: f"{100 * share:.0f} %" for name, share in self.facts["attention"].items()}
        return (
            f"the fifth of an author's posts that looks most worth opening gets {got['importance']} of the attention "
            f"({got['even']} were all alike, {got['most']} at most; {self.facts['lessons']:,} steps held out)"
        )

    def save(self, folder: Path) -> None:
        """Write weights as safetensors, and the rest as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.importance.state_dict(), folder / f"{NAME}.safetensors")
        told = {"config": self.config.model_dump(), "facts": self.facts}
        (folder / f"{NAME}.json").write_text(json.dumps(told, indent=1), "utf-8")

    @classmethod
    def load(cls, folder: Path, trained: Trained) -> "Screening":
        """What `save` wrote.

        Raises:
            ModelMismatch: it is not whole, or of another version.
        """
        try:
            told = json.loads((folder / f"{NAME}.json").read_text("utf-8"))
            config = ScreeningConfig.model_validate(told["config"])
            made = Importance(trained.model.network.config.state, WIDTH, config.width, config.depth)
            made.load_state_dict(load_file(folder / f"{NAME}.safetensors"))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelMismatch(f"{folder}: no readable screening here ({error}): train again") from error
        return cls(made.eval().to(trained.device), config, told["facts"])


class OpenedPosts(Screen):
    """A screen over the posts of a log: decoded and encoded, through the cache, once a step asks for them.

    Attributes:
        timeline: of the log; where more than text is read with a row for each modality that a post names.
        seconds: of processors: at coarse looks at all posts, and at decoding and encoding those that were opened.
    """

    def __init__(
        self,
        importance: Importance,
        trained: Trained,
        log: SocialLog,
        timeline: Timeline,
        budget: float,
        choice: Choice,
    ) -> None:
        self.trained, self.contents = trained, log.contents(timeline)
        self.decoders = Decoders(trained.run.media.limits)
        weakref.finalize(self, self.decoders.__exit__, None, None, None)
        start = self._spent()
        coarse = torch.from_numpy(coarse_of(log, timeline, decoders=self.decoders)).to(trained.device)
        self.seconds = {"looking": self._spent() - start, "opening": 0.0}
        layout = trained.layout
        ignored(self.contents.files, layout, trained.run.modalities)
        named = present_in(self.contents, layout)
        self.row = np.cumsum(named.reshape(-1)).reshape(named.shape) - 1  # of each post and modality that is named
        self.timeline = timeline if layout.plain else by_modality(timeline, named, layout.names)
        post = np.nonzero(named)[0]
        super().__init__(importance, coarse, self._opened, post, layout.width, budget, choice, trained.run.train.seed)

    def told(self) -> dict[str, Any]:
        """How many posts were opened, of how many that were asked for; and the seconds it took."""
        of, opened = int((~np.isnan(self.importance)).sum()), int(self.opened.sum())
        seconds = {name: round(one, 3) for name, one in self.seconds.items()}
        return {"posts": opened, "of": of, "share": opened / of if of else 1.0, "seconds": seconds}

    def _opened(self, posts: np.ndarray) -> tuple[np.ndarray, Tensor]:
        start, names = self._spent(), self.trained.layout.names
        texts, files = self.contents
        some = Contents(
            [texts[k] for k in posts],
            {kind: [places[k] for k in posts] for kind, places in files.items() if kind in names},
        )
        found = self.trained.observed(some, decoders=self.decoders)
        self.seconds["opening"] += self._spent() - start
        rows = self.row[posts]
        return rows[found.present] if found.present is not None else rows[:, 0], found.vectors

    def _spent(self) -> float:
        return time.process_time() + self.decoders.seconds


def present_in(contents: Contents, layout: Layout) -> Bool[np.ndarray, "posts modalities"]:
    """What each post names of what is read; where that is text alone, every post has a row, if perhaps an empty one."""
    texts, files = contents
    if layout.plain:
        return np.ones((len(texts), 1), bool)
    nothing: list[str | None] = [None] * len(texts)
    columns = [
        [bool(text.strip()) for text in texts]
        if name == TEXT
        else [place is not None for place in files.get(name, nothing)]
        for name in layout.names
    ]
    return np.array(columns, bool).reshape(len(layout.names), len(texts)).T


def coarse_of(
    log: SocialLog, timeline: Timeline, progress: Progress | None = None, decoders: Decoders | None = None
) -> Float32[np.ndarray, "posts width"]:
    """The coarse views of a log's posts, in the timeline's order."""
    wanted = ["network", "post_id", "title", "tags", *GLANCES]
    posts = timeline.posts.select("network", "post_id").join(
        log.store.table("posts", wanted), on=["network", "post_id"], how="left", maintain_order="left"
    )
    return coarse_vectors(posts, decoders=decoders, progress=progress, cache=looks()).vectors


def looks() -> VectorCache:
    """Where looks at files are kept, by their content."""
    return VectorCache(default_cache() / "vectors.sqlite")
