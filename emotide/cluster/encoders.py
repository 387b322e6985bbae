"""Replicas that encode texts while they come, so that the process that takes events in does not (DESIGN 8)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from emotide.cluster.workers import THREADS
from emotide.errors import EmotideError
from emotide.vectors import TextVectors

BLOCK = 64  # texts that a replica takes at once
HELD = 2  # encoders that a replica keeps: two models are at work while one is exchanged


class EncoderReplica:
    """What an actor holds: the encoders that it was asked for last."""

    def __init__(self) -> None:
        torch.set_num_threads(THREADS)
        self.held: dict[str, TextVectors] = {}

    def encode(self, sent: list[Any], texts: list[str]) -> Float32[np.ndarray, "texts width"]:
        """The vectors of texts by an encoder, which is sent as a reference (alone in a list, so that Ray leaves it)."""
        import ray

        name = sent[0].hex()
        if name not in self.held:
            self.held = dict([*self.held.items(), (name, ray.get(sent[0]))][-HELD:])
        return self.held[name].encode(texts)


class Encoders:
    """Replicas side by side; one that dies is started again, and what it was asked is asked anew.

    Args:
        ray: the module, connected.
        replicas: how many.
    """

    def __init__(self, ray: Any, replicas: int) -> None:
        self.ray = ray
        again = {"max_restarts": -1, "max_task_retries": 3}
        made = ray.remote(num_cpus=1, scheduling_strategy="SPREAD", **again)(EncoderReplica)
        self.actors = [made.remote() for _ in range(replicas)]

    def encode(self, sent: Any, texts: Sequence[str]) -> Float32[np.ndarray, "texts width"]:
        """The vectors of texts, at least one, by the encoder that `sent` refers to.

        Raises:
            EmotideError: a replica died again and again.
        """
        blocks = [list(texts[first : first + BLOCK]) for first in range(0, len(texts), BLOCK)]
        asked = [self.actors[k % len(self.actors)].encode.remote([sent], block) for k, block in enumerate(blocks)]
        try:
            return np.concatenate(self.ray.get(asked))
        except self.ray.exceptions.RayActorError as error:
            raise EmotideError(f"a replica of the encoder died again and again: {error}") from error

    def close(self) -> None:
        """End them."""
        for actor in self.actors:
            self.ray.kill(actor)
