"""The door: names, options, and what a wrong source says."""

import polars as pl
import pytest

from emotide.convert import CONVERTERS, convert
from emotide.errors import BadInput, UnknownName


def test_rows_per_table_are_returned_and_written(sample, tmp_path):
    counts = convert("airline_tweets", sample("airline_tweets"), tmp_path / "log")
    assert counts == {"posts": 2, "interactions": 2, "labels": 2}
    assert {f.stem: pl.read_parquet(f).height for f in (tmp_path / "log").glob("*.parquet")} == counts


def test_a_set_of_one_file_may_be_that_file(sample, tmp_path):
    source = sample("emobank") / "emobank.csv"
    assert convert("emobank", source, tmp_path / "log") == {"posts": 2, "labels": 2}


def test_a_second_log_replaces_the_first(sample, tmp_path):
    convert("social_evolution", sample("social_evolution"), tmp_path / "log")
    convert("emobank", sample("emobank"), tmp_path / "log")
    assert sorted(file.stem for file in (tmp_path / "log").iterdir()) == ["labels", "posts"]


def test_an_unknown_converter_and_option_name_the_known_ones(sample, tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'meld'"):
        convert("mled", tmp_path, tmp_path / "log")
    with pytest.raises(UnknownName, match=r"option of fanchuan 'comunity'.*'community'"):
        convert("fanchuan", sample("fanchuan"), tmp_path / "log", comunity="CS2")
    with pytest.raises(UnknownName, match=r"community 'CS3'.*did you mean 'CS2'"):
        convert("fanchuan", tmp_path / "fanchuan", tmp_path / "log", community="CS3")
    with pytest.raises(UnknownName, match="train_on_valid"):
        convert("cped", sample("cped"), tmp_path / "log", train_on_valid="maybe")


def test_a_missing_source_is_named(name, tmp_path):
    with pytest.raises(BadInput, match="nowhere: no such file or folder"):
        convert(name, tmp_path / "nowhere", tmp_path / "log")
    with pytest.raises(BadInput, match=r"\.(csv|txt|json|jsonl|js): no such file"):
        convert(name, tmp_path, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_a_missing_column_is_named(published, sample, tmp_path):
    name, source = published, sample(published)
    file = min(source.glob("*.[ct]sv"), default=source / "CollegeMsg.txt")
    file.write_text("a,b\n1,2\n")
    wanted = (
        "cannot be read as a table" if name in ("goemotions", "college_msg") else "is missing; the file has a, b"
    )  # it has no header
    with pytest.raises(BadInput, match=rf"{file.name}.*{wanted}"):
        convert(name, source, tmp_path / "log")


EMOBANK = "id,split,V,A,D,text\n"
AIRLINE = "tweet_id,time,author,sentiment,confidence,text\n"
BAD = {
    "a number": ("emobank", "emobank.csv", EMOBANK + "x,dev,3,3,3,a\ny,dev,no,3,3,b\n", "row 2, column V: 'no' is not"),
    "a time": ("airline_tweets", "airline_tweets.csv", AIRLINE + "1,so,u,neutral,1,a\n", "row 1, column time: 'so'"),
    "an id": ("emobank", "emobank.csv", EMOBANK + ",dev,3,3,3,a\n", "row 1, column id: is empty"),
    "a label": ("goemotions", "test.tsv", "a\t0\tx\nb\t1,9\ty\n", "row 2, column emotions: '9' is not the number"),
    "a table": ("emobank", "emobank.csv", "", "cannot be read as a table"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_value_is_placed(case, sample, tmp_path):
    name, file, text, message = BAD[case]
    with pytest.raises(BadInput, match=message) as error:
        convert(name, sample(name, {file: text}), tmp_path / "log")
    assert file in str(error.value)
    assert "\n" not in str(error.value)


def test_a_broken_archive_and_an_output_that_is_a_file(sample, tmp_path):
    source = sample("emobank", {"emobank.csv": None})
    (source / "emobank.csv.gz").write_bytes(b"\x1f\x8b\x08broken")
    with pytest.raises(BadInput, match=r"emobank.csv.gz: cannot be read"):
        convert("emobank", source, tmp_path / "log")
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="needs a folder"):
        convert("meld", sample("meld"), tmp_path / "file")


def test_every_converter_says_what_it_is(name):
    converter = CONVERTERS[name]
    assert converter.about
    assert converter.licence
    assert (converter.read.__doc__ or "").strip()


ARCHIVE = "emodb_speakers_13_16.zip"


def test_media_that_are_missing_or_broken_are_named_before_anything_is_written(sample, tmp_path):
    source = sample("emodb", {ARCHIVE: {"13a01Lb.wav": b"RIFF"}})
    with pytest.raises(BadInput, match=r"'16b10Wb\.wav' is in no archive"):
        convert("emodb", source, tmp_path / "log")
    (source / ARCHIVE).write_bytes(b"PK broken")
    with pytest.raises(BadInput, match=rf"{ARCHIVE}: cannot be read as a zip"):
        convert("emodb", source, tmp_path / "log")
    (source / ARCHIVE).unlink()
    with pytest.raises(BadInput, match=rf"{ARCHIVE}: no such file"):
        convert("emodb", source, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_an_entry_cannot_leave_the_log(sample, tmp_path):
    source = sample("emodb", {ARCHIVE: {"../../13a01Lb.wav": b"RIFF", "16b10Wb.wav": b"RIFF"}})
    convert("emodb", source, tmp_path / "log")
    assert not (tmp_path.parent / "13a01Lb.wav").exists()
    assert (tmp_path / "log" / "media" / "13a01Lb.wav").read_bytes() == b"RIFF"
    (source / "labels.csv").write_text("file,speaker,sentence,emotion\n../x.wav,03,a01,anger\n")
    with pytest.raises(BadInput, match="is in no archive"):
        convert("emodb", source, tmp_path / "other")
