"""The states on disk: whole or not there; a damaged one is set aside and the one before it is used."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from emotide.live.columns import Index
from emotide.live.kept import ARRAYS, Kept
from emotide.live.stream import Stream

FORMAT = 3
NAMES, OPEN, PAST, TIES, HEAD = (
    "names.parquet", "open.parquet", "past.parquet", "ties.parquet", "checkpoint.json",
)  # fmt: skip
FAULTS = (OSError, ValueError, KeyError, TypeError, SafetensorError, pl.exceptions.PolarsError)


def save(stream: Stream, folder: Path, model: str, kept: int) -> Path:
    """Write what a stream remembers below a folder, and remove old ones.

    Args:
        stream: nothing in it may be tried just now.
        folder: of all checkpoints.
        model: digest of the model whose states they are.
        kept: how many stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part, place = folder / "part", folder / f"{stream.seq:016d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    census = stream.census
    arrays = {f"{name}.{key}": array for name, table in (("people", census.people), ("pairs", census.pairs))
              for key, array in table.saved().items()}  # fmt: skip
    save_file(arrays, part / ARRAYS)
    rows: list[tuple[str, ...]] = []
    for kind, names in (("network", census.networks), ("item", census.items)):
        rows += [(kind, name, "") for (name,) in names.names]
    rows += [("user", *(name or ("", ""))) for name in census.names.names]
    schema = {"kind": pl.String, "network": pl.String, "user": pl.String}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(part / NAMES)
    waiting = [lines for step in sorted(stream.open) for lines in stream.open[step]]
    if waiting:
        pl.concat(waiting).write_parquet(part / OPEN)
    stream.past.write_parquet(part / PAST)
    stream.ties.write_parquet(part / TIES)
    parts = stream.write(part)
    head = {
        "format": FORMAT, "model": model, "seq": stream.seq, "origin": stream.origin, "latest": stream.latest,
        "clock": [stream.clock.window, stream.clock.lateness], "erasures": stream.minded, "parts": parts,
        "digests": {file.name: _digest(file) for file in sorted(part.iterdir())},
    }  # fmt: skip
    (part / HEAD).write_text(json.dumps(head, indent=1), "utf-8")
    for file in part.iterdir():
        _sync(file)
    _sync(part)
    shutil.rmtree(place, ignore_errors=True)
    part.rename(place)
    _sync(folder)
    for old in places(folder)[kept:]:
        shutil.rmtree(old)
    return place


def places(folder: Path) -> list[Path]:
    """The checkpoints below a folder, the latest first."""
    return sorted((place for place in folder.glob("[0-9]*") if place.is_dir()), reverse=True)


def load(stream: Stream, folder: Path, model: str) -> bool:
    """Fill a new stream from the latest sound checkpoint of this model; whether there was one.

    One that is damaged is renamed to `damaged-…`, so that it can be looked at.
    """
    for place in places(folder):
        try:
            head = json.loads((place / HEAD).read_text("utf-8"))
            if head["format"] != FORMAT:
                continue
            if head["model"] != model or head["clock"] != [stream.clock.window, stream.clock.lateness]:
                continue
            if any(_digest(place / name) != digest for name, digest in head["digests"].items()):
                raise ValueError("a file is not what was written")
            found = load_file(place / ARRAYS)
            names = pl.read_parquet(place / NAMES)
            waiting = pl.read_parquet(place / OPEN) if (place / OPEN).exists() else None
            past, ties = pl.read_parquet(place / PAST), pl.read_parquet(place / TIES)
            _fill(stream, place, head, found, names, waiting, past, ties)
        except FAULTS:
            aside = folder / f"damaged-{place.name}"
            shutil.rmtree(aside, ignore_errors=True)
            place.rename(aside)
            continue
        return True
    return False


def _fill(
    stream: Stream,
    place: Path,
    head: dict[str, Any],
    found: dict[str, np.ndarray],
    names: pl.DataFrame,
    waiting: pl.DataFrame | None,
    past: pl.DataFrame,
    ties: pl.DataFrame,
) -> None:
    census = stream.census
    for name, table in (("people", census.people), ("pairs", census.pairs)):
        table.load({key.removeprefix(f"{name}."): array for key, array in found.items() if key.startswith(f"{name}.")})
    of = {kind: names.filter(pl.col("kind") == kind) for kind in ("network", "item", "user")}
    census.networks.load([(name,) for name in of["network"]["network"]])
    census.items.load([(name,) for name in of["item"]["network"]])
    people = of["user"].select("network", "user").iter_rows()
    census.names.load([(network, user) if user else () for network, user in people])
    census.index, stream.open = Index(), {}  # what a damaged checkpoint may have left
    census.index.add((census.pairs.source.astype(np.int64) << 32) | census.pairs.target, np.arange(census.pairs.rows))
    if waiting is not None:
        for (step,), lines in waiting.group_by("step", maintain_order=True):
            stream.open[int(step)] = [lines]
    stream.past, stream.ties = past, ties
    stream.read(Kept(place, head.get("parts", 0), found.get("people.id", np.arange(census.people.rows))))
    stream.seq, stream.origin = head["seq"], head["origin"]
    stream.latest, stream.minded = head["latest"], head["erasures"]


def _digest(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _sync(path: Path) -> None:
    """What was written is on disk, not in memory alone."""
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
