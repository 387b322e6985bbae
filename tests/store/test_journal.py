"""The journal on both back-ends: what came in which order, once, with what follows from it."""

import polars as pl
import pytest

from emotide.log import ROW, TABLES
from emotide.log.objects import read_objects
from emotide.store import Store
from emotide.store.journal import arrive, before_journal, read_journal

DAY = "2024-01-0"


def rows(table, *objects, first=0):
    """Checked rows of a table, numbered, each with an event id."""
    taken, rejects = read_objects(objects, TABLES[table])
    assert rejects.is_empty()
    number = pl.int_range(first, first + len(taken), dtype=pl.Int64, eager=True).alias(ROW)
    return {table: taken.with_columns(number, event_id=pl.format("{}-{}", pl.lit(table), number))}


def sent(store, batch, after=0):
    """Write a delivery."""
    with store.connect() as connection:
        done = arrive(connection, batch, after)
        connection.commit()
    return done


def post(name, user, day, text="", **more):
    return {"post_id": name, "user_id": user, "time": f"{DAY}{day}", "text": text, **more}


def keys(lines):
    return lines.select("table_name", "source_id", "target_id", "kind", "post_id").rows()


@pytest.fixture
def store(url):
    return Store.open(url)


def test_stores_of_as_many_but_other_events_have_other_digests(tmp_path):
    def digest(name, *words):
        store = Store.open(tmp_path / name)
        for k, text in enumerate(words):
            sent(store, rows("posts", post(f"{k}", "ana", 1, text), first=k))
        return store.digest()

    assert digest("one", "hm", "ah") == digest("again", "hm", "ah")
    assert len({digest("two", "hm", "ah"), digest("three", "hm", "oh"), digest("four", "hm")}) == 3


def test_lines_follow_rows_in_order_with_what_comes_of_them(store):
    done = sent(store, rows("posts", post("b", "bo", 2, "@ana and @cy", reply_to="a"), post("a", "ana", 1, "hm")))
    assert keys(done.lines) == [
        ("posts", "ana", "", "", "a"),
        ("posts", "bo", "", "", "b"),
        ("interactions", "bo", "ana", "mention", "b"),
        ("interactions", "bo", "ana", "reply", "b"),
    ]
    assert done.lines["seq"].to_list() == [1, 2, 3, 4]
    assert done.lines["said"].to_list() == ["hm", "@ana and @cy", None, None]
    later = sent(store, rows("labels", {"user_id": "cy", "time": f"{DAY}3", "space": "pad", "pleasure": 0.5}))
    # cy is there now, so the mention of cy is an interaction, of the post's own time
    assert ("interactions", "bo", "cy", "mention", "b") in keys(later.lines)
    (label,) = later.lines.filter(pl.col("table_name") == "labels").to_dicts()
    assert label["dimensions"] == '{"pleasure": 0.5}'
    with store.connect() as connection:
        told = read_journal(connection, 0, 100)
        assert told.equals(pl.concat([done.lines, later.lines]))
        assert read_journal(connection, 4, 1).equals(later.lines[:1])


def test_events_and_rows_that_are_there_are_known_and_others_of_a_key_refused(store):
    first = sent(store, rows("posts", post("a", "ana", 1, "hm")))
    assert (first.known, first.refused) == ([], {})
    again = sent(store, rows("posts", post("a", "ana", 1, "hm")))
    assert (again.known, len(again.lines)) == ([0], 0)
    same_row = sent(store, rows("posts", post("a", "ana", 1, "hm"), first=7))
    assert (same_row.known, len(same_row.lines)) == ([7], 0)
    other = sent(store, rows("posts", post("a", "ana", 1, "something else"), first=8))
    assert "another row of the same network, post_id" in other.refused[8]
    assert store.table("posts")["text"].to_list() == ["hm"]


def test_what_was_ingested_comes_before_the_journal(store, tmp_path):
    (tmp_path / "posts.csv").write_text(f"post_id,user_id,time,text\nz,zoe,{DAY}1,@ana hi\n")
    (tmp_path / "ties.csv").write_text(f"source_id,target_id,time,until\nzoe,ana,,{DAY}5\n")
    store.ingest(tmp_path / "posts.csv")
    store.ingest(tmp_path / "ties.csv")
    done = sent(store, rows("posts", post("a", "ana", 2, "hm", reply_to="z")))
    with store.connect() as connection:
        before = before_journal(connection)
    assert ("posts", "zoe", "", "", "z") in keys(before)
    assert ("interactions", "zoe", "ana", "mention", "z") in keys(before)
    assert not set(keys(before)) & set(keys(done.lines))
    assert before.filter(pl.col("table_name") == "ties")["until"].null_count() == 0
    assert (before["seq"] == 0).all()


def test_numbers_go_on_behind_those_that_were_erased(store):
    sent(store, rows("posts", post("a", "ana", 1), post("b", "bo", 2)))
    store.forget("bo")
    done = sent(store, rows("posts", post("c", "cy", 3), first=5), after=2)
    assert done.lines["seq"].to_list() == [3]
    assert sent(store, rows("posts", post("d", "bo", 4), first=6), after=3).refused.keys() == {6}
