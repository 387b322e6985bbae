"""`emotide follow` on a real engine: each event once, names hashed, a no honoured; the store sees the same rows."""

import json
from datetime import timedelta

import polars as pl
import pytest

from emotide import SocialLog
from emotide.demo.town import TownConfig, simulate
from emotide.live import LiveEngine
from emotide.log import Pseudonyms

RECIPE = """
text_width = 8
[network]
state = 16
influence = 8
observed = 16
width = 32
pair_width = 16
[train]
epochs = 1
updates = 2
seed = 3
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory, command):
    """A folder with a store and a model of a small town."""
    folder = tmp_path_factory.mktemp("follow")
    simulate(folder, TownConfig(people=8, days=14))
    (folder / "recipe.toml").write_text(RECIPE)
    store, model = folder / "town.db", folder / "model"
    for words in (("ingest", folder / "log"), ("train", "--model", model, "--config", folder / "recipe.toml")):
        told = command(*words, "--store", store)
        assert told.code == 0, told.err
    return folder


def test_a_file_is_followed_once_and_resumed(place, command, tmp_path):
    store, file, key = place / "town.db", tmp_path / "events.jsonl", tmp_path / "key"
    log = SocialLog.open(store)
    latest = log.table("posts")["time"].max()
    before = log.store.counts()["posts"]

    def write(*numbers):
        with file.open("a") as out:
            for k in numbers:
                at = (latest + timedelta(hours=k)).isoformat()
                row = {"event_id": f"n{k}", "type": "post", "post_id": f"n{k}", "user_id": "newcomer", "time": at}
                out.write(json.dumps({**row, "text": f"number {k} @ana"}) + "\n")

    words = ("follow", file, "--store", store, "--model", place / "model", "--once", "--pseudonymise", key, "--json")
    write(1, 2)
    with file.open("a") as out:
        out.write("{\n")
    told = command(*words)
    assert told.code == 0, told.err
    assert {row["events"]: row["n"] for row in told.json} == {"new": 2, "known": 0, "refused": 0, "unread": 1}
    assert "is no JSON" in told.err
    write(3)
    assert {row["events"]: row["n"] for row in command(*words).json}["new"] == 1
    file.with_name("events.jsonl.place").unlink()  # all comes again
    assert {row["events"]: row["n"] for row in command(*words).json}["known"] == 3
    posts = log.table("posts").sort("time").tail(3)
    assert log.store.counts()["posts"] == before + 3
    name = Pseudonyms.open(key).of
    assert set(posts["user_id"]) == {name("newcomer")}
    assert posts["text"][0] == f"number 1 @{name('ana')}"
    assert not any(b"newcomer" in part.read_bytes() for part in place.glob("town.db*"))


def test_a_no_holds_for_events_too(place, tmp_path):
    store = place / "town.db"
    (tmp_path / "people.csv").write_text("user_id,consent\nshy-7f3a91,no\n")
    log = SocialLog.open(store)
    log.ingest(tmp_path / "people.csv")
    at = log.table("posts")["time"].max().isoformat()
    engine = LiveEngine.open(str(store), place / "model", folder=tmp_path / "live")
    try:
        row = {"event_id": "s1", "type": "post", "post_id": "s1", "user_id": "shy-7f3a91", "time": at, "text": "so"}
        other = {**row, "event_id": "s2", "post_id": "s2", "user_id": "bold", "text": "hi @shy-7f3a91"}
        first, second = engine.accept([row, other])
    finally:
        engine.close()
    assert (first.status, first.reason) == ("refused", "a person whom it names has given no consent")
    assert second.status == "new"
    posts = log.table("posts")
    assert "s1" not in posts["post_id"]
    assert posts.filter(pl.col("post_id") == "s2")["text"].to_list() == ["hi @erased"]
