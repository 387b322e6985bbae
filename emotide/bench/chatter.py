"""A town that talks much: beside the posts that tell a mood, many that tell nothing, as titles and tags often show."""

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float32, UInt8

from emotide.demo.config import TownConfig
from emotide.demo.faces import SIZE
from emotide.demo.showing import FOLDER, written
from emotide.demo.tones import RATE, SECONDS

# what is said about nothing: tag -> titles, sentences
CHATTER = {
    "deal": (("Today only", "Half price"), ("two for one on {thing} until noon", "last chance for {thing}, code {n}")),
    "quiz": (("Which one are you?", "My result"), ("I got {n} out of 100 in the {thing} quiz", "try the {thing} test")),
    "traffic": (("Delays", "Road works"), ("bus {n} is late again near {thing}", "platform {n} is closed")),
    "weather-bot": (
        ("Forecast", "Today"),
        ("{n} per cent chance of rain over {thing}", "wind from the west, {n} km/h"),
    ),
    "repost": (("Via", "Found this"), ("photo {n} of {thing}", "part {n} of the series about {thing}")),
    "for-sale": (("To give away", "Selling"), ("{thing}, hardly used, {n} euros", "box of {thing}, number {n}")),
}
THINGS = ("the station", "a lamp", "old maps", "the harbour", "bicycles", "a printer", "the bridge", "two chairs")
UNMARKED = 0.1  # share of the chatter that looks, from outside, like any other post; and of the others the other way


class Nothing:
    """Pictures of nothing, and sounds that say nothing."""

    def picture(self, rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
        """Smooth colours."""
        from PIL import Image

        few = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
        return np.asarray(few.resize((SIZE, SIZE), Image.Resampling.BICUBIC))

    def sound(self, rng: np.random.Generator) -> Float32[np.ndarray, " samples"]:
        """A hum with noise."""
        time = np.arange(round(RATE * SECONDS)) / RATE
        hum = np.sin(2 * np.pi * rng.uniform(60, 180) * time) + rng.normal(0, 0.5, len(time))
        return np.asarray(np.clip(rng.uniform(0.05, 0.4) * hum, -1, 1), np.float32)


def chatter(log: Path, per_day: float, days: int, seed: int, config: TownConfig | None = None) -> None:
    """Add posts that say nothing to the posts of a simulated town, so many a person and day on average.

    Where people show things, as their `config` says, as large a share of these posts has a picture, sound or clip of
    `Nothing`.

    Args:
        log: the folder of the log; its posts.csv is written anew.
    """
    rng = np.random.default_rng([seed, 11])
    file = log / "posts.csv"
    posts = pl.read_csv(file, infer_schema=False)
    people = posts.select("user_id", "network").unique(maintain_order=True)
    start = posts["time"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").dt.truncate("1d").min()
    count = rng.poisson(per_day, (len(people), days))
    user, day = (np.repeat(place, count[count > 0]) for place in np.nonzero(count))
    kinds, topics = list(CHATTER), posts["tags"].unique().sort().to_list()
    rows = []
    for k, tag in enumerate(kinds[j] for j in rng.integers(0, len(kinds), len(user))):
        titles, sentences = CHATTER[tag]
        pick, shown = rng.random(4), rng.random() >= UNMARKED
        text = _one(sentences, pick[0]).format(thing=_one(THINGS, pick[1]), n=int(100 * pick[2]))
        rows.append(
            (f"chat-{k}", text, _one(titles, pick[3]) if shown else None, tag if shown else _one(topics, pick[3]))
        )
    at = day * 86_400 + rng.integers(7 * 3600, 23 * 3600, len(user))
    said = pl.DataFrame(rows, schema=["post_id", "text", "title", "tags"], orient="row").with_columns(
        people["user_id"].gather(user),
        people["network"].gather(user),
        time=(pl.lit(start) + pl.Series(at * 1_000_000).cast(pl.Duration("us"))).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    if config and config.shows:
        said = said.with_columns(**_shown(log, len(said), config))
    strange = pl.Series(rng.random(len(posts)) < UNMARKED)  # a mood told where nobody would look for it
    tags = pl.Series([kinds[j] for j in rng.integers(0, len(kinds), len(posts))])
    posts = posts.with_columns(tags=tags.zip_with(strange, posts["tags"]))
    pl.concat([posts, said], how="diagonal").sort("time", "post_id").write_csv(file)


def _shown(log: Path, count: int, config: TownConfig) -> dict[str, pl.Series]:
    """The columns image, audio and video of so many posts, whose files are written below the log."""
    nothing, rows = Nothing(), []
    for number in range(count):
        rng = np.random.default_rng([config.seed, 12, number])
        chance = rng.random(3) < (config.pictures, config.sounds, config.clips)
        made = (partial(nothing.picture, rng), partial(nothing.sound, rng))
        rows.append(written(log, f"{FOLDER}/chat-{number}", chance, rng, *made))
    return {kind: pl.Series([row.get(kind) for row in rows], dtype=pl.String) for kind in ("image", "audio", "video")}


def _one(choices: tuple[str, ...] | list[str], share: float) -> str:
    return choices[int(share * len(choices))]
