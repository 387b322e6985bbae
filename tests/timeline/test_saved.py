"""A timeline on disk: the same back, mapped and not read; anything else is told in one line."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from emotide.errors import BadInput
from emotide.timeline import Timeline, TimelineConfig, compile_timeline
from emotide.timeline.events import Events, Labels


@pytest.fixture
def made(tables):
    log = tables(
        posts=[("p", "ana", 0), ("q", "bo", 1)],
        interactions=[("bo", "ana", 1, "reply")],
        ties=[("ana", "bo", None, 3)],
        labels=[("ana", 0, "joy"), ("bo", 1, {"x": 0.5}, {"space": "plane/../é"})],
    )
    return compile_timeline(log, TimelineConfig(step="2h", max_neighbours=3), digest="d")


def test_the_same_comes_back(made, tmp_path):
    made.save(tmp_path / "t")
    back = Timeline.load(tmp_path / "t")
    for name in ("config", "digest", "kinds", "spaces", "dimensional"):
        assert getattr(back, name) == getattr(made, name)
    for name in ("users", "networks", "posts", "clock"):
        assert getattr(back, name).equals(getattr(made, name))
    for name in Events.__annotations__:
        if name != "step":
            assert_array_equal(getattr(back.events, name), getattr(made.events, name))
            assert getattr(back.events, name).dtype == getattr(made.events, name).dtype
    for name, steps in made.events.step.items():
        assert_array_equal(back.events.step[name], steps)
    for space in made.spaces:
        for name in Labels.__annotations__:
            assert_array_equal(getattr(back.labels[space], name), getattr(made.labels[space], name))
    assert isinstance(back.events.pair, np.memmap)
    assert_array_equal(back.group().events.pair, made.group().events.pair)


def test_a_log_without_pairs_or_labels_comes_back_too(tables, tmp_path):
    made = compile_timeline(tables(posts=[("p", "ana", 0)]), TimelineConfig())
    made.save(tmp_path)
    assert len(Timeline.load(tmp_path).events.pair) == 0
    assert Timeline.load(tmp_path).group().steps == 1


def spoil_json(folder, text):
    (folder / "timeline.json").write_text(text)


def changed(**head):
    return lambda folder: spoil_json(folder, json.dumps(json.loads((folder / "timeline.json").read_text()) | head))


def without(name):
    return lambda folder: (folder / name).unlink()


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


@pytest.mark.parametrize("spoil", [
    without("timeline.json"),
    without("pair.npy"),
    without("users.parquet"),
    cut("pair.npy", 0),
    cut("pair.npy", 40),
    cut("pair_kinds.npy", 130),
    cut("users.parquet", 20),
    lambda folder: spoil_json(folder, "{"),
    lambda folder: spoil_json(folder, "[]"),
    lambda folder: spoil_json(folder, '{"format": 1}'),
    changed(format=0),
    changed(config={"step": "1y"}),
    lambda folder: (folder / "timeline.json").write_bytes(b"\xff\xfe"),
])  # fmt: skip
def test_what_is_no_timeline_is_told(made, tmp_path, spoil):
    made.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(BadInput, match=str(tmp_path)):
        Timeline.load(tmp_path)
