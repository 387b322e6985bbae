"""Parts of a network in threads of this process, which talk as they would between machines."""

import threading
import warnings
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
import torch
from torch.distributed import TCPStore

from emotide.cluster.cut import cut
from emotide.cluster.peers import Peers
from emotide.cluster.session import ray_session
from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig, Readings, built_in
from emotide.timeline import TimelineConfig, compile_timeline

WIDTH = 5
SIZES = NetworkConfig(state=6, influence=4, observed=6, affect=7, width=8, pair_width=7, depth=2, dropout=0.0,
                      input_dropout=0.0, shortcut_dropout=0.0)  # fmt: skip
MOODS = ["anger", "joy", "sadness"]
KINDS = ["like", "reply", "other"]
# Ray warns of its own future defaults, and leaves files of its subprocesses to the garbage collector
QUIET = [
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def random_log(tables, users=12, steps=50, networks="xy", seed=0):
    """A log in which everybody now and then writes, turns to somebody, or tells a mood."""
    rng = np.random.default_rng(seed)
    log = {name: [] for name in ("posts", "interactions", "ties", "labels")}
    for network in networks:
        more, names = {"network": network}, [f"{network}{k}" for k in range(users)]
        for step in range(steps):
            if step % 11 == 7:
                continue
            for k in range(rng.integers(0, 5)):
                log["posts"].append((f"p{step}.{k}", str(rng.choice(names)), step, more))
            for _ in range(rng.integers(0, 6)):
                source, target = map(str, rng.choice(names, 2, replace=False))
                log["interactions"].append((source, target, step, str(rng.choice(["like", "reply"])), more))
            for _ in range(rng.integers(0, 3)):
                row = (str(rng.choice(names)), step, str(rng.choice(MOODS)), {"space": "ekman"} | more)
                log["labels"].append(row)
        log["ties"] += [(names[0], names[1], None, 6, more), (names[2], names[0], 3, None, more)]
    return tables(**log)


@pytest.fixture(scope="module")
def ray():
    """Ray on this machine, with two workers."""
    pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ray_session(None, 2) as module:
            yield module


@pytest.fixture(scope="session")
def network(tables):
    """A random timeline of 50 steps, and the vectors of its posts."""

    def made(seed=0, **sizes):
        config = TimelineConfig(step="1h", max_neighbours=3, neighbour_memory=6)
        names = {"ekman": built_in()["ekman"].names}
        timeline = compile_timeline(random_log(tables, seed=seed, **sizes), config, names=names, kinds=KINDS)
        rng = np.random.default_rng(seed)
        return timeline, torch.from_numpy(rng.normal(size=(len(timeline.posts), WIDTH)).astype(np.float32))

    return made


@pytest.fixture(scope="session")
def model():
    """A model that has learned nothing; no parameter stands at a special value."""
    torch.manual_seed(7)
    readings = Readings(SIZES.affect, WIDTH, {"ekman": built_in()["ekman"]})
    made = AffectiveModel(FusedNetwork(SIZES, WIDTH, 2 * len(KINDS)), readings)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.4)
    for space in built_in().values():
        readings.add(space, torch.randn(len(space.names), WIDTH))
    return made.eval()


@pytest.fixture(scope="session")
def together():
    """`together(parts, work)`: `work(part, peers)` for each part, each in a thread; what they return."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=30))
    meetings = iter(range(1_000_000))

    def run(parts, work):
        name, found, failed = str(next(meetings)), {}, []

        def one(part):
            try:
                found[part.number] = work(
                    part, Peers.meet(("127.0.0.1", store.port), name, part.number, part.parts, 30.0)
                )
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if failed:
            raise failed[0]
        return [found[part.number] for part in parts]

    return run


@pytest.fixture(scope="session")
def cut_at_random():
    """Parts of a timeline, users dealt at random."""

    def made(timeline, vectors, parts, seed=0):
        dealt = np.random.default_rng(seed).integers(0, parts, len(timeline.users)).astype(np.int32)
        return cut(timeline, dealt, parts, vectors.float().numpy())

    return made


def rows_of(frame: pl.DataFrame):
    return sorted(frame.rows())
