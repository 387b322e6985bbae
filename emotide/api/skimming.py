"""What is read and what is saved when only parts of pictures, sounds and videos are looked at (paper 2; DESIGN 3.6)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from emotide.api.social_log import SocialLog
from emotide.timeline import SPLITS
from emotide.train import Trained, answers, scores
from emotide.vectors.encoders import Files, MediaEncoders
from emotide.vectors.partly import Partly
from emotide.vectors.workers import Decoders

SHARES = (0.1, 0.25, 0.5, 0.75)
TOLD = ["share", "skipped", "seconds", "time_ratio", "recognition", "forecast"]


def inside_curve(
    trained: Trained, log: SocialLog, space: str, shares: Sequence[float] = SHARES, split: str = "test"
) -> pl.DataFrame:
    """How well people are read at each share of the parts of a file, and how long it takes; whole files last.

    Files of earlier posts are read whole, those from the first step of the split on at each share in turn, by no cache.

    Args:
        trained: a model that reads media.
        log: with labels in the split.
        space: whose labels are asked for.
        shares: of the parts that are looked at.
        split: which labels, with reports hidden.

    Returns:
        share, skipped (of the parts), seconds (of processors, at decoding and encoding), time_ratio (seconds for whole
        files in these), recognition, forecast (accuracy, or concordance where the space has dimensions).
    """
    timeline = log.timeline(trained.run.timeline, dict(trained.model.readings.spaces), trained.kinds)
    labels, contents = timeline.labels[space], log.contents(timeline)
    code, dimensional = SPLITS.index(split), space in timeline.dimensional
    begin = int(labels.step[labels.split == code].min())
    late = (timeline.posts["step"] >= begin).to_numpy()
    train = timeline.posts["train"].to_numpy()
    teach, asked = (_of(contents.files, chosen) for chosen in (train, late))
    media = trained.media.reading(shares[0], teach, trained.run.train.seed)
    known = replace(trained, media=replace(media, inside=None))
    whole = known.codes(contents.files)
    rows = []
    with Decoders(trained.run.media.limits) as decoders:
        for share in (*shares, None):
            read, seconds, skipped = _read(replace(media, inside=share), asked, decoders)
            codes = {kind: _merged(whole[kind], read[kind], late) for kind in whole}
            seen = known.beside(contents.texts, codes)
            raw = answers(trained.model, seen.of(timeline), seen.vectors, space, code)
            said = scores(labels, trained.calibration.apply(space, "hidden", raw), dimensional, raw)
            told = [said[task]["ccc" if dimensional else "accuracy"] for task in ("recognition", "forecast")]
            rows.append((share or 1.0, skipped, seconds, *told))
    names = ["share", "skipped", "seconds", "recognition", "forecast"]
    found = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64), orient="row")
    ratio = pl.col("seconds").last() / pl.col("seconds")
    return found.with_columns(time_ratio=ratio).select(TOLD)


def _of(files: Files, chosen: np.ndarray) -> Files:
    return {
        kind: [place if here else None for place, here in zip(places, chosen, strict=True)]
        for kind, places in files.items()
    }


def _read(
    media: MediaEncoders, files: Files, decoders: Decoders
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], float, float]:
    """Vectors and presence by kind; seconds; the share of parts that were skipped, the mean over files."""
    found, seconds, skipped, count = {}, 0.0, 0.0, 0
    for kind in media.by_kind:
        reader, left_out = media.reader(kind), 0.0
        if isinstance(reader, Partly):
            done, left_out = reader.read(files[kind], decoders)
        else:
            done = reader.encode(files[kind], decoders)
        found[kind] = done.vectors, done.present
        seconds += done.decoding + done.encoding
        here = int(done.present.sum())
        skipped, count = skipped + here * left_out, count + here
    return found, seconds, skipped / max(1, count)


def _merged(
    early: tuple[np.ndarray, np.ndarray], late: tuple[np.ndarray, np.ndarray], chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return np.where(chosen[:, None], late[0], early[0]), np.where(chosen, late[1], early[1])
