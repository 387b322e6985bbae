"""Rows that point at nothing are kept, and told."""

import pytest

from emotide.store import Store

DAY = "2021-01-01T00:00:0"


@pytest.fixture
def log(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    tables = {
        "posts": f"post_id,user_id,time\np1,ana,{DAY}1Z\n",
        "labels": f"user_id,time,space,category,post_id\nana,{DAY}1Z,ekman,joy,p1\nana,{DAY}2Z,ekman,joy,p7\n"
        f"ana,{DAY}3Z,ekman,joy,\n",
        "ties": "source_id,target_id\nana,ana\nana,bo\n",
        "feedback": f"user_id,item_id,time,reward\nana,i1,{DAY}4Z,1\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def test_what_points_at_nothing_is_counted_and_kept(url, log):
    store = Store.open(url)
    report = store.ingest(log)
    assert [line.split(":")[0] for line in report.loose] == [
        "1 labels are of a post that the store does not hold",
        "1 feedbacks are on an item that the store does not hold",
        "1 ties are of a person to themselves",
    ]
    assert report.rejected == 0
    assert store.counts()["labels"] == 3


def test_it_is_told_no_more_once_the_other_end_came(url, log):
    store = Store.open(url)
    store.ingest(log)
    (log / "items.csv").write_text("item_id,title\ni1,Rain\n", "utf-8")
    (log / "posts.csv").write_text(f"post_id,user_id,time\np7,ana,{DAY}2Z\n", "utf-8")
    assert [line.split()[1] for line in store.ingest(log).warnings] == ["ties"]
