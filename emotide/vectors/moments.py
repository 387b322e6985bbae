"""Moments of a video that are worth decoding, told from its packets and its key frames (paper 2; DESIGN 3.6).

Packets are read and not decoded: what they weigh tells how much changes. Key frames are decoded first, as a look at the
whole; a frame between them costs all frames from the key frame before it on, and so it is frames that are rationed:

    of all stretches from where one has come in a group of pictures to a moment of it, take again and again the one with
    Σ importance of its moments / frames the largest, while it fits

These functions run in a child process (workers.py).
"""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8

from emotide.errors import BadInput
from emotide.vectors.decode import MediaLimits, lasts, open_container, picture_stream, square
from emotide.vectors.glance import THUMBNAIL
from emotide.vectors.inside import Features, Wanted

NUMBERS = 8  # that a look gives of a moment


class Packets(NamedTuple):
    """The packets of a video in the order of their times."""

    stamp: Int64[np.ndarray, " frames"]  # in units of the stream
    time: Float64[np.ndarray, " frames"]  # seconds
    bytes: Float64[np.ndarray, " frames"]
    key: Bool[np.ndarray, " frames"]


class Moments(NamedTuple):
    """The frames that are looked at where nothing is skipped."""

    frame: Int64[np.ndarray, " moments"]
    key: Int64[np.ndarray, " moments"]  # the key frame at or before it


def decode_moments(
    location: str, size: int, rate: float, most: int, wanted: Wanted, limits: MediaLimits
) -> tuple[
    UInt8[np.ndarray, "frames size size 3"],
    Bool[np.ndarray, " moments"],
    Int64[np.ndarray, " moments"],
    Int64[np.ndarray, " moments"],
    Features,
]:
    """The frames of a video that are worth it, of those that `decode_frames` gives.

    Returns:
        frames that were decoded; which moments have their own; the frame that each has, its own or else the nearest;
        the nearest one beside its own; and what the look told of each.

    Raises:
        BadInput: as `decode_frames`.
    """
    with open_container(location, limits) as container:
        stream = picture_stream(container, location, limits)
        packets = _packets(container, stream, limits, location)
        moments = _moments(packets, lasts(container), rate, most)
        looked = len(moments.frame) > 0 and not (moments.frame == moments.key).all()
        found: dict[int, Any] = _key_frames(container, stream, packets, size) if looked else {}
        features = moment_features(packets, moments, found)
        kept = _chosen(wanted, features, moments, set(found))
        for key in np.unique(moments.key[kept]).tolist():
            asked = moments.frame[kept & (moments.key == key)]
            asked = asked[~np.isin(asked, list(found))]
            if len(asked):
                found |= _decoded(container, stream, packets, key, asked, size)
    if not found:
        raise BadInput("the video has no frame", location)
    order = np.array(sorted(found))
    own = np.isin(moments.frame, order)
    far = np.abs(packets.time[order][None] - packets.time[moments.frame][:, None])
    beside = np.where(order[None] == moments.frame[:, None], np.inf, far) if len(order) > 1 else far
    return np.stack([found[k] for k in order.tolist()]), own, far.argmin(1), beside.argmin(1), features


def moment_features(packets: Packets, moments: Moments, keys: dict[int, np.ndarray]) -> Features:
    """Of each moment: what changed since the one before, how far its key frame is and how it looks, where it stands."""
    count = len(moments.frame)
    if not count:
        return np.zeros((0, NUMBERS))
    total = np.concatenate([[0.0], packets.bytes.cumsum()])
    since = np.concatenate([[0], moments.frame[:-1] + 1])
    weight = np.log1p(total[moments.frame + 1] - total[np.minimum(since, moments.frame)])
    weight = weight - weight.mean()
    gap = np.log1p(packets.time[moments.frame] - packets.time[moments.key])
    small = {k: _thumbnail(frame) for k, frame in keys.items()}
    there = sorted(small)
    contrast = {k: float(small[k].std()) for k in there}
    change = {k: float(np.abs(small[k] - small[j]).mean()) for j, k in pairwise(there)}
    looks = [[one.get(key, 0.0) for key in moments.key.tolist()] for one in (contrast, change)]
    place = (np.arange(count) + 0.5) / count
    return np.stack([np.ones(count), weight, weight**2, gap, *np.array(looks), place, (2 * place - 1) ** 2], 1)


