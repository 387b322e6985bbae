"""The ways in which a log can be wrong: each row is told with its number, each file in one line."""

import gzip
import json
import os
import tracemalloc
import zipfile

import polars as pl
import pytest

from emotide.errors import BadInput
from emotide.log import RejectFile, open_media, scan
from emotide.log.rejects import WITHOUT

POSTS = "post_id,user_id,time"
GOOD = "p1,ana,1600000000"


def test_a_ragged_row_is_one_reject(read):
    told = read("posts", POSTS, GOOD, "p2,bo", "", "p3,cy,5,extra", "p4,dan,6")
    assert told.rows["posts"]["post_id"].to_list() == ["p1", "p4"]
    assert told.faults == [(2, None, "2 fields, wanted 3"), (3, None, "4 fields, wanted 3")]


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_rows_keep_their_numbers_over_blocks(read, monkeypatch, block):
    monkeypatch.setattr("emotide.log.csv_file.CSV_BLOCK", block)
    wrong = {3, 4, 17, 59, 60}
    lines = [f"p{n},ana" if n in wrong else f"p{n},ana,{'x' if n % 10 == 5 else n}" for n in range(1, 61)]
    told = read("posts", POSTS, *lines)
    assert [row for row, _, _ in told.faults] == sorted(wrong | {5, 15, 25, 35, 45, 55})
    assert len(told.rows["posts"]) == 60 - 11


def test_wrong_types(read):
    told = read(
        "feedback",
        "user_id,item_id,time,reward,propensity",
        "ana,i1,5,1,0.5", "ana,i2,5,lots,", "ana,i3,2021-13-40,1,", "ana,,5,1,2", "ana,i5,5,nan,", ",i6,5,,",
    )  # fmt: skip
    assert told.rows["feedback"]["item_id"].to_list() == ["i1"]
    assert told.faults == [
        (2, "reward", "is no number"),
        (3, "time", "is neither ISO 8601 nor Unix seconds (2021-11-23T08:00:00Z)"),
        (4, "item_id", "is required"),
        (4, "propensity", "is above 1"),
        (5, "reward", "is no number"),
        (6, "user_id", "is required"),
        (6, "reward", "is required"),
    ]
    assert told.rejects.sort("row")["value"].to_list()[:2] == ["lots", "2021-13-40"]


def test_unknown_columns_are_ignored_with_a_warning(read):
    told = read("posts", POSTS + ",texts,foo", GOOD + ",hello,1")
    assert told.warnings == [
        "log/posts.csv: column 'texts' is not known and is ignored; did you mean 'text'?",
        "log/posts.csv: column 'foo' is not known and is ignored",
    ]
    assert told.rows["posts"]["text"].to_list() == [None]


def test_a_required_column_is_missing(read):
    with pytest.raises(BadInput, match=r"^log/posts.csv: required column 'user_id' is missing; did you mean 'userid'"):
        read("posts", "post_id,userid,time", GOOD)
    for mark in ";\t":
        with pytest.raises(BadInput, match=r"'post_id' is missing; found: .*; columns are separated by commas$"):
            read("posts", POSTS.replace(",", mark), GOOD.replace(",", mark))
    with pytest.raises(BadInput, match="column 'time' comes twice"):
        read("posts", "post_id,user_id,time,time", GOOD + ",5")


def test_times_out_of_order_and_in_the_future(read):
    told = read(
        "posts", POSTS, "p1,ana,9", "p2,ana,5", "p3,ana,2999-01-01", "p4,ana,1600000000000", "p5,ana,1969-01-01"
    )
    assert told.rows["posts"]["post_id"].to_list() == ["p1", "p2"]
    assert [(row, reason[:18]) for row, _, reason in told.faults] == [
        (3, "lies in the future"), (4, "is neither ISO 860"), (5, "lies before 1970"),
    ]  # fmt: skip


def test_duplicate_ids(read):
    told = read("posts", POSTS + ",text", GOOD + ",a", GOOD + ",a", GOOD + ",b", "p2,ana,5,c", GOOD + ",b")
    assert told.rows["posts"]["text"].to_list() == ["a", "c"]
    assert [(row, reason) for row, _, reason in told.faults] == [
        (3, "another row of the same network, post_id says something else; the first is kept")
    ]


