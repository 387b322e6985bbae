"""Pictures, sounds and clips of the town's people, which carry the mood of their posts."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float32, UInt8

from emotide.demo.clips import FRAMES, write_clip
from emotide.demo.config import TownConfig
from emotide.demo.faces import SIZE, Sitter, face, looks
from emotide.demo.recorded import Recorded
from emotide.demo.tones import RATE, tune, write_wav

FOLDER = "media"


class Drawn:
    """Faces that are drawn and tunes that are made."""

    def picture(self, rng: np.random.Generator, mood: str, late: bool) -> UInt8[np.ndarray, "height width 3"]:
        """A face; whether it is late in the town's days makes no difference."""
        return np.asarray(face(Sitter.drawn(rng), looks(rng, mood)))

    def sound(self, rng: np.random.Generator, mood: str, late: bool) -> Float32[np.ndarray, " samples"]:
        """A tune."""
        return tune(rng, mood)


Source = Drawn | Recorded  # of pictures and sounds of a mood; None where there is none of it


def with_media(
    posts: pl.DataFrame, config: TownConfig, moods: Sequence[str], source: Source, log: Path
) -> pl.DataFrame:
    """The posts with the columns image, audio and video, whose files are written below `log`.

    A file carries the mood of its post, or in a share of `config.noise` any mood. Who shows something often writes
    nothing (`config.wordless`).

    Args:
        posts: with `mood`, a row of `moods`, and `day`.
        config: shares of posts with each of them; seed.
        moods: their names.
        source: of pictures and sounds.
        log: the folder of the log.
    """
    (log / FOLDER).mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    for number, (mood, day) in enumerate(posts.select("mood", "day").iter_rows()):
        rng = np.random.default_rng([config.seed, 8, number])
        chance = rng.random(3) < (config.pictures, config.sounds, config.clips)
        felt = moods[int(rng.integers(len(moods)))] if rng.random() < config.noise else moods[mood]
        late = day >= 0.7 * config.days
        row = written(log, f"{FOLDER}/{number}", chance, rng, *(
            partial(make, rng, felt, late) for make in (source.picture, source.sound)
        ))  # fmt: skip
        if row and rng.random() < config.wordless:
            row["text"] = ""
        rows.append(row)
    found = {kind: pl.Series([row.get(kind) for row in rows], dtype=pl.String) for kind in ("image", "audio", "video")}
    silent = pl.Series(["text" in row for row in rows])
    text = pl.when(silent).then(None).otherwise(pl.col("text")).alias("text")
    return posts.with_columns(text, **found)


def written(
    log: Path,
    name: str,
    chosen: Sequence[bool] | np.ndarray,
    rng: np.random.Generator,
    picture: Callable[[], UInt8[np.ndarray, "height width 3"] | None],
    sound: Callable[[], Float32[np.ndarray, " samples"] | None],
) -> dict[str, str]:
    """Write the picture, sound and clip of a post, those that are chosen and can be made; kind -> path in the log.

    Args:
        log: the folder of the log.
        name: path in it, without an ending.
        chosen: whether there is to be a picture, a sound, a clip.
        rng: of how a clip moves.
        picture, sound: make one.
    """
    row: dict[str, str] = {}
    if chosen[0] and (seen := picture()) is not None:
        row["image"] = f"{name}.jpg"
        _write_jpeg(seen, log / row["image"])
    if chosen[1] and (heard := sound()) is not None:
        row["audio"] = f"{name}.wav"
        write_wav(heard, log / row["audio"])
    if chosen[2]:
        seen, heard = picture(), sound()
        if seen is not None and heard is not None:
            row["video"] = f"{name}.mp4"
            write_clip(_moving(rng, seen, len(heard) / RATE), heard, RATE, log / row["video"])
    return row


def _write_jpeg(picture: UInt8[np.ndarray, "height width 3"], file: Path) -> None:
    from PIL import Image

    Image.fromarray(picture).save(file, quality=90)


def _moving(rng: np.random.Generator, picture: UInt8[np.ndarray, "height width 3"], seconds: float) -> list[np.ndarray]:
    """Frames of a clip: the picture, drifting across a view that is a little smaller."""
    from PIL import Image

    wide = np.asarray(Image.fromarray(picture).resize((SIZE + 8, SIZE + 8)))
    count = round(FRAMES * seconds)
    begin, end = rng.integers(0, 9, (2, 2))
    x, y = np.linspace(begin, end, count).round().astype(int).T
    return [wide[b : b + SIZE, a : a + SIZE] for a, b in zip(x, y, strict=True)]
