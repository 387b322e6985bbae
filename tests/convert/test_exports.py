"""What people export from live networks: the rows of each sample, damage, and packed forms."""

import copy
import gzip
import json
import zipfile
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide.convert import convert
from emotide.convert.html_text import text_of
from emotide.convert.mastodon import account
from emotide.errors import BadInput, UnknownName
from emotide.log import archive
from emotide.store import Store

A, B = "did:plc:aaa", "did:plc:bbb"


def rows(log, table, *columns):
    return pl.read_parquet(log / f"{table}.parquet").select(*columns).rows()


def test_mastodon_archive(converted):
    log = converted("mastodon")
    ana = "https://m.example/users/ana/statuses"
    assert rows(log, "posts", "post_id", "user_id", "text", "title", "tags", "reply_to") == [
        (f"{ana}/1", "ana@m.example", "rain & sun\nagain", None, "rain", None),
        (f"{ana}/2", "ana@m.example", "more", None, None, f"{ana}/1"),
        (f"{ana}/3", "ana@m.example", "@bo hi", "cw", None, None),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind", "post_id") == [
        ("ana@m.example", "bo@o.example", "reply", f"{ana}/3"),
        ("ana@m.example", "bo@o.example", "mention", f"{ana}/3"),
        ("ana@m.example", "cy@o.example", "repost", "https://o.example/users/cy/statuses/9"),
    ]
    assert rows(log, "ties", "source_id", "target_id", "time") == [("ana@m.example", "bo@o.example", None)]


def test_mastodon_statuses(tmp_path):
    def status(key, name, minute, content="", **more):
        at = f"2024-03-01T08:{minute:02}:00.000Z"
        who = {"id": f"9{name}", "acct": name}
        return {"id": key, "created_at": at, "account": who, "content": content, "reblog": None, "mentions": [], **more}

    original = status("1", "bo", 0, "<p>rain</p>", tags=[{"name": "wet"}])
    answer = status("2", "ana", 1, "<p>so</p>", in_reply_to_id="1", in_reply_to_account_id="9bo")
    boost = status("3", "cy", 2, reblog=original)
    for name, text in (
        ("a.json", json.dumps([boost, answer])),
        ("a.jsonl", f"{json.dumps(boost)}\n{json.dumps(answer)}"),
    ):
        (tmp_path / name).write_text(text)
        convert("mastodon", tmp_path / name, tmp_path / "log")
        assert rows(tmp_path / "log", "posts", "post_id", "user_id", "text", "tags", "reply_to") == [
            ("1", "bo", "rain", "wet", None),
            ("2", "ana", "so", None, "1"),
        ]
        assert rows(tmp_path / "log", "interactions", "source_id", "target_id", "kind", "post_id") == [
            ("ana", "bo", "reply", "2"),
            ("cy", "bo", "repost", "1"),
        ]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://m.example/users/ana/statuses/3", "ana@m.example"),
        ("https://m.example/@ana/3", "ana@m.example"),
        ("https://m.example/ap/users/116", "116@m.example"),
        ("https://m.example/users", None), ("http://[bad", None), ("", None), (None, None), ("ana", None),
    ],
)  # fmt: skip
def test_an_account_is_read_from_an_address(url, name):
    assert account(url) == name


def test_bluesky_honours_deletions_and_ends_follows(converted):
    log = converted("bluesky")
    start = datetime.fromtimestamp(1725911162, UTC)
    p1, p2 = f"at://{A}/app.bsky.feed.post/p1", f"at://{B}/app.bsky.feed.post/p2"
    assert rows(log, "posts", "post_id", "user_id", "time", "text", "tags", "reply_to") == [
        (p1, A, start, "rain", "wet", None),
        (p2, B, start + timedelta(seconds=1), "yes @a", "so", p1),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind", "post_id") == [
        (B, A, "reply", p2), (B, A, "mention", p2), (B, A, "like", p1), (B, A, "repost", p1),
    ]  # fmt: skip
    assert sorted(rows(log, "ties", "source_id", "target_id", "until")) == [
        (A, B, start + timedelta(seconds=6)),
        (B, A, None),
    ]
    assert not any(b"did:plc:ccc" in file.read_bytes() for file in log.rglob("*") if file.is_file())


