"""Screening a log: the importance of its posts is learned, saved beside the model, and asked (paper 2; DESIGN 3.6)."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from emotide.api.social_log import SocialLog
from emotide.errors import ModelMismatch
from emotide.model.screening import Choice, Importance, Screen
from emotide.timeline import Timeline
from emotide.train import Trained
from emotide.train.screening import ScreeningConfig, learn_importance, lessons
from emotide.vectors.coarse import GLANCES, WIDTH, coarse_vectors

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
        vectors: Tensor,
        config: ScreeningConfig,
        progress: Progress | None = None,
    ) -> "Screening":
        """Learned from the attention of the trained network, once every post is open."""
        seed = trained.run.train.seed
        found = lessons(trained.model, timeline, vectors, config.lessons, seed)
        importance, facts = learn_importance(found, coarse_of(log, timeline, progress), config, seed, progress)
        return cls(importance, config, facts)

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

    def screen(
        self, trained: Trained, log: SocialLog, timeline: Timeline, budget: float, choice: Choice
    ) -> "TimedScreen":
        """The posts of a log, opened when a step asks for them."""
        return TimedScreen(self, trained, log, timeline, budget, choice)


class TimedScreen(Screen):
    """A screen over the posts of a log that knows what opening them took."""

    def __init__(
        self, screening: Screening, trained: Trained, log: SocialLog, timeline: Timeline, budget: float, choice: Choice
    ) -> None:
        import torch

        self.seconds = {"looking": 0.0, "opening": 0.0}  # of processors: at all posts; to decode and encode
        start = time.process_time()
        coarse = torch.from_numpy(coarse_of(log, timeline)).to(trained.device)
        self.seconds["looking"] = time.process_time() - start
        texts = log.texts(timeline)

        def opener(posts: np.ndarray) -> Tensor:
            begun = time.process_time()
            found = trained.vectors([texts[k] for k in posts])
            self.seconds["opening"] += time.process_time() - begun
            return found

        width, seed = trained.text.width, trained.run.train.seed
        super().__init__(screening.importance, coarse, opener, width, budget, choice, seed)

    def told(self) -> dict[str, Any]:
        """How many posts were opened, of how many that were asked for; and the seconds it took."""
        of, opened = int((~np.isnan(self.importance)).sum()), int(self.opened.sum())
        seconds = {name: round(one, 3) for name, one in self.seconds.items()}
        return {"posts": opened, "of": of, "share": opened / of if of else 1.0, "seconds": seconds}


def coarse_of(
    log: SocialLog, timeline: Timeline, progress: Progress | None = None
) -> Float32[np.ndarray, "posts width"]:
    """The coarse views of a log's posts, in the timeline's order."""
    wanted = ["network", "post_id", "title", "tags", *GLANCES]
    posts = timeline.posts.select("network", "post_id").join(
        log.store.table("posts", wanted), on=["network", "post_id"], how="left", maintain_order="left"
    )
    return coarse_vectors(posts, progress=progress).vectors