@pytest.mark.parametrize("content", ["", "\n\n", POSTS + "\n", "\ufeff" + POSTS])
def test_empty_tables(read, content):
    told = read("posts", content)
    assert told.rows["posts"].is_empty()
    assert told.faults == []


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.csv.gz"])
def test_empty_files_of_other_formats(tmp_path, reading, name):
    (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    assert reading(tmp_path).rows["posts"].is_empty()


def test_encodings(read):
    told = read(
        "posts", "\ufeff" + POSTS + ",text", GOOD + ",哈哈 😀", b"p2,ana,5,caf\xe9", "p3,ana,6,nul\0", "p4,ana,7,ok"
    )
    assert told.rows["posts"]["text"].to_list() == ["哈哈 😀", "ok"]
    assert told.faults == [(2, "text", "is not UTF-8"), (3, "text", "holds a NUL character")]
    with pytest.raises(BadInput, match="is UTF-16; save it as UTF-8"):
        read("posts", (POSTS + "\n" + GOOD).encode("utf-16"))


def test_quoted_lines_are_one_row(read):
    told = read("posts", POSTS + ",text", 'p1,ana,5,"two\nlines, ""quoted"""', "p2,ana,x,")
    assert told.rows["posts"]["text"].to_list() == ['two\nlines, "quoted"']
    assert told.faults[0][0] == 2


@pytest.mark.parametrize("line", ['p2,ana,5,"open', 'p2,"ana,5,open'])
def test_a_quotation_mark_that_never_closes(read, line):
    told = read("posts", POSTS + ",text", GOOD + ",fine", line, "p3,ana,6,swallowed", "p4,ana,7,too")
    assert told.rows["posts"]["post_id"].to_list() == ["p1"]
    ((row, _, reason),) = told.faults
    assert row == 2
    assert "a quotation mark opens and never closes" in reason


def test_a_row_without_end(read, monkeypatch):
    monkeypatch.setattr("emotide.log.csv_file.CSV_BLOCK", 1 << 12)
    with pytest.raises(BadInput, match=r"log/posts.csv: is broken after row 1: a row of more than"):
        read("posts", POSTS + ",text", GOOD + ",a", 'p2,ana,5,"open', *["more text in many lines"] * 1000)


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_a_line_of_100_megabytes_is_one_clear_error(tmp_path, reading, name):
    with (tmp_path / name).open("wb") as file:
        file.write((POSTS if name.endswith("csv") else '{"post_id": "p", "user_id": "u", "time": 1}').encode() + b"\n")
        file.seek(100 << 20, os.SEEK_CUR)  # a hole of zeros costs no disk
        file.write(b"\n")
    tracemalloc.start()
    with pytest.raises(BadInput, match="line 2 is longer than 8 MB"):
        reading(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_a_line_between_the_limits_is_seen(tmp_path):
    (tmp_path / "posts.csv").write_bytes(b"a\n" + b"x" * ((8 << 20) + 5) + b"\nb\n")
    with pytest.raises(BadInput, match="line 2 is longer"):
        scan(tmp_path / "posts.csv", "posts.csv")


def test_jsonl(read):
    told = read(
        "posts.jsonl",
        '{"post_id": 7, "user_id": "ana", "time": 1600000000.25, "tags": ["a", "b"]}',
        "",
        '{"post_id": "p2", "user_id"',
        "[1, 2]",
        '{"post_id": "p3", "user_id": "ana", "time": 5, "text": "half \\ud83d"}',
        b'{"post_id": "p4", "user_id": "\xff", "time": 5}',
        '{"post_id": "p5", "user_id": "ana"}',
        '{"post_id": "p6", "user_id": "ana", "time": 5, "tags": ["a, b"]}',
        "[" * 100_000,
        '{"post_id": "p8", "user_id": "bo", "time": "1970-01-01", "title": null, "text": "\\ud83d\\ude00"}',
    )
    rows = told.rows["posts"]
    assert rows["post_id"].to_list() == ["7", "p8"]
    assert rows["tags"].to_list() == ["a,b", None]
    assert rows["text"].to_list() == [None, "😀"]
    assert rows["time"].dt.microsecond().to_list() == [250_000, 0]
    assert [row for row, _, _ in told.faults] == [3, 4, 5, 6, 7, 8, 9]
    assert [reason.split(" (")[0] for _, _, reason in told.faults] == [
        "is no JSON", "is a list, wanted an object", "is not UTF-8", "is not UTF-8", "is required",
        "is no list of names with commas between", "is no JSON",
    ]  # fmt: skip


def test_a_column_that_begins_late_in_jsonl_is_read(read):
    lines = [
        json.dumps({"post_id": n, "user_id": "a", "time": n} | ({"text": "late"} if n > 1500 else {}))
        for n in range(1600)
    ]
    assert read("posts.jsonl", *lines).rows["posts"]["text"].drop_nulls().len() == 99


def test_parquet(tmp_path, reading):
    frame = pl.DataFrame(
        {
            "post_id": [1.0, 2.0, None], "user_id": ["ana", "bo", "cy"], 
            "time": pl.Series([5, 6, 7], dtype=pl.Datetime("ms")),
            "tags": [["a", "b"], [], None], "title": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "extra": [{"a": 1}] * 3,
        }
    )  # fmt: skip
    frame.write_parquet(tmp_path / "posts.parquet")
    told = reading(tmp_path)
    assert told.rows["posts"]["post_id"].to_list() == ["1", "2"]
    assert told.rows["posts"]["tags"].to_list() == ["a,b", None]
    assert told.rows["posts"]["time"].dt.epoch("ms").to_list() == [5, 6]
    assert told.faults == [(3, "post_id", "is required")]
    for cut in (0, 100):
        (tmp_path / "posts.parquet").write_bytes((tmp_path / "posts.parquet").read_bytes()[:cut])
        with pytest.raises(BadInput, match="is no Parquet that can be read"):
            reading(tmp_path)


def test_labels_have_a_category_or_dimensions(read):
    told = read(
        "labels",
        "user_id,time,space,category,arousal,warmth,note",
        "ana,1,ekman,joy,,,hm", "ana,2,pad,,-0.5,1e-7,", "ana,3,pad,,,,", "ana,4,pad,,high,1,", "ana,5,pad,,0.25,2,so",
    )  # fmt: skip
    assert told.rows["labels"]["category"].to_list() == ["joy", "", ""]
    assert [text and json.loads(text) for text in told.rows["labels"]["dimensions"]] == [
        None, {"arousal": -0.5, "warmth": 1e-7}, {"arousal": 0.25, "warmth": 2},
    ]  # fmt: skip
    assert told.faults == [(3, None, "has neither a category nor a dimension"), (4, "arousal", "is no number")]
    assert told.warnings == ["log/labels.csv: column 'note' is not known and is ignored"]


def test_ids_are_trimmed_and_bounded(read):
    told = read("posts", POSTS + ",split", " p1 , ana,5,train", f"p2,{'é' * 201},5,", "p3,ana,5,validation")
    assert told.rows["posts"].select("post_id", "user_id").rows() == [("p1", "ana")]
    assert [(column, reason) for _, column, reason in told.faults] == [
        ("user_id", "is longer than 400 bytes"), ("split", "is none of train, dev, test"),
    ]  # fmt: skip


@pytest.fixture
def gallery(tmp_path):
    folder = tmp_path / "log"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "cat.png").write_bytes(b"cat")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "way_out").symlink_to(tmp_path)
    return folder


