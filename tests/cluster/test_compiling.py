"""A log compiled by parts is the log compiled at once, array for array."""

import os
import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emotide.api import SocialLog
from emotide.cluster import compiling, merging
from emotide.cluster.compiling import ClusterCompile, compile_in_parts, names_made
from emotide.cluster.ray_data import worked
from emotide.cluster.ray_workers import RayWorkers
from emotide.errors import BadInput, EmotideError, StoreError
from emotide.store import Store
from emotide.timeline import Timeline, TimelineConfig, compile_timeline
from emotide.timeline.events import Labels

OTHERS = ("posts", "ties", "labels", "feedback")
CONFIG = TimelineConfig(step="1h", max_neighbours=2, neighbour_memory=5, max_kinds=3)


def random_rows(seed, contacts=150):
    """A log of three networks: the same names in each, some who only read, answer themselves, or are tied for ever."""
    rng = np.random.default_rng(seed)
    names = [f"u{k}" for k in range(9)]

    def some(n, *columns):
        drawn = [[column[k] for k in rng.integers(0, len(column), n)] for column in columns]
        return [
            (*row, {"network": str(network)})
            for *row, network in zip(*drawn, rng.choice(["", "x", "y"], n), strict=True)
        ]

    hours = [hour / 2 for hour in range(60)]
    posts = some(25, names, hours)
    labels = [(*row, more | {"space": "ekman"}) for *row, more in some(20, names, hours, ["joy", "anger"])]
    if seed % 2:  # each network by its own column
        posts = [
            (*row, more | {"split": {"": "train", "x": "dev", "y": "test"}[more["network"]]}) for *row, more in posts
        ]
    if seed % 3 == 2:
        labels = []
    return {
        "posts": [(f"p{k}", *row) for k, row in enumerate(posts)],
        "interactions": some(
            contacts, names, ["hub", "hub", *names], hours, ["like", "reply", "poke", "wave", "other"]
        ),
        "ties": [tie for tie in some(8, names, names, [None, *hours], [None, 40, 70]) if tie[0] != tie[1]],
        "labels": labels,
        "feedback": [(f"only{k}", "item", 5) for k in range(2)],
    }


def stored(url, log, folder):
    """A store with a log, which comes as Parquet."""
    folder.mkdir(parents=True)
    for name, rows in log.items():
        given = [column for column in rows.columns if rows[column].null_count() < len(rows)]
        if len(rows):
            rows.select(given).write_parquet(folder / f"{name}.parquet")
    store = Store.open(url)
    store.ingest(folder)
    return store


@pytest.fixture
def store_of(tables, tmp_path):
    """`store_of(**rows)`: a store in a file."""
    return lambda **rows: stored(tmp_path / "town.db", tables(**rows), tmp_path / "log")


def here(worker, arguments, items):
    """All items to one worker in this process, the last first."""
    made = worker(*arguments)
    return [str(made({"item": np.array([item])})["made"][0]) for item in reversed(items)]


def dying(worker, folder):
    """A worker that dies once, when it has done its work and not told."""

    class Dying(worker):
        def made(self, item):
            made, died = super().made(item), folder / f"{worker.__name__}.died"
            if not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return made

    return Dying


def away(store):
    """A store that workers do not find."""

    class Away(Store):
        def piece(self, *what):
            raise StoreError("the store is away")

    return Away(store._url)


def at_once(store, config, **more):
    return compile_timeline({name: store.table(name) for name in (*OTHERS, "interactions")}, config, **more)


def in_parts(store, config, work, room, parts, **more):
    return compile_in_parts(work, store, {name: store.table(name) for name in OTHERS}, config, room, parts, **more)


def same(found, expected):
    for name in ("users", "networks", "posts", "clock"):
        assert getattr(found, name).equals(getattr(expected, name)), name
    assert (found.kinds, found.spaces, found.digest) == (expected.kinds, expected.spaces, expected.digest)
    assert found.events.step.keys() == expected.events.step.keys()
    mine, theirs = ({**vars(timeline.events), **timeline.events.step} for timeline in (found, expected))
    for name in mine.keys() - {"step"}:
        assert mine[name].dtype == theirs[name].dtype, name
        assert_array_equal(mine[name], theirs[name], name)
    for space in expected.spaces:
        for name in Labels.__annotations__:
            assert_array_equal(getattr(found.labels[space], name), getattr(expected.labels[space], name), name)


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_parts_make_the_timeline_of_the_whole(store_of, tmp_path, monkeypatch, seed, parts):
    monkeypatch.setattr(compiling, "PIECE", 31)
    monkeypatch.setattr(merging, "PIECE", 5)
    store, step = store_of(**random_rows(seed)), {0: "1h", 1: "7 events"}[(seed + parts) % 2]
    config = CONFIG.model_copy(update={"step": step})
    expected = at_once(store, config)
    assert (expected.events.pair_chance < 1).any()  # more neighbours than may stay
    same(in_parts(store, config, here, tmp_path, parts), expected)


