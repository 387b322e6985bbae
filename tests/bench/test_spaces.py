"""What `emotide bench spaces` is made of."""

import numpy as np
import polars as pl
import pytest

from emotide.bench.spaces import _auc, _bears, _log, _without
from emotide.errors import BadInput
from emotide.model import built_in


def test_emotions_that_are_to_be_unseen_are_in_no_space():
    for space in built_in().values():
        rest = _without(space, ["joy", "anger"])
        assert set(space.names) - set(rest.names) <= {"joy", "anger"}
        assert not {"joy", "anger"} & set(rest.names)
        assert rest.multi == space.multi


def test_which_post_bears_which_emotion():
    labels = pl.DataFrame({"post_id": ["a", "b", "a", "z"], "category": ["joy", "fear", "fear", "joy"]})
    found = _bears(labels, ["b", "a", "c"], ["fear", "joy"])
    assert found.tolist() == [[1, 0], [1, 1], [0, 0]]
    assert _auc(np.array([0.1, 0.9, 0.3]), found[:, 1]) == 1


def test_spaces_of_the_bench_stand_in_place_of_those_built_in(tmp_path):
    posts = pl.DataFrame(
        {"post_id": ["a", "b"], "user_id": ["u", "v"], "time": ["2024-01-01", "2024-01-02"], "text": ["hi", "ho"]}
    ).with_columns(pl.col("time").str.to_datetime(time_unit="us", time_zone="UTC"), network=pl.lit("n"))
    labels = posts.select("user_id", "time", "network", "post_id", space=pl.lit("goemotions"), category=pl.lit("joy"))
    space = _without(built_in()["goemotions"], ["anger"])
    log = _log(tmp_path / "log", posts, labels, [space])
    assert log.spaces()["goemotions"] == space
    assert log.store.counts()["labels"] == 2
    with pytest.raises(BadInput):
        log.ingest(tmp_path / "none")
