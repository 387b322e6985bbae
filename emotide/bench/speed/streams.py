"""The streams of contacts on which the network and TGN are timed: one simulated, one real, read alike by both sides."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import torch
from jaxtyping import Float32
from torch import Tensor

from emotide.api import SocialLog
from emotide.bench.behaviour import events_of
from emotide.bench.bench import converted
from emotide.bench.ingest import TABLES
from emotide.bench.rivals.tgn import NEIGHBOURS, Stream
from emotide.timeline import Timeline, TimelineConfig, compile_timeline

USERS, EVENTS, FEATURES = 10_000, 200_000, 172
BEGUN = 1_600_000_000
EVER = 1_000_000  # steps for which a contact keeps two people neighbours: TGN forgets none either


@dataclass(frozen=True)
class Drawn:
    """Who turned to whom, an event a second, and the numbers that each event carries."""

    source: np.ndarray  # int64[events]
    target: np.ndarray  # int64[events]
    features: Float32[np.ndarray, "events features"]


@dataclass(frozen=True)
class Both:
    """One stream as either side reads it."""

    timeline: Timeline  # ours
    vectors: Tensor  # [posts, features], in the order of the timeline's posts
    stream: Stream  # TGN's
    seconds: dict[str, float]  # to compile the timeline, and to make TGN's tensors

    @property
    def events(self) -> int:
        """How many contacts."""
        return len(self.stream.source)


@dataclass(frozen=True)
class Logged:
    """A log, and where its events carry features, these in the order of time."""

    log: SocialLog
    features: np.ndarray | None = None

    def cut(self, batch: int) -> Both:
        """The stream in batches of so many events.

        An event with features is a post and a contact that names it, two of the events by which a timeline is cut.
        """
        each = 1 if self.features is None else 2
        step = TimelineConfig(step=f"{each * batch} events", max_neighbours=NEIGHBOURS, neighbour_memory=EVER)
        start = time.perf_counter()
        timeline = compile_timeline({name: self.log.table(name) for name in TABLES}, step)
        compiled = time.perf_counter()
        stream = events_of(self.log, timeline)
        seconds = {"timeline": compiled - start, "tensors": time.perf_counter() - compiled}
        if self.features is None:
            return Both(timeline, torch.zeros(0, FEATURES), stream, seconds)
        event = timeline.posts["post_id"].str.strip_prefix("p").cast(pl.Int64).to_numpy()
        vectors, message = (torch.from_numpy(rows) for rows in (self.features[event], self.features))
        return Both(timeline, vectors, replace(stream, message=message), seconds)


def drawn(seed: int = 0) -> Drawn:
    """Few people do much: the n-th most active is drawn in proportion to n^-0.8, and so is whom they turn to."""
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, USERS + 1) ** 0.8
    source, rank = rng.choice(USERS, (2, EVENTS), p=weight / weight.sum())
    target = rng.permutation(USERS)[rank]  # the popular are others than the active
    target = np.where(target == source, (target + 1) % USERS, target)
    return Drawn(source, target, rng.standard_normal((EVENTS, FEATURES), np.float32))


@contextmanager
def synthetic() -> Iterator[Logged]:
    """The simulated stream as a social log: each event a post with a vector, and a contact that names the post."""
    made = drawn()
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        place = Path(folder) / "log"
        place.mkdir()
        events = pl.DataFrame({"source": made.source, "target": made.target}).with_row_index("event")
        when, post = pl.col("event").cast(pl.Int64) + BEGUN, pl.format("p{}", "event")
        name = [pl.format("u{}", end) for end in ("source", "target")]
        events.select(post_id=post, user_id=name[0], time=when).write_csv(place / "posts.csv")
        contacts = events.select(source_id=name[0], target_id=name[1], time=when, kind=pl.lit("message"), post_id=post)
        contacts.write_csv(place / "interactions.csv")
        log = SocialLog.open(str(Path(folder) / "bench.db"))
        log.ingest(place)
        yield Logged(log, made.features)


@contextmanager
def college_msg(data: Path) -> Iterator[Logged]:
    """Messages among students (Panzarasa et al. 2009), without features."""
    with converted("college_msg", data / "college_msg") as log:
        yield Logged(log)
