"""Images become vectors by a convolutional autoencoder, taught on the log without labels (paper 2; DESIGN 3.7)."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn
from torch.nn import functional

from emotide.vectors.autoencoder import (
    PRINCIPAL_ROWS,
    Learned,
    LearningConfig,
    Linear,
    Wrong,
    begin,
    held_error,
    learn,
    principal_error,
    shares,
    silent,
    state_digest,
)
from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits, decode_frames, decode_image
from emotide.vectors.encoded import Encoded, chosen, decoded, encoded_in_order, load_network, save_network
from emotide.vectors.workers import Decoders, Job

SIZE = 64  # pixels of a side, as the autoencoder sees an image
CHANNELS = (16, 32, 64, 64)  # each layer halves the side
CELLS, DIRECTIONS = 8, 8  # of the summary: cells a side, directions of edges
BATCH = 64
FRAMES = 4  # of a video that teaches images


class ConvAutoencoder(nn.Module):
    """A code of an image and back: strided convolutions beside the straight way of principal directions.

    Args:
        width: of the code.
        size: pixels of a side.
    """

    def __init__(self, width: int, size: int = SIZE) -> None:
        super().__init__()
        self.size, side = size, size >> len(CHANNELS)
        self.linear = Linear(3 * size * size, CELLS * CELLS * DIRECTIONS, width)
        pairs = list(zip((3, *CHANNELS), CHANNELS, strict=False))
        down = [layer for a, b in pairs for layer in (nn.Conv2d(a, b, 4, 2, 1), nn.GroupNorm(4, b), nn.SiLU())]
        self.encoder = nn.Sequential(*down, nn.Flatten(), silent(nn.Linear(CHANNELS[-1] * side * side, width)))
        up: list[nn.Module] = []
        for a, b in reversed(pairs[1:]):
            up += [nn.ConvTranspose2d(b, a, 4, 2, 1), nn.GroupNorm(4, a), nn.SiLU()]
        begin = [nn.Linear(width, CHANNELS[-1] * side * side), nn.Unflatten(1, (CHANNELS[-1], side, side)), nn.SiLU()]
        self.decoder = nn.Sequential(*begin, *up, silent(nn.ConvTranspose2d(CHANNELS[0], 3, 4, 2, 1)))

    def told(self, x: Float[Tensor, "images 3 size size"]) -> Float[Tensor, "images both"]:
        """y: the values of images in [0, 1] and their edges."""
        return self.linear.told(x.flatten(1), edges(x))

    def encode(self, x: Float[Tensor, "images 3 size size"]) -> Float[Tensor, "images width"]:
        """The code of images whose values lie in [0, 1]."""
        mean = self.linear.mean[: self.linear.size].detach().view(3, self.size, self.size)
        code: Tensor = self.linear.encode(self.told(x)) + self.linear.scale * self.encoder(4 * (x - mean))
        return code

    def decode(
        self, code: Float[Tensor, "images width"]
    ) -> tuple[Float[Tensor, "images 3 size size"], Float[Tensor, "images summary"]]:
        """Images from their codes, and w times their edges; values may lie somewhat outside [0, 1]."""
        straight, summary = self.linear.decode(code)
        return straight.view(-1, 3, self.size, self.size) + self.decoder(code / self.linear.scale), summary


def edges(x: Float[Tensor, "images 3 size size"]) -> Float[Tensor, "images summary"]:
    """How strong the edges of each direction are in each cell (histograms of gradients, Dalal & Triggs 2005)."""
    grey = (x.clamp(0, 1).mean(1, keepdim=True) + 0.05).log()
    across = functional.pad(grey[..., 2:] - grey[..., :-2], (1, 1))
    down = functional.pad(grey[..., 2:, :] - grey[..., :-2, :], (0, 0, 1, 1))
    angle = 2 * torch.pi * torch.arange(DIRECTIONS).view(1, -1, 1, 1) / DIRECTIONS
    strength = (across * angle.cos() + down * angle.sin()).clamp_min(0) ** 2
    return functional.avg_pool2d(strength, x.shape[-1] // CELLS).add(1e-6).sqrt().flatten(1)


class ImageVectors:
    """The vector of an image is its code, all codes on one scale.

    Args:
        network: taught.
        learned: how that went.
        limits: of decoding.
    """

    name = "image"

    def __init__(self, network: ConvAutoencoder, learned: Learned, limits: MediaLimits) -> None:
        self.network, self.learned, self.limits = network.eval(), learned, limits

    @property
    def width(self) -> int:
        """Width of a vector."""
        return len(self.network.linear.there)

    @cached_property
    def digest(self) -> str:
        """A name for these weights, and for how files are decoded."""
        return state_digest(self.network, self.name, str(self.network.size))

    @classmethod
    def fit(
        cls,
        locations: Sequence[str],
        width: int = 64,
        seed: int = 0,
        config: LearningConfig | None = None,
        limits: MediaLimits | None = None,
        progress: Progress | None = None,
        videos: Sequence[str] = (),
    ) -> "ImageVectors":
        """Teach on these images, without labels, and on a few frames of these videos.

        Files that cannot be decoded are left out; without any, the code is a projection at random.
        """
        config, limits = config or LearningConfig(), limits or MediaLimits()
        jobs: list[Job] = [(decode_image, (place, SIZE, limits)) for place in chosen(locations, config.examples, seed)]
        few = config.examples // FRAMES
        jobs += [(decode_frames, (place, SIZE, 1.0, FRAMES, limits)) for place in chosen(videos, few, seed)]
        with Decoders(limits) as decoders:
            found = [one.arrays[0] for one in decoded(jobs, decoders, progress) if not one.fault]
        pictures = [one if one.ndim == 4 else one[None] for one in found]
        images = np.concatenate([np.zeros((0, SIZE, SIZE, 3), np.uint8), *pictures])
        return cls(*fit_images(images, width, seed, config, progress), limits)

    def encode(
        self, locations: Sequence[str | None], decoders: Decoders | None = None, progress: Progress | None = None
    ) -> Encoded:
        """The vector of each image; zeros where there is none or it cannot be decoded."""
        jobs = [None if place is None else (decode_image, (place, SIZE, self.limits)) for place in locations]
        return encoded_in_order(
            jobs, self.width, lambda found: self.vectors(np.stack([one[0] for one in found])), self.limits, decoders,
            progress, BATCH,
        )  # fmt: skip

    def vectors(self, images: UInt8[np.ndarray, "images size size 3"]) -> Float32[np.ndarray, "images width"]:
        """The vectors of decoded images."""
        with torch.no_grad():
            codes = [self.network.encode(_scaled(part)) for part in torch.split(torch.from_numpy(images), BATCH)]
            codes = [code / self.network.linear.scale for code in codes]
        return torch.cat(codes).numpy() if codes else np.zeros((0, self.width), np.float32)

    def pictures(
        self, images: UInt8[np.ndarray, "images size size 3"]
    ) -> tuple[UInt8[np.ndarray, "images size size 3"], UInt8[np.ndarray, "images size size 3"]]:
        """Pairs for a report: decoded images, and what is left of them after code and back."""
        with torch.no_grad():
            again, _ = self.network.decode(self.network.encode(_scaled(torch.from_numpy(images))))
        pixels = (again.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
        return images, pixels.numpy()

    def save(self, folder: Path) -> None:
        """Write weights as safetensors, and the rest as JSON."""
        facts = {"width": self.width, "learned": asdict(self.learned), "limits": self.limits.model_dump()}
        save_network(folder, self.name, self.network, facts)

    @classmethod
    def load(cls, folder: Path) -> "ImageVectors":
        """What `save` wrote."""
        facts, weights = load_network(folder, cls.name)
        network = ConvAutoencoder(facts["width"])
        network.load_state_dict(weights)
        return cls(network, Learned(**facts["learned"]), MediaLimits(**facts["limits"]))


def fit_images(
    images: UInt8[np.ndarray, "images size size 3"],
    width: int,
    seed: int,
    config: LearningConfig,
    progress: Progress | None = None,
) -> tuple[ConvAutoencoder, Learned]:
    """An autoencoder taught on decoded images.

    An image and its mirror image teach alike.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ConvAutoencoder(width)
    pixels = torch.from_numpy(images)
    taught, held = shares(len(images), config, seed)
    plain = _scaled(pixels[taught[:PRINCIPAL_ROWS]])

    def wrong(rows: Tensor, generator: torch.Generator | None) -> Wrong:
        x = _scaled(pixels[rows])
        if generator:
            x = _mirrored(x, generator)
        again, summary = network.decode(network.encode(x))
        of_x = (again - x).square().flatten(1).sum(1)
        of_summary = (summary - network.told(x)[:, network.linear.size :]).square().sum(1)
        return Wrong(of_x / network.linear.size, (of_x + of_summary) / network.linear.size)

    principal = principal_error(plain.flatten(1), _scaled(pixels[held]).flatten(1), None, width, seed)
    both = torch.cat([plain, plain.flip(3)])
    share = begin(
        network.linear, both.flatten(1), edges(both), lambda: held_error(wrong, held)[0], principal, config, seed
    )
    learned = learn(network, network.linear, len(images), wrong, config, seed, progress, "image autoencoder")
    learned.principal, learned.summary = principal, share
    return network, learned


def _scaled(images: UInt8[Tensor, "images size size 3"]) -> Float[Tensor, "images 3 size size"]:
    return images.permute(0, 3, 1, 2).float() / 255


def _mirrored(x: Float[Tensor, "images 3 size size"], generator: torch.Generator) -> Tensor:
    turn = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(turn[:, None, None, None], x.flip(3), x)
