"""One contract for both back-ends."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide.errors import BadInput, StoreError, UnknownName
from emotide.log import TABLES
from emotide.store import Store

DAY = "2021-01-01T00:00:0"


def write(folder, **tables):
    """A log of CSV files; each table is lines of text."""
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text.strip().replace(" | ", "\n") + "\n", "utf-8")
    return folder


@pytest.fixture
def store(url):
    return Store.open(url)


@pytest.fixture
def town(tmp_path):
    return write(
        tmp_path / "town",
        posts=f"post_id,user_id,time,text,reply_to | p1,ana,{DAY}1Z,hello @bo,"
        f' | p2,bo,{DAY}2Z,"good, you?",p1 | p3,cy,{DAY}3Z,哈哈 😀,',
        interactions=f"source_id,target_id,time,kind | ana,cy,{DAY}4Z,like",
        ties=f"source_id,target_id,time,until,kind | ana,bo,,,friend | bo,cy,{DAY}1Z,2999-01-01,follows",
        labels=f"user_id,time,space,category,pleasure,arousal | ana,{DAY}1Z,ekman,joy,, | bo,{DAY}2Z,pad,,0.5,-0.25",
        items='item_id,title,tags | i1,Rain,"weather, grey" | i2,Sun,',
        feedback=f'user_id,item_id,time,reward,propensity,slate | ana,i1,{DAY}5Z,1,0.5,"i1,i2"',
    )


def test_everything_comes_back(store, town):
    report = store.ingest(town)
    assert (report.new, report.rejected, report.warnings) == (11, 0, [])
    assert store.counts() == {"posts": 3, "interactions": 3, "ties": 2, "labels": 2, "items": 2, "feedback": 1}
    for name, table in TABLES.items():
        assert store.table(name).schema == table.schema
    posts = store.table("posts").sort("post_id")
    assert posts["text"].to_list() == ["hello @bo", "good, you?", "哈哈 😀"]
    assert posts["time"][0] == datetime(2021, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert posts["network"].to_list() == ["", "", ""]
    assert posts["reply_to"].to_list() == [None, "p1", None]
    ties = store.table("ties").sort("source_id")
    assert ties["time"].to_list() == [None, datetime(2021, 1, 1, 0, 0, 1, tzinfo=UTC)]
    assert ties["until"].to_list() == [None, datetime(2999, 1, 1, tzinfo=UTC)]
    labels = store.table("labels").sort("user_id")
    assert labels["category"].to_list() == ["joy", None]
    assert labels["post_id"].to_list() == ["", ""]
    assert [text and json.loads(text) for text in labels["dimensions"]] == [None, {"pleasure": 0.5, "arousal": -0.25}]
    assert store.table("items").sort("item_id")["tags"].to_list() == ["weather,grey", None]
    assert store.table("feedback", ["slate", "reward"]).rows() == [("i1,i2", 1.0)]


def test_ingesting_again_changes_nothing(store, town):
    store.ingest(town)
    before = store.digest(), store.counts()
    report = store.ingest(town)
    assert (report.new, report.rejected, sum(file.there for file in report.files)) == (0, 0, 11)
    assert (store.digest(), store.counts()) == before


def test_digest_moves_with_the_data(store, town, tmp_path):
    empty = store.digest()
    store.ingest(town / "posts.csv")
    some = store.digest()
    store.ingest(write(tmp_path / "more", posts=f"post_id,user_id,time | p9,ana,{DAY}1Z"))
    assert len({empty, some, store.digest()}) == 3


def test_digest_is_the_same_in_another_store(new_url, town):
    stores = [Store.open(new_url()) for _ in range(2)]
    for store in stores:
        store.ingest(town)
    assert stores[0].digest() == stores[1].digest()


def test_a_different_row_of_a_known_id_is_rejected(store, town, tmp_path):
    store.ingest(town)
    before = store.table("posts").sort("post_id")
    more = write(
        tmp_path / "more", posts=f"post_id,user_id,time,text | p1,ana,{DAY}1Z,changed @cy | p4,ana,{DAY}1Z,new"
    )
    report = store.ingest(more)
    assert (report.new, report.rejected) == (1, 1)
    (reject,) = pl.read_csv(report.files[0].reject_file).rows(named=True)
    assert (reject["file"], reject["row"]) == ("more/posts.csv", 1)
    assert "the store holds another row of the same network, post_id" in reject["reason"]
    assert store.table("posts").filter(pl.col("post_id") != "p4").sort("post_id").equals(before)
    assert "cy" not in store.table("interactions").filter(pl.col("kind") == "mention")["target_id"]


def derived(store):
    rows = store.table("interactions").sort("source_id", "target_id", "kind", "post_id")
    return rows.select("source_id", "target_id", "kind", "post_id").rows()


REPLY = f"post_id,user_id,time,reply_to,text | p2,bo,{DAY}2Z,p1,see @cy. and @bo and a@dora.org"
FIRST = f"post_id,user_id,time | p1,ana,{DAY}1Z"
CY = f"source_id,target_id,time,kind | cy,ana,{DAY}3Z,like"
EXPECTED = [("bo", "ana", "reply", "p2"), ("bo", "cy", "mention", "p2"), ("cy", "ana", "like", "")]


@pytest.mark.parametrize("order", ["first reply cy", "reply first cy", "cy reply first", "reply cy first"])
def test_replies_and_mentions_in_any_order(store, tmp_path, order):
    logs = {
        "first": write(tmp_path / "first", posts=FIRST),
        "reply": write(tmp_path / "reply", posts=REPLY),
        "cy": write(tmp_path / "cy", interactions=CY),
    }
    for _ in range(2):
        for name in order.split():
            store.ingest(logs[name])
        assert derived(store) == EXPECTED
    assert {row["time"].second for row in store.table("interactions").rows(named=True)} == {2, 3}


def test_nobody_answers_himself_nor_another_network(store, tmp_path):
    text = "post_id,user_id,time,network,reply_to,text"
    rows = [f"p1,ana,{DAY}1Z,a,,@ana", f"p2,ana,{DAY}2Z,a,p1,@bo", f"p1,bo,{DAY}1Z,b,p2,@ana", f"p2,ana,{DAY}1Z,c,p1,"]
    store.ingest(write(tmp_path / "log", posts=" | ".join([text, *rows])))
    assert derived(store) == []
    assert store.networks() == ["a", "b", "c"]


def test_a_file_is_ingested_wholly_or_not_at_all(store, tmp_path, monkeypatch):
    log = write(tmp_path / "log", items="item_id,title | i1,a | i2,b")
    digest = store.digest()

    def fail(done, total, what):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.ingest(log, progress=fail)
    assert (store.counts()["items"], store.digest()) == (0, digest)
    assert store.ingest(log).new == 2


def test_nothing_is_written_when_a_later_file_has_no_key(store, tmp_path):
    log = write(tmp_path / "log", posts=FIRST, items="title | a")
    with pytest.raises(BadInput, match=r"log/items.csv: required column 'item_id' is missing"):
        store.ingest(log)
    assert store.counts()["posts"] == 0


def test_progress_ends_at_all_rows(store, town):
    told = []
    store.ingest(town, progress=lambda done, total, what: told.append((done, total, what)))
    assert all(done <= total for done, total, _ in told)
    assert told[-1][0] == 11
    assert {what for _, _, what in told} == {f"town/{name}.csv" for name in TABLES if name != "people"}


def test_many_batches_are_one_file(store, tmp_path, monkeypatch):
    monkeypatch.setattr("emotide.log.csv_file.CSV_BLOCK", 1 << 10)
    rows = [f"u{n % 7},u{n % 5},{1_600_000_000 + n % 450},like" for n in range(500)]
    report = store.ingest(write(tmp_path / "log", interactions=" | ".join(["source_id,target_id,time,kind", *rows])))
    unique = len(set(rows))
    assert (report.new, report.files[0].there, report.rejected) == (unique, 500 - unique, 0)
    assert store.counts()["interactions"] == unique


def test_a_text_that_begins_late_is_read(store, tmp_path):
    rows = [f"p{n},ana,{n},{'late' if n > 3000 else ''}" for n in range(3100)]
    store.ingest(write(tmp_path / "log", posts=" | ".join(["post_id,user_id,time,text", *rows])))
    assert store.table("posts")["text"].drop_nulls().to_list() == ["late"] * 99


def test_media_that_moved_is_found_again(store, tmp_path):
    for place in ("old", "new"):
        log = write(tmp_path / place, posts=f"post_id,user_id,time,image | p1,ana,{DAY}1Z,cat.png")
        (log / "cat.png").write_bytes(b"cat")
        report = store.ingest(log)
        assert report.rejected == 0
    assert store.table("posts")["image"].to_list() == [str(tmp_path / "new" / "cat.png")]


def test_a_picture_that_is_not_there_costs_the_picture_alone_and_is_found_when_it_comes(store, tmp_path):
    posts = f"post_id,user_id,time,image | p1,ana,{DAY}1Z,cat.png | p2,bo,{DAY}2Z, | p3,cleo,never,dog.png"
    log = write(tmp_path / "log", posts=posts)
    report = store.ingest(log)
    (file,) = report.files
    assert (file.new, file.rejected) == (2, 1)
    assert file.warnings == [
        "log/posts.csv: 1 rows are kept without their image, whose file is not there: see posts.rejects.csv"
    ]
    told = pl.read_csv(file.reject_file).sort("row", "column").select("row", "column", "reason").rows()
    assert told[0] == (1, "image", "no such file in log; the row is kept without it")
    assert told[1] == (3, "image", "no such file in log")
    assert told[2][:2] == (3, "time")
    assert store.table("posts")["image"].to_list() == [None, None]
    (log / "cat.png").write_bytes(b"cat")
    assert store.ingest(log).warnings == []
    assert store.table("posts").sort("post_id")["image"].to_list() == [str(log / "cat.png"), None]


def test_unknown_tables_and_columns(store):
    with pytest.raises(UnknownName, match="did you mean 'posts'"):
        store.table("post")
    with pytest.raises(UnknownName, match="column of posts 'texts'"):
        store.table("posts", ["texts"])


def test_a_store_of_a_newer_version_is_refused(store, url):
    with store.connect() as connection:
        connection.execute("UPDATE emotide_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreError, match="newer Emotide"):
        Store.open(url)


def test_nothing_is_made_without_leave(url):
    with pytest.raises(StoreError, match="ingest"):
        Store.open(url, create=False)
    Store.open(url)
    assert sum(Store.open(url, create=False).counts().values()) == 0


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=5).filter(str.strip)
posts = st.tuples(names, names, st.integers(0, 10**9), st.text(st.characters(codec="utf-8", exclude_characters="\0")))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(posts, max_size=8))
def test_twice_is_once(new_url, tmp_path, rows):
    log = tmp_path / "log"
    log.mkdir(exist_ok=True)
    lines = [json.dumps(dict(zip(("post_id", "user_id", "time", "text"), row, strict=True))) for row in rows]
    (log / "posts.jsonl").write_text("\n".join(lines), "utf-8")
    store = Store.open(new_url())
    first = store.ingest(log)
    before = store.digest(), store.counts(), store.table("posts").sort("post_id")
    again = store.ingest(log)
    assert first.new == len({row[0].strip() for row in rows})
    assert first.new + first.rejected + sum(file.there for file in first.files) == len(rows)
    assert (again.new, again.rejected) == (0, first.rejected)
    assert (store.digest(), store.counts()) == before[:2]
    assert store.table("posts").sort("post_id").equals(before[2])


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_pieces_of_a_table_hold_each_row_once(store, tmp_path, rows):
    names = ["ana", "Bo", "b'o", "é", "-1", "哈哈", "z;"]
    met = [(names[k % 7], names[(k + k // 7) % 7], f"2021-01-{k % 28 + 1:02}", "xy"[k % 2]) for k in range(50)]
    lines = " | ".join(f"{a},{b},{time},like,{network}" for a, b, time, network in met)
    store.ingest(write(tmp_path / "met", interactions=f"source_id,target_id,time,kind,network | {lines}"))
    columns = ["network", "source_id", "target_id", "time"]
    whole, pieces = store.table("interactions", columns), store.pieces("interactions", rows)
    found = [store.piece("interactions", columns, piece) for piece in pieces]
    assert pl.concat(found).sort(columns).equals(whole.sort(columns))
    assert len(pieces) == {1: 14, 7: 7, 1000: 1}[rows]  # what a user of a network began is never cut
    assert all(len(piece) < rows + 8 for piece in found)


def test_a_table_without_rows_is_one_piece(store):
    assert [len(store.piece("interactions", ["time"], piece)) for piece in store.pieces("interactions", 9)] == [0]