def test_x_archive(converted):
    log = converted("x_archive")
    assert rows(log, "posts", "post_id", "user_id", "text", "tags", "reply_to") == [
        ("100", "11", "rain & sun", "rain", None),
        ("101", "11", "@bo hi", None, None),
        ("103", "11", "see @bo", None, "100"),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind", "post_id") == [
        ("11", "22", "reply", "101"), ("11", "22", "repost", None), ("11", "22", "mention", "103"),
    ]  # fmt: skip
    assert sorted(rows(log, "ties", "source_id", "target_id")) == [("11", "22"), ("33", "11")]
    assert rows(log, "items", "item_id", "text") == [("967165828490842112", "so <3")]
    ((user, time, reward),) = rows(log, "feedback", "user_id", "time", "reward")
    # a status of the API's documentation: created Fri Feb 23 22:34:37 2018
    assert (user, reward, time.replace(microsecond=0)) == ("11", 1.0, datetime(2018, 2, 23, 22, 34, 37, tzinfo=UTC))


def test_reddit_and_its_subreddits_apart(sample, tmp_path):
    source = sample("reddit")
    convert("reddit", source, tmp_path / "log")
    assert rows(tmp_path / "log", "posts", "post_id", "user_id", "title", "text", "reply_to", "network") == [
        ("t3_aa", "ana", "Rain & sun", None, None, "reddit"),
        ("t1_c1", "bo", None, "as u/ana says", "t3_aa", "reddit"),
        ("t1_c2", "ana", None, "> no", None, "reddit"),
    ]
    assert rows(tmp_path / "log", "interactions", "source_id", "target_id", "kind") == [
        ("bo", "ana", "mention"),
        ("bo", "ana", "reply"),
    ]
    convert("reddit", source, tmp_path / "apart", network="subreddit")
    assert set(rows(tmp_path / "apart", "posts", "network")) == {("rain",)}
    assert set(rows(tmp_path / "apart", "interactions", "network")) == {("rain",)}
    with pytest.raises(UnknownName, match="network 'sub'"):
        convert("reddit", source, tmp_path / "apart", network="sub")


def test_what_was_deleted_on_reddit_stays_out(sample, tmp_path):
    more = [
        {"id": "d1", "author": "[deleted]", "body": "x", "created_utc": 1700000000},
        {"id": "d2", "author": "bo", "body": "[removed]", "created_utc": 1700000000},
        {"id": "d3", "author": "bo", "created_utc": 1700000000},
    ]
    source = sample("reddit", {"RC_x.jsonl": "".join(json.dumps(row) + "\n" for row in more)})
    assert convert("reddit", source, tmp_path / "log") == {"posts": 3, "interactions": 2, "rejects": 3}
    told = pl.read_csv(tmp_path / "log" / "rejects.csv").sort("row")
    assert told.select("file", "row", "column", "reason").rows() == [
        ("RC_x.jsonl", 1, "author", "was deleted"),
        ("RC_x.jsonl", 2, "body", "was deleted"),
        ("RC_x.jsonl", 3, "title", "is neither a submission (title) nor a comment (body)"),
    ]


def test_weibo(converted):
    log = converted("weibo")
    noon = datetime(2020, 1, 31, 4, tzinfo=UTC)  # in China
    assert rows(log, "posts", "post_id", "user_id", "time", "text") == [
        ("4469", "44", noon - timedelta(hours=2), "早"),
        ("4470", "11", noon, "今天下雨, @波"),
        ("4471", "22", noon + timedelta(minutes=5), "转发微博"),
        ("4472", "33", noon + timedelta(hours=1), "@波 好\n的"),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind") == [
        ("11", "22", "mention"), ("22", "11", "repost"), ("33", "44", "repost"),
    ]  # fmt: skip
    assert rows(log, "ties", "source_id", "target_id") == [("11", "22")]


