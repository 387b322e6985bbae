"""Pictures, sounds and clips of the town's people, which carry the mood of their posts."""

from collections.abc import Sequence
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
        late, row = day >= 0.7 * config.days, {}
        if chance[0] and (picture := source.picture(rng, felt, late)) is not None:
            row["image"] = f"{FOLDER}/{number}.jpg"
            _write_jpeg(picture, log / row["image"])
        if chance[1] and (sound := source.sound(rng, felt, late)) is not None:
            row["audio"] = f"{FOLDER}/{number}.wav"
            write_wav(sound, log / row["audio"])
        if chance[2]:
            picture, sound = source.picture(rng, felt, late), source.sound(rng, felt, late)
            if picture is not None and sound is not None:
                row["video"] = f"{FOLDER}/{number}.mp4"
                write_clip(_moving(rng, picture, len(sound) / RATE), sound, RATE, log / row["video"])
        if row and rng.random() < config.wordless:
            row["text"] = ""
        rows.append(row)
    found = {kind: pl.Series([row.get(kind) for row in rows], dtype=pl.String) for kind in ("image", "audio", "video")}
    silent = pl.Series(["text" in row for row in rows])
    text = pl.when(silent).then(None).otherwise(pl.col("text")).alias("text")
    return posts.with_columns(text, **found)


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