def test_a_part_may_hold_nobody_and_arrays_may_lie_in_files(store_of, tmp_path):
    store, folder = store_of(**random_rows(7)), tmp_path / "timeline"
    folder.mkdir()
    found, expected = in_parts(store, CONFIG, here, tmp_path, 40, folder=folder), at_once(store, CONFIG)
    same(found, expected)
    assert isinstance(found.events.pair_kinds, np.memmap)
    found.save(folder)
    same(Timeline.load(folder), expected)


def test_kinds_and_names_may_be_given(store_of, tmp_path):
    store = store_of(**random_rows(0))
    given = {"kinds": ["wave", "like", "other"], "names": {"ekman": ["joy", "anger", "fear"]}, "digest": "d"}
    same(in_parts(store, CONFIG, here, tmp_path, 2, **given), at_once(store, CONFIG, **given))


@pytest.mark.parametrize("wanted", ["posts", "interactions"])
def test_one_table_alone(store_of, tmp_path, wanted):
    store = store_of(**{wanted: random_rows(0)[wanted]})
    same(in_parts(store, CONFIG, here, tmp_path, 2), at_once(store, CONFIG))


def test_an_empty_log_is_refused(tmp_path):
    with pytest.raises(BadInput, match="nothing to compile"):
        in_parts(Store.open(tmp_path / "empty.db"), CONFIG, here, tmp_path, 2)


@pytest.mark.filterwarnings("ignore")  # Ray Data warns of its own libraries' futures
class TestOnRay:
    """Real workers, real databases."""

    def test_postgresql(self, ray, tables, new_database, tmp_path, monkeypatch):
        monkeypatch.setattr(compiling, "PIECE", 31)
        store = stored(new_database(), tables(**random_rows(4)), tmp_path / "log")
        found = ClusterCompile(workers=2)(store, {name: store.table(name) for name in OTHERS}, CONFIG)
        same(found, at_once(store, CONFIG))

    def test_workers_that_die_are_started_again(self, ray, store_of, tmp_path, monkeypatch):
        monkeypatch.setattr(compiling, "PIECE", 31)

        def work(worker, arguments, items):
            return names_made(worked(ray, dying(worker, tmp_path), arguments, items, 2, 1))

        store, room = store_of(**random_rows(5)), tmp_path / "room"
        room.mkdir()
        found = in_parts(store, CONFIG, work, room, 2)
        assert {file.stem for file in tmp_path.glob("*.died")} == {"ReadPieces", "Deal", "SeePart"}
        same(found, at_once(store, CONFIG))

    def test_what_a_worker_cannot_read_is_said(self, ray, store_of, tmp_path):
        store = store_of(**random_rows(0))
        with pytest.raises(EmotideError, match="the store is away"):
            ClusterCompile(workers=2)(away(store), {name: store.table(name) for name in OTHERS}, CONFIG)

    def test_a_log_in_a_file_named_from_this_folder(self, ray, store_of, tmp_path, monkeypatch):
        monkeypatch.setattr(compiling, "PIECE", 31)
        store_of(**random_rows(1))
        monkeypatch.chdir(tmp_path)
        log = SocialLog.open("town.db")
        monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cache"))
        found = log.timeline(CONFIG, workers=RayWorkers(workers=2))
        monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "other"))
        same(found, log.timeline(CONFIG))


def test_turns_are_compiled_by_one_process_and_that_is_said(store_of, tmp_path):
    config = TimelineConfig(step="turn")
    store = store_of(**random_rows(0))
    tables = {name: store.table(name) for name in OTHERS}
    with pytest.warns(UserWarning, match="compiled by one process"):
        found = RayWorkers().compile(store, tables, config, {}, None, "", (), tmp_path)
    same(found, at_once(store, config, names={}))