def test_a_crawl_without_its_columns_is_refused(sample, tmp_path):
    with pytest.raises(BadInput, match=r"search.csv, column user_id: is missing"):
        convert("weibo", sample("weibo", {"search.csv": "id,text,created_at\n1,a,2020-01-01\n"}), tmp_path / "log")


def test_convokit_as_dialogues_and_as_a_network(sample, tmp_path):
    source = sample("convokit")
    assert convert("convokit", source, tmp_path / "log") == {"posts": 3}
    assert rows(tmp_path / "log", "posts", "post_id", "network", "user_id", "text") == [
        ("u1/0", "u1", "ana", "rain?"), ("u1/1", "u1", "bo", "no"), ("v1/0", "v1", "cy", "hm"),
    ]  # fmt: skip
    convert("convokit", source, tmp_path / "one", form="network")
    assert rows(tmp_path / "one", "interactions", "source_id", "target_id", "kind") == [("bo", "ana", "reply")]
    assert rows(tmp_path / "one", "posts", "post_id", "user_id", "reply_to", "network") == [
        ("u1", "ana", None, "convokit"), ("u2", "bo", "u1", "convokit"), ("v1", "cy", None, "convokit"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\nb"), ("a<br/>b &lt;3", "a\nb <3"), ("no tags &amp; so", "no tags & so"),
        ("<script>bad()</script>ok<style>x{}</style>", "ok"), ("<p>un<b>closed", "unclosed"), ("1 < 2", "1 < 2"),
        ('<a href="x"><span class="invisible">https://</span>e.org</a>', "https://e.org"),
        ('<img alt=":blob:" src="x">!', ":blob:!"), ("</script>seen", "seen"),
    ],
)  # fmt: skip
def test_html_becomes_what_is_seen(html, text):
    assert text_of(html) == text


# damage


def test_bad_lines_are_rejects_and_the_rest_is_kept(sample, tmp_path, monkeypatch):
    monkeypatch.setattr("emotide.convert.export_files.LONGEST_LINE", 2000)
    source = sample("bluesky")
    bad = [b"{", b"[1, 2]", b"\xff\xfe", b'{"did": "\\ud800", "time_us": 1}', b"[" * 1900, b"x" * 9000, b'{"did": "d"}']
    with (source / "jetstream.jsonl").open("ab") as file:
        file.write(b"\n".join(bad))
    counts = convert("bluesky", source, tmp_path / "log")
    assert counts == {"posts": 2, "interactions": 4, "ties": 2, "rejects": len(bad)}
    told = pl.read_csv(tmp_path / "log" / "rejects.csv")
    for reason, wanted in zip(
        told["reason"], ("JSON", "no event", "UTF-8", "surrogate", "JSON", "longer", "required"), strict=True
    ):
        assert wanted in reason
    assert told["value"].to_list() == ["{", "[1, 2]", r"\xff\xfe", r"\ud800", "[" * 200, "x" * 200, None]


def test_a_line_of_a_crawl_that_does_not_fit_is_quoted(sample, tmp_path):
    crawl = "id,user_id,text,created_at\n1,2,早,2020-01-01\n3,4,5\n"
    convert("weibo", sample("weibo", {"search.csv": crawl}), tmp_path / "log")
    (told,) = pl.read_csv(tmp_path / "log" / "rejects.csv").to_dicts()
    assert (told["row"], told["reason"]) == (2, "has 3 cells")
    assert told["value"] == '{"id": "3", "user_id": "4", "text": "5"}'


