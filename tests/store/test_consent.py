"""Consent: who says no is erased and kept out until they say yes; the latest word counts, by network."""

import polars as pl
import pytest

from emotide.store import Store

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
        posts=f"post_id,user_id,time,network,text | p1,ana,{DAY}1Z,x,hello | p2,bo,{DAY}2Z,x,thanks @ana"
        f" | p3,ana,{DAY}3Z,y,hello there",
        ties="source_id,target_id,network | bo,ana,x | bo,cy,x",
        labels=f"user_id,time,space,category,network | ana,{DAY}1Z,ekman,joy,x | bo,{DAY}1Z,ekman,joy,x",
    )


def said(tmp_path, name, *rows):
    return write(tmp_path / name, people="user_id,consent,since,network | " + " | ".join(rows))


def people(store):
    return sorted(set(store.table("posts").select("network", "user_id").rows()))


def test_who_says_no_is_erased_and_stays_out_until_they_say_yes(url, town, tmp_path):
    store = Store.open(url)
    store.ingest(town)
    report = store.ingest(said(tmp_path, "no", "ana,no,2021-02-01,"))
    assert [user for user, _ in report.erased] == ["ana", "ana"]  # in both networks
    assert people(store) == [("x", "bo")]
    assert store.table("posts")["text"].to_list() == ["thanks @erased"]
    assert store.table("ties").select("source_id", "target_id").rows() == [("bo", "cy")]
    assert store.table("labels")["user_id"].to_list() == ["bo"]
    again = store.ingest(town, rejects=tmp_path / "rejects")
    assert again.new == 0
    reasons = pl.concat(pl.read_csv(file) for file in (tmp_path / "rejects").iterdir())
    assert set(reasons["reason"]) >= {"a person whom it names has given no consent"}
    assert not any("ana" in file.read_text() for file in (tmp_path / "rejects").iterdir() if "ties" in file.name)
    store.ingest(said(tmp_path, "yes", "ana,yes,2021-03-01,"))
    store.ingest(town, rejects=tmp_path / "rejects")
    assert people(store) == [("x", "ana"), ("x", "bo"), ("y", "ana")]


def test_consent_that_comes_with_the_log_holds_for_it(url, town, tmp_path):
    store = Store.open(url)
    said(tmp_path, "town", "ana,no,,x")
    store.ingest(town, rejects=tmp_path / "rejects")
    assert people(store) == [("x", "bo"), ("y", "ana")]
    assert ("x", "ana") not in {tuple(row) for row in store.table("ties").select("network", "target_id").rows()}


@pytest.mark.parametrize(
    ("rows", "out"),
    [
        (["ana,no,,", "ana,yes,,"], True),  # of two words at one time no counts
        (["ana,yes,2021-01-01,", "ana,no,2021-01-02,"], True),
        (["ana,no,2021-01-01,", "ana,yes,2021-01-02,"], False),
        (["ana,no,2021-01-01,", "ana,yes,2021-01-02,y"], True),  # of another network
        (["ana,no,2021-01-03,", "ana,yes,2021-01-02,x"], True),
        (["ana,no,2021-01-01,", "ana,yes,2021-01-02,x"], False),
        (["cy,yes,,"], False),
    ],
)
def test_the_latest_word_counts(tmp_path, town, rows, out):
    store = Store.open(tmp_path / "town.db")
    said(tmp_path, "town", *rows)
    store.ingest(town, rejects=tmp_path / "rejects")
    assert (("x", "ana") not in people(store)) == out


def test_no_byte_of_who_says_no_is_left_but_their_no(tmp_path, town):
    store = Store.open(tmp_path / "town.db")
    store.ingest(town)
    files = lambda: b"".join(file.read_bytes() for file in tmp_path.glob("town.db*"))  # noqa: E731
    assert b"hello there" in files()
    store.ingest(said(tmp_path, "no", "ana,no,,"))
    assert b"hello there" not in files()
    assert files().count(b"ana") == 1
    store.ingest(said(tmp_path, "other", "bo,maybe,,"), rejects=tmp_path / "rejects")
    assert "is none of yes, no" in (tmp_path / "rejects" / "people.rejects.csv").read_text()


def test_who_only_said_yes_is_no_user_and_can_be_forgotten_with_the_rest(tmp_path, town):
    store = Store.open(tmp_path / "town.db")
    store.ingest(said(tmp_path, "yes", "zoe,yes,,x", "ana,yes,,"))
    assert store.networks() == []
    store.ingest(town)
    assert store.forget("ana").rows["people"] == 1
    assert store.table("people")["user_id"].to_list() == ["zoe"]
