"""Clips: pictures in a row as H.264 with a sound track in AAC, written by FFmpeg's libraries."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

FRAMES = 12  # a second


def write_clip(
    frames: Sequence[UInt8[np.ndarray, "height width 3"]],
    sound: Float32[np.ndarray, " samples"],
    rate: int,
    file: Path,
) -> None:
    """Write a video (.mp4).

    Args:
        frames: `FRAMES` of them a second, of even height and width.
        sound: in [−1, 1].
        rate: its samples per second.
        file: where to.
    """
    import av

    with av.open(str(file), "w") as clip:
        seen = clip.add_stream("libx264", rate=FRAMES, options={"preset": "ultrafast"})
        heard = clip.add_stream("aac", rate=rate, layout="mono")
        seen.height, seen.width = frames[0].shape[:2]
        seen.pix_fmt = "yuv420p"
        seen.codec_context.thread_count = 1  # with this and the preset the same frames give the same bytes
        for frame in frames:
            clip.mux(seen.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        samples = (sound[None] * 32767).astype(np.int16)
        for k in range(0, samples.shape[1], 1024):
            piece = av.AudioFrame.from_ndarray(samples[:, k : k + 1024], format="s16", layout="mono")
            piece.sample_rate, piece.pts = rate, k
            clip.mux(heard.encode(piece))
        for stream in (seen, heard):
            clip.mux(stream.encode(None))
