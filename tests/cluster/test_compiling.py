"""A log compiled by parts is the log compiled at once, array for array."""


import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emotide.cluster import compiling, merging
from emotide.cluster.compiling import compile_in_parts
from emotide.errors import BadInput
from emotide.store import Store
from emotide.timeline import Timeline, TimelineConfig, compile_timeline
from emotide.timeline.events import Labels

RAY = [  # it warns of its own future defaults, and leaves files of its subprocesses to the garbage collector
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
OTHERS = ("posts", "ties", "labels", "feedback")
CONFIG = TimelineConfig(step="1h", max_neighbours=2, neighbour_memory=5, max_kinds=3)


def random_rows(seed, contacts=150):
    """A log of three networks: the same names in each, some who only read, answer themselves, or are tied for ever."""
    rng = np.random.default_rng(seed)
    names = [f"u{k}" for k in range(9)]

    def some(n, *columns):
        drawn = [[column[k] for k in rng.integers(0, len(column), n)] for column in columns]
        return [(*row[1:], row[0]) for row in zip([{"network": x} for x in rng.choice(["", "x", "y"], n)], *drawn)]

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


@pytest.mark.parametrize("step", ["1h", "7 events"])
@pytest.mark.parametrize("seed", range(6))
def test_parts_make_the_timeline_of_the_whole(store_of, tmp_path, monkeypatch, seed, step):
    monkeypatch.setattr(compiling, "PIECE", 11)
    monkeypatch.setattr(merging, "PIECE", 5)
    store, config = store_of(**random_rows(seed)), CONFIG.model_copy(update={"step": step})
    expected = at_once(store, config)
    assert (expected.events.pair_chance < 1).any()  # more neighbours than may stay
    for parts in (1, 2, 3, 40):  # the last of which hold nobody
        room, folder = tmp_path / f"room{parts}", tmp_path / f"timeline{parts}"
        room.mkdir()
        folder.mkdir()
        found = in_parts(store, config, here, room, parts, folder=folder if parts > 1 else None)
        same(found, expected)
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


def test_an_empty_log_is_refused(store_of, tmp_path):
    with pytest.raises(BadInput, match="nothing to compile"):
        in_parts(store_of(), CONFIG, here, tmp_path, 2)
