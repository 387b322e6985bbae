"""From files to vectors: decoded by children, encoded in batches, in the order asked, a mask for what is absent."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from emotide.errors import ModelMismatch
from emotide.vectors.cache import Progress
from emotide.vectors.decode import MediaLimits
from emotide.vectors.workers import Decoders, Job, Outcome

Arrays = tuple[np.ndarray, ...]


class Encoded(NamedTuple):
    """The vectors of files, and why some have none."""

    vectors: Float32[np.ndarray, "files width"]  # zeros where a file is absent
    present: Bool[np.ndarray, " files"]
    faults: list[str | None]  # None where there is a vector, and where no file was named
    decoding: float  # seconds that children were at it, all together
    encoding: float  # seconds that this process was


def encoded_in_order(
    jobs: Sequence[Job | None],
    width: int,
    vectors: Callable[[list[Arrays]], np.ndarray],
    limits: MediaLimits,
    decoders: Decoders | None,
    progress: Progress | None,
    batch: int,
) -> Encoded:
    """The vectors of what jobs decode.

    Args:
        jobs: None where there is no file.
        width: of a vector.
        vectors: from what a few jobs gave to vectors [jobs, width].
        limits: of the children, where `decoders` is None.
        decoders: children that are there already.
        progress: called with (done, total, what).
        batch: jobs that are encoded at once.
    """
    asked = [(k, job) for k, job in enumerate(jobs) if job is not None]
    found, present = np.zeros((len(jobs), width), np.float32), np.zeros(len(jobs), bool)
    faults: list[str | None] = [None] * len(jobs)
    decoding = encoding = 0.0
    with _children(decoders, limits) as children:
        outcomes = zip((k for k, _ in asked), decoded([job for _, job in asked], children, progress), strict=True)
        while block := list(islice(outcomes, batch)):
            decoding += sum(outcome.seconds for _, outcome in block)
            for k, outcome in block:
                faults[k] = outcome.fault
            good = [(k, outcome.arrays) for k, outcome in block if outcome.fault is None]
            if good:
                rows, start = [k for k, _ in good], time.perf_counter()
                found[rows], present[rows] = vectors([arrays for _, arrays in good]), True
                encoding += time.perf_counter() - start
    return Encoded(found, present, faults, decoding, encoding)


def decoded(jobs: Sequence[Job], decoders: Decoders, progress: Progress | None) -> Iterator[Outcome]:
    """The outcomes of jobs, in order, with progress."""
    for number, outcome in enumerate(decoders.run(jobs), 1):
        yield outcome
        if progress:
            progress(number, len(jobs), "files decoded")


def chosen(locations: Sequence[str], most: int, seed: int) -> list[str]:
    """The different files among these, at most so many, drawn by the seed."""
    different = sorted(set(locations))
    if len(different) <= most:
        return different
    return [different[k] for k in sorted(np.random.default_rng(seed).choice(len(different), most, replace=False))]


def save_network(folder: Path, name: str, network: nn.Module, facts: dict[str, Any]) -> None:
    """Write `name.safetensors` and `name.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=1), "utf-8")


def load_network(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The facts and weights that `save_network` wrote.

    Raises:
        ModelMismatch: they are not there, or not whole.
    """
    try:
        facts = json.loads((folder / f"{name}.json").read_text("utf-8"))
        return facts, load_file(folder / f"{name}.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelMismatch(f"{folder}: the {name} vectors cannot be loaded ({error})") from error


@contextmanager
def _children(decoders: Decoders | None, limits: MediaLimits) -> Iterator[Decoders]:
    if decoders:
        yield decoders
    else:
        with Decoders(limits) as own:
            yield own
