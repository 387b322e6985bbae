"""A person leaves: no row, no mention, no page holds them, and they do not come in again; others stay as they were."""

from pathlib import Path

import polars as pl
import pytest

from emotide.errors import UnknownName
from emotide.store import Store

WHO = "person-7f3a91"
DAY = "2021-01-01T00:00:0"


def write(folder, **tables):
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text.strip().replace(" | ", "\n") + "\n", "utf-8")
    return folder


@pytest.fixture
def town(tmp_path):
    return write(
        tmp_path / "town",
        posts=f"post_id,user_id,time,text,reply_to | p1,{WHO},{DAY}1Z,hello @bo,"
        f" | p2,bo,{DAY}2Z,thanks @{WHO}. and @{WHO}-2,p1 | p3,cy,{DAY}3Z,so says @{WHO},p2 | p4,cy,{DAY}4Z,bye,",
        interactions=f"source_id,target_id,time,kind,post_id | {WHO},cy,{DAY}4Z,like,p3 | bo,cy,{DAY}5Z,repost,p1"
        f" | bo,cy,{DAY}6Z,like,p4",
        ties=f"source_id,target_id | {WHO},bo | bo,cy | cy,{WHO}",
        labels=f"user_id,time,space,category,post_id | {WHO},{DAY}1Z,ekman,joy,p1 | bo,{DAY}2Z,ekman,joy,p2",
        items="item_id,title | i1,Rain",
        feedback=f"user_id,item_id,time,reward | {WHO},i1,{DAY}5Z,1 | bo,i1,{DAY}5Z,0",
    )


def test_everything_of_a_person_goes_and_the_rest_stays(url, town):
    store = Store.open(url)
    store.ingest(town)
    digest = store.digest()
    done = store.forget(WHO)
    assert store.counts() == {"posts": 3, "interactions": 2, "ties": 1, "labels": 1, "items": 1, "feedback": 1}
    assert done.rows | {"users": 1} == done.rows
    assert (done.rows["posts"], done.rows["mentions taken out"], done.rows["replies taken out"]) == (1, 2, 1)
    assert done.texts == ["hello @bo"]
    posts = store.table("posts").sort("post_id")
    assert posts["text"].to_list() == [f"thanks @erased. and @{WHO}-2", "so says @erased", "bye"]
    assert posts["reply_to"].to_list() == [None, "p2", None]
    kept = store.table("interactions").sort("source_id", "time")
    assert kept.select("source_id", "target_id", "kind", "post_id").rows() == [
        ("bo", "cy", "like", "p4"),
        ("cy", "bo", "reply", "p3"),
    ]
    for name in ("posts", "interactions", "ties", "labels", "feedback"):
        frame = store.table(name)
        people = [column for column in ("user_id", "source_id", "target_id") if column in frame.columns]
        assert not frame.select(pl.any_horizontal(pl.col(people) == WHO).any()).item()
    assert store.digest() not in (digest, "")


def test_no_byte_of_the_file_holds_the_person(tmp_path, town):
    store = Store.open(tmp_path / "town.db")
    text = (town / "posts.csv").read_text().replace(f" and @{WHO}-2", "")
    (town / "posts.csv").write_text(text)
    store.ingest(town)
    files = lambda: b"".join(file.read_bytes() for file in tmp_path.glob("town.db*"))  # noqa: E731
    assert WHO.encode() in files()
    assert b"hello @bo" in files()
    store.forget(WHO)
    assert WHO.encode() not in files()
    assert b"hello @bo" not in files()
    assert b"bye" in files()


def test_who_was_erased_stays_out(url, town, tmp_path):
    store = Store.open(url)
    store.ingest(town)
    store.forget(WHO)
    before = store.counts()
    report = store.ingest(town, rejects=tmp_path / "rejects")
    again = {file.table: (file.new, file.rejected) for file in report.files}
    assert again == {
        "posts": (0, 2),  # their own, and the answer whose `reply_to` was taken out
        "interactions": (1, 1),  # what hung on the post that is gone is an interaction of two others
        "ties": (0, 2), "labels": (0, 1), "items": (0, 0), "feedback": (0, 1),
    }  # fmt: skip
    assert store.counts() | {"interactions": 0} == before | {"interactions": 0}
    told = pl.read_csv(tmp_path / "rejects" / "ties.rejects.csv")
    assert told["reason"].unique().to_list() == ["a person whom it names was erased from this store"]
    assert not any(WHO in Path(file).read_text() for file in (tmp_path / "rejects").iterdir())


def test_erasing_twice_changes_nothing_and_a_stranger_is_refused(url, town):
    store = Store.open(url)
    store.ingest(town)
    store.forget(WHO)
    counts = store.counts()
    assert not any(store.forget(WHO).rows.values())
    assert store.counts() == counts
    with pytest.raises(UnknownName, match="user 'nobody' is not known"):
        store.forget("nobody")