def _places(value, path=()):
    """Every place in a document, by its path."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(part, (*path, key))


def _damaged(document, path, value):
    if not path:
        return value
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FILES = {
    "mastodon": "outbox.json", "bluesky": "jetstream.jsonl", "x_archive": "tweets.js", "reddit": "RS_2023-11.jsonl",
    "weibo": "user.json", "convokit": "utterances.jsonl",
}  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_field_nothing_crashes_and_the_store_takes_the_rest(export, sample, tmp_path, data):
    source = tmp_path / export
    if not source.exists():
        sample(export)
        (tmp_path / "whole").write_bytes((source / FILES[export]).read_bytes())
    whole = (tmp_path / "whole").read_text("utf-8")
    head, _, body = whole.partition(" = ") if FILES[export].endswith(".js") else ("", "", whole)
    lines = body.splitlines() if FILES[export].endswith(".jsonl") else [body]
    row = data.draw(st.integers(0, len(lines) - 1))
    document = json.loads(lines[row])
    path = data.draw(st.sampled_from(list(_places(document))))
    lines[row] = json.dumps(_damaged(document, path, data.draw(ANYTHING)))
    (source / FILES[export]).write_text((f"{head} = " if head else "") + "\n".join(lines), "utf-8")
    try:
        convert(export, source, tmp_path / "log")
    except BadInput:
        return
    (tmp_path / "log.db").unlink(missing_ok=True)
    if any((tmp_path / "log").glob("*.parquet")):
        report = Store.open(tmp_path / "log.db").ingest(tmp_path / "log")
        future = [file.reject_file.read_text() for file in report.files if file.reject_file]
        assert all("lies in the future" in text for text in future)


# packed


def test_a_zip_of_an_export_is_read_and_a_bomb_is_not(export, sample, tmp_path, monkeypatch):
    source = sample(export)
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for file in source.iterdir():
            packed.write(file, f"data/{file.name}")
    assert convert(export, tmp_path / "export.zip", tmp_path / "a") == convert(export, source, tmp_path / "b")
    monkeypatch.setattr(archive, "SMALL", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(FILES[export], " " * 10_000_000)
    with pytest.raises(BadInput, match="refused"):
        convert(export, tmp_path / "bomb.zip", tmp_path / "c")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as packed:
        packed.writestr(f"../{FILES[export]}", "{}")
    with pytest.raises(BadInput, match="leaves the folder"):
        convert(export, tmp_path / "out.zip", tmp_path / "c")


def test_a_bomb_of_gzip_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SMALL", 1000)
    (tmp_path / "RS_x.jsonl.gz").write_bytes(gzip.compress(b" " * 10_000_000))
    with pytest.raises(BadInput, match="refused"):
        convert("reddit", tmp_path, tmp_path / "log")


def test_a_document_beyond_the_limit_is_refused(sample, tmp_path, monkeypatch):
    monkeypatch.setattr("emotide.convert.export_files.LONGEST_DOCUMENT", 100)
    with pytest.raises(BadInput, match="is larger than 0 MB: refused"):
        convert("mastodon", sample("mastodon"), tmp_path / "log")


def test_a_link_out_of_the_folder_is_not_followed(sample, tmp_path):
    source = sample("reddit")
    (tmp_path / "secret.jsonl").write_text('{"id": "s", "author": "x", "title": "secret", "created_utc": 1}\n')
    (source / "RS_link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    convert("reddit", source, tmp_path / "log")
    assert "t3_s" not in pl.read_parquet(tmp_path / "log" / "posts.parquet")["post_id"]


def test_zst_dumps_are_read_within_limits(sample, tmp_path, monkeypatch):
    zstandard = pytest.importorskip("zstandard", reason="the extra 'zst' is not installed")
    source = sample("reddit")
    whole = convert("reddit", source, tmp_path / "a")
    plain = source / "RS_2023-11.jsonl"
    text = plain.read_bytes()
    frames = zstandard.ZstdCompressor().compress(text[:50]) + zstandard.ZstdCompressor().compress(text[50:])
    (source / "RS_2023-11.zst").write_bytes(frames)  # several frames, as the dumps have
    plain.unlink()
    assert convert("reddit", source, tmp_path / "b") == whole
    (source / "RS_2023-11.zst").write_bytes(b"no such thing")
    with pytest.raises(BadInput, match="is damaged"):
        convert("reddit", source, tmp_path / "c")
    monkeypatch.setattr(archive, "SMALL", 1000)
    (source / "RS_2023-11.zst").write_bytes(zstandard.ZstdCompressor().compress(b" " * 10_000_000))
    with pytest.raises(BadInput, match="refused"):
        convert("reddit", source, tmp_path / "c")
