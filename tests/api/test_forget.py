"""Erasure end to end: store, caches, model, files beside; what is left is counted."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from emotide import Emotide, SocialLog
from emotide.api.forgetting import bytes_left
from emotide.vectors import VectorCache, WordVectors, default_cache

WHO = "person-7f3a91"


@pytest.fixture
def mine(town, tmp_path, command, monkeypatch):
    """The town with one more person, in a store, cache and model of its own."""
    monkeypatch.setenv("EMOTIDE_CACHE", str(tmp_path / "cache"))
    log, store, model = tmp_path / "log", tmp_path / "town.db", tmp_path / "model"
    shutil.copytree(town.log, log)
    posts = pl.concat([pl.read_csv(file, infer_schema=False) for file in log.glob("posts*")], how="diagonal")
    more = {"post_id": "x1", "user_id": WHO, "time": posts["time"][0], "text": "quixotic sundials again", "network": ""}
    beside = tmp_path / "more"
    beside.mkdir()
    (beside / "posts.jsonl").write_text(json.dumps(more) + "\n")
    (beside / "ties.jsonl").write_text(json.dumps({"source_id": WHO, "target_id": "ana"}) + "\n")
    for source in (log, beside):
        assert command("ingest", source, "--store", store).code == 0
    told = command("train", "--store", store, "--model", model, "--config", town.recipe)
    assert told.code == 0, told.err
    return store, model


def test_a_person_is_erased_everywhere(mine, command, tmp_path):
    store, model = mine
    rejects = tmp_path / "rejects"
    rejects.mkdir()
    (rejects / "posts.rejects.csv").write_text(f'file,value\nposts,"{WHO}\nsays"\nposts,bo\n')
    (rejects / "more.jsonl").write_text(f'{{"user_id": "{WHO}"}}\n{{"user_id": "{WHO}-2"}}\n')
    cache = VectorCache(default_cache() / "vectors.sqlite")
    encode = lambda texts: np.ones((len(texts), 2))  # noqa: E731
    cache.vectors("some", 2, ["quixotic sundials again", "kept"], encode)
    assert bytes_left(default_cache() / "timelines", WHO)
    assert {"quixotic", "sundials"} <= WordVectors.load(model / "text").words.keys()
    told = command("forget", WHO, "--store", store, "--model", model, "--also", rejects, "--json")
    assert told.code == 0, told.err
    rows = {row["what"]: (row["erased"], row["left"]) for row in told.json}
    assert rows == {
        "posts": (1, 0), "ties": (1, 0), "users": (1, 0), "timelines": (1, 0), "vectors": (1, 0), "words": (2, 0),
        "rows": (2, 1),  # the last line of more.jsonl is somebody else's
    }  # fmt: skip
    assert (rejects / "posts.rejects.csv").read_text() == "file,value\nposts,bo\n"
    left = [bytes_left(place, WHO) for place in (default_cache(), model, store)]
    assert left == [0, 0, 0]
    made = Emotide.from_pretrained(model)  # the model still reads
    assert WHO not in made.predict(SocialLog.open(store))["user_id"]
    assert cache.forget([b"kept"]) == 1


def test_nobody_and_nowhere(mine, command, tmp_path):
    store, _ = mine
    assert command("forget", "nobody", "--store", store).code == 1
    told = command("forget", WHO, "--store", store, "--also", tmp_path / "gone")
    assert (told.code, told.err.count("\n")) == (1, 1)
    assert SocialLog.open(store).table("ties").filter(pl.col("source_id") == WHO).height == 1


def test_letters_are_found_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("emotide.api.forgetting.CHUNK", 4)
    (tmp_path / "file").write_bytes(b"xxperson-7f3a91yyperson-7f3a91")
    assert bytes_left(tmp_path, WHO) == 2
    assert bytes_left(tmp_path / "file", "y") == 2
