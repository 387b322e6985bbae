"""A town that talks much: beside the posts that tell a mood, many that tell nothing, as titles and tags often show."""

from pathlib import Path

import numpy as np
import polars as pl

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


def chatter(log: Path, per_day: float, days: int, seed: int) -> None:
    """Add posts that say nothing to the posts of a simulated town, so many a person and day on average.

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
    strange = pl.Series(rng.random(len(posts)) < UNMARKED)  # a mood told where nobody would look for it
    tags = pl.Series([kinds[j] for j in rng.integers(0, len(kinds), len(posts))])
    posts = posts.with_columns(tags=tags.zip_with(strange, posts["tags"]))
    pl.concat([posts, said], how="diagonal").sort("time", "post_id").write_csv(file)


def _one(choices: tuple[str, ...] | list[str], share: float) -> str:
    return choices[int(share * len(choices))]
