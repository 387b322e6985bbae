"""The audit trail: in order, chained, and whatever is changed in it shows."""

import sqlite3

import polars as pl
import pytest

from emotide.store import Store
from emotide.store.audit import broken_at


@pytest.fixture
def store(url):
    made = Store.open(url)
    for k in range(4):
        made.note("export", {"rows": k, "name": "Zoë"}, who="ben" if k else None)
    return made


def test_rows_stand_in_order_and_the_chain_holds(store):
    trail = store.audit()
    assert trail["number"].to_list() == [1, 2, 3, 4]
    assert trail["who"].to_list()[1:] == ["ben"] * 3
    assert trail["time"].is_sorted()
    assert trail["about"][2] == '{"name": "Zoë", "rows": 2}'
    assert broken_at(trail) is None
    assert store.note("swap") == store.audit()["chain"][-1]


@pytest.mark.parametrize("column", ["time", "who", "what", "about", "chain"])
def test_whatever_is_changed_shows(store, column):
    trail = store.audit()
    other = pl.lit("other") if column != "time" else pl.col("time") + pl.duration(microseconds=1)
    changed = trail.with_columns(pl.when(pl.col("number") == 2).then(other).otherwise(pl.col(column)).alias(column))
    assert broken_at(changed) == 2


def test_a_row_that_is_missing_or_moved_shows(store):
    trail = store.audit()
    assert broken_at(trail.filter(pl.col("number") != 1)) == 1
    assert broken_at(trail.filter(pl.col("number") != 3)) == 3
    assert broken_at(trail.with_columns(number=pl.Series([1, 3, 2, 4])).sort("number")) == 2
    assert broken_at(trail[:3]) is None  # the end alone can be cut: that is what a head kept elsewhere is for


def test_forgetting_and_consent_are_noted_without_the_id(url, tmp_path):
    store = Store.open(url)
    (tmp_path / "posts.csv").write_text("post_id,user_id,time\n1,person-7f3a91,2020-01-01\n2,bo,2020-01-01\n")
    (tmp_path / "people.csv").write_text("user_id,consent\nbo,no\n")
    store.ingest(tmp_path / "posts.csv")
    store.forget("person-7f3a91")
    store.ingest(tmp_path / "people.csv")
    trail = store.audit()
    assert trail["what"].to_list() == ["forget", "consent"]
    assert not any("person-7f3a91" in text or '"bo"' in text for text in trail["about"])
    assert '"people": 1' in trail["about"][1]


def test_the_command_verifies(tmp_path, command):
    place = tmp_path / "town.db"
    store = Store.open(place)
    head = store.note("export")
    store.note("swap")
    assert [row["what"] for row in command("audit", "--store", place, "--json").json] == ["export", "swap"]
    told = command("audit", "--store", place, "--verify", "--head", head, "--json")
    assert told.json == [{"rows": 2, "head": store.audit()["chain"][-1]}]
    assert command("audit", "--store", place, "--head", "0" * 64).code == 1
    with sqlite3.connect(place) as other:
        other.execute("UPDATE audit SET what = 'nothing' WHERE number = 1")
    other.close()
    told = command("audit", "--store", place, "--verify")
    assert told.code == 1
    assert "row 1: was changed" in told.err