def content(place):
    with open_media(place) as file:
        return file.read()


def test_media_stay_inside_the_folder(read, gallery, tmp_path):
    paths = ["images/cat.png", "images/dog.png", "../secret.png", f"{tmp_path}/secret.png", "way_out/secret.png",
             "images/../../secret.png", "C:\\cat.png", "images"]  # fmt: skip
    told = read("posts", POSTS + ",image", *(f"p{n},ana,5,{path}" for n, path in enumerate(paths)))
    place, *none = told.rows["posts"]["image"]
    assert content(place) == b"cat"
    assert none == [None, None]  # what is not there costs the picture, what leaves the folder the row
    assert told.rows["posts"]["post_id"].to_list() == ["p0", "p1", "p7"]
    assert [(column, reason) for _, column, reason in told.faults] == [
        ("image", f"no such file in log{WITHOUT}"), ("image", "leaves the folder of the log"),
        ("image", "is not relative to the folder of the log"), ("image", "leaves the folder of the log"),
        ("image", "leaves the folder of the log"), ("image", "is not relative to the folder of the log"),
        ("image", f"no such file in log{WITHOUT}"),
    ]  # fmt: skip
    assert told.rejects.sort("row")["value"].to_list() == paths[1:]


def zipped(path, **entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_zip_of_a_folder(tmp_path, reading):
    posts = f"{POSTS},image\n{GOOD},images/cat.png\np2,ana,5,dog.png\np3,ana,5,../x.png\n"
    entries = {
        "town/posts.csv": posts,
        "town/images/cat.png": b"cat",
        "x.png": b"x",
        "__MACOSX/town/._posts.csv": b"\0",
    }
    told = reading(zipped(tmp_path / "town.zip", **entries))
    assert told.rows["posts"]["image"][1] is None
    assert content(told.rows["posts"]["image"][0]) == b"cat"
    assert told.faults == [
        (2, "image", f"no such file in town.zip{WITHOUT}"),
        (3, "image", "leaves the folder of the log"),
    ]
    assert told.rejects["file"][0] == "town.zip/posts.csv"
    (tmp_path / "town.zip").unlink()
    with pytest.raises(BadInput, match="cannot be opened any more"):
        open_media(told.rows["posts"]["image"][0])


@pytest.mark.parametrize("bomb", ["town.zip", "posts.csv.gz"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, reading, bomb):
    zeros = bytes(64 << 20)
    if bomb.endswith("zip"):
        zipped(tmp_path / bomb, **{"posts.csv": zeros})
    else:
        (tmp_path / bomb).write_bytes(gzip.compress(zeros))
    with pytest.raises(BadInput, match=r"unpacks to .* refused"):
        reading(tmp_path / bomb)


def test_archives_that_are_refused(tmp_path, reading):
    for name in ("../posts.csv", "/posts.csv", "a/../../posts.csv", "..\\posts.csv"):
        with pytest.raises(BadInput, match="leaves the folder"):
            reading(zipped(tmp_path / "town.zip", **{name: POSTS}))
    link = zipfile.ZipInfo("posts.csv")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "town.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match="is a link"):
        reading(tmp_path / "town.zip")
    whole = zipped(
        tmp_path / "town.zip", **{"posts.csv": "\n".join([POSTS] + [f"p{n},u,{n}" for n in range(999)])}
    ).read_bytes()
    (tmp_path / "town.zip").write_bytes(whole[:50] + b"\xff\x00\xff" + whole[53:])
    with pytest.raises(BadInput, match="is damaged"):
        reading(tmp_path / "town.zip")
    (tmp_path / "town.zip").write_bytes(b"no zip")
    with pytest.raises(BadInput, match="is no zip"):
        reading(tmp_path / "town.zip")


def test_sources_that_are_refused(tmp_path, reading):
    with pytest.raises(BadInput, match="no such folder or file"):
        reading(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="no table to read: wanted any of people, posts, interactions"):
        reading(tmp_path)
    (tmp_path / "posts.csv").write_text(POSTS)
    (tmp_path / "posts.csv.gz").write_bytes(gzip.compress(POSTS.encode()))
    with pytest.raises(BadInput, match="table posts lies there more than once"):
        reading(tmp_path)
    (tmp_path / "posts.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "posts.csv").unlink()
    with pytest.raises(BadInput, match="is damaged"):
        reading(tmp_path)


def test_the_reject_file(tmp_path, read):
    told = read("posts", POSTS, "p1,ana,never", "p2,ana,soon")
    kept = RejectFile(tmp_path / "rejects", "posts")
    assert not kept.path.exists()
    kept.write(told.rejects[1:])
    kept.write(told.rejects[:1])
    assert pl.read_csv(kept.path)["row"].to_list() == [2, 1]
    assert kept.rows == 2
    RejectFile(tmp_path / "rejects", "posts")
    assert not kept.path.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="rejected rows cannot be kept here"):
        RejectFile(tmp_path / "file", "posts").write(told.rejects)