def _packets(container: Any, stream: Any, limits: MediaLimits, location: str) -> Packets:
    rows = []
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            rows.append((packet.pts, packet.size, packet.is_keyframe))
        if len(rows) > limits.frames:
            raise BadInput(f"has more than {limits.frames} frames", location)
    if not rows:
        raise BadInput("the video has no frame with a time", location)
    stamp, weight, key = (np.array(column) for column in zip(*sorted(rows), strict=True))
    key[0] = True  # what comes before the first key frame begins there
    return Packets(stamp, stamp * float(stream.time_base), weight.astype(np.float64), key.astype(bool))


def _moments(packets: Packets, lasting: float, rate: float, most: int) -> Moments:
    """The frames that `decode_frames` would take."""
    keys = np.flatnonzero(packets.key)
    if lasting > most / rate:
        due = np.arange(most) * lasting / most
        frame = keys[np.searchsorted(packets.time[keys], due, "right").clip(1) - 1]
        return Moments(frame, frame)
    frames, due_next = [], 0.0
    for k, time in enumerate(packets.time.tolist()):
        if time >= due_next - 1e-6:
            due_next = max(due_next, time - 1 / rate) + 1 / rate
            frames.append(k)
    frame = np.array(frames[:most], np.int64)
    return Moments(frame, keys[np.searchsorted(keys, frame, "right") - 1])


def _chosen(wanted: Wanted, features: Features, moments: Moments, there: set[int]) -> Bool[np.ndarray, " moments"]:
    """The moments that are decoded, within a share of the frames that all of them would cost."""
    score = np.maximum(wanted.scores(features), 1e-6)
    cost = moments.frame - moments.key + 1  # frames from the key frame on
    come = {key: int(key in there) for key in set(moments.key.tolist()) | there}
    whole = sum(max(int(cost[moments.key == key].max(initial=0)), come[key]) for key in come)
    left = max(math.ceil(wanted.share * whole - 1e-9) - len(there), 0 if there else 1)
    kept = np.isin(moments.frame, sorted(there))
    while not kept.all():
        best = (0.0, -1, 0)
        for m in np.flatnonzero(~kept).tolist():
            extra = int(cost[m]) - come[int(moments.key[m])]
            on_the_way = ~kept & (moments.key == moments.key[m]) & (cost <= cost[m])
            if extra <= left:
                best = max(best, (float(score[on_the_way].sum()) / max(extra, 1e-3), m, extra))
        _, m, extra = best
        if m < 0:
            break
        kept |= (moments.key == moments.key[m]) & (cost <= cost[m])
        come[int(moments.key[m])] = int(cost[m])
        left -= extra
    return kept


def _key_frames(container: Any, stream: Any, packets: Packets, size: int) -> dict[int, np.ndarray]:
    """All key frames, by number."""
    stream.codec_context.skip_frame = "NONKEY"
    container.seek(int(packets.stamp[0]), stream=stream)
    found = {}
    for frame in container.decode(stream):
        if frame.pts is not None and (number := _number(packets, frame.pts)) is not None:
            found[number] = square(frame, size)
    stream.codec_context.skip_frame = "DEFAULT"
    return found


def _decoded(
    container: Any, stream: Any, packets: Packets, key: int, asked: Int64[np.ndarray, " asked"], size: int
) -> dict[int, np.ndarray]:
    """These frames, decoded from their key frame on; one that does not come is not there."""
    container.seek(int(packets.stamp[key]), stream=stream)
    wanted, last, found = set(asked.tolist()), packets.stamp[asked.max()], {}
    for frame in container.decode(stream):
        if frame.pts is None:
            continue
        if (number := _number(packets, frame.pts)) in wanted and number is not None:
            found[number] = square(frame, size)
        if frame.pts >= last:
            break
    return found


def _number(packets: Packets, stamp: int) -> int | None:
    """The number of the frame of this time."""
    place = int(np.searchsorted(packets.stamp, stamp))
    return place if place < len(packets.stamp) and packets.stamp[place] == stamp else None


def _thumbnail(frame: UInt8[np.ndarray, "size size 3"]) -> Float64[np.ndarray, "cells cells"]:
    cell = len(frame) // THUMBNAIL
    cut = frame[: cell * THUMBNAIL, : cell * THUMBNAIL].reshape(THUMBNAIL, cell, THUMBNAIL, cell, 3)
    return np.asarray(cut.mean((1, 3, 4)) / 255, np.float64)
