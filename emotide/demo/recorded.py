"""Real faces and voices for the town, from public sets that show or speak an emotion."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from jaxtyping import Float32, UInt8

from emotide.convert import convert
from emotide.demo.faces import SIZE
from emotide.demo.tones import RATE
from emotide.vectors.decode import MediaLimits, decode_image, decode_sound

SETS = {"image": "face_expressions", "audio": "emodb"}
NAMES = {"happiness": "joy"}  # what the town calls otherwise
SPOKEN = 3.0  # seconds of an utterance, at most


class Recorded:
    """Photographs and utterances; those of the sets' training parts early in the town's days, the others late.

    So that no face and no speaker of the days that are tested was seen or heard in those that teach.

    Args:
        files: kind -> location, category and split of every file.
    """

    def __init__(self, files: dict[str, pl.DataFrame]) -> None:
        self._places = {
            (kind, *key): rows["location"].to_list()
            for kind, table in files.items()
            for key, rows in table.sort("location").group_by("category", pl.col("split") != "train")
        }

    def picture(self, rng: np.random.Generator, mood: str, late: bool) -> UInt8[np.ndarray, "height width 3"] | None:
        """A face in that mood."""
        place = self._drawn(rng, "image", mood, late)
        return None if place is None else decode_image(place, SIZE, MediaLimits())[0]

    def sound(self, rng: np.random.Generator, mood: str, late: bool) -> Float32[np.ndarray, " samples"] | None:
        """A sentence spoken in that mood; nobody speaks in surprise."""
        place = self._drawn(rng, "audio", mood, late)
        return None if place is None else decode_sound(place, RATE, SPOKEN, MediaLimits())[0]

    def _drawn(self, rng: np.random.Generator, kind: str, mood: str, late: bool) -> str | None:
        places = self._places.get((kind, mood, late))
        return places[int(rng.integers(len(places)))] if places else None


@contextmanager
def recorded(data: Path) -> Iterator[Recorded]:
    """The sets below a folder, unpacked for as long as the block lasts.

    Raises:
        BadInput: a set is not there, or not whole.
    """
    with TemporaryDirectory(prefix="emotide-town-") as folder:
        files = {}
        for kind, name in SETS.items():
            convert(name, data / name, Path(folder) / name)
            posts, labels = (pl.read_parquet(Path(folder) / name / f"{table}.parquet") for table in ("posts", "labels"))
            files[kind] = posts.join(labels.select("post_id", "category"), on="post_id").select(
                pl.format("{}/{}/{}", pl.lit(folder), pl.lit(name), kind).alias("location"),
                pl.col("category").replace(NAMES),
                "split",
            )
        yield Recorded(files)
