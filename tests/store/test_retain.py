"""Retention: what is past an age goes, with its bytes; without --yes nothing does."""

from datetime import UTC, datetime

import pytest

from emotide.store import Store

LIMIT = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture
def town(tmp_path):
    folder = tmp_path / "town"
    folder.mkdir()
    tables = {
        "posts": "post_id,user_id,time,text,reply_to\np1,ana,2020-01-01,old words,\np2,bo,2021-01-01,young,p1\n"
        "p3,cy,2020-05-01,hi @nobody,\n",
        "interactions": "source_id,target_id,time,kind\nana,bo,2020-01-02,like\nbo,dee,2021-01-02,like\n",
        "ties": "source_id,target_id\nbo,eve\n",
        "labels": "user_id,time,space,category\nana,2020-01-01,ekman,joy\nbo,2021-02-01,ekman,joy\n",
        "items": "item_id,time\ni,2019-01-01\n",
        "feedback": "user_id,item_id,time,reward\nana,i,2020-12-31T23:59:59Z,1\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


GONE = {
    "posts": 2,
    "interactions": 1,
    "labels": 1,
    "feedback": 1,
    "journal": 0,
    "users": 1,
}  # of ana the answer to her is left


def test_what_is_older_goes_and_the_rest_stays(url, town):
    store = Store.open(url)
    store.ingest(town)
    digest, before = store.digest(), store.counts()
    assert store.retain(LIMIT).rows == GONE
    assert (store.digest(), store.counts()) == (digest, before)  # a rehearsal
    done = store.retain(LIMIT, really=True)
    assert (done.rows, sorted(done.texts)) == (GONE, ["hi @nobody", "old words"])
    # the answer to ana was an interaction of its own, at a time of its own
    assert store.counts() == {"posts": 1, "interactions": 2, "ties": 1, "labels": 1, "items": 1, "feedback": 0}
    assert store.table("posts").select("post_id", "reply_to").rows() == [("p2", None)]
    assert store.digest() != digest
    assert not any(store.retain(LIMIT, really=True).rows.values())


def test_no_byte_of_the_old_is_left(tmp_path, town):
    store = Store.open(tmp_path / "town.db")
    store.ingest(town)
    store.retain(LIMIT, really=True)
    held = b"".join(file.read_bytes() for file in tmp_path.glob("town.db*"))
    assert b"young" in held
    assert b"old words" not in held
    assert b"nobody" not in held


def test_the_command_counts_does_and_notes(tmp_path, town, command):
    store = tmp_path / "town.db"
    assert command("ingest", town, "--store", store).code == 0
    told = command("retain", "--older-than", "1d", "--store", store, "--json")
    assert told.code == 0
    assert told.err == "nothing was erased: say --yes to do it\n"
    assert {row["what"]: row["rows"] for row in told.json}["posts"] == 3
    assert not any(row["erased"] for row in told.json)
    assert Store.open(store).counts()["posts"] == 3
    assert command("retain", "--older-than", "1d", "--store", store, "--yes").code == 0
    assert Store.open(store).counts()["posts"] == 0
    assert Store.open(store).audit()["what"].to_list() == ["retain"]
    for age in ("365", "-1d", "1y", "", "999999w"):
        told = command("retain", f"--older-than={age}", "--store", store)
        assert (told.code, told.err.count("\n")) == (1, 1)
