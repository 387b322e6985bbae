"""Whatever a converter writes keeps the contract of DESIGN 4."""

import tomllib
from pathlib import Path

import polars as pl
import pytest

from emotide.convert import CONVERTERS, convert
from emotide.log.tables import TABLES

BUILT_IN = {"polarity", "pad", "meld", "goemotions", "mood_report", "ekman_neutral"}
MELD = {"anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise"}
CLOSED = {
    "polarity": {"negative", "neutral", "positive"},
    "mood_report": {"well", "distressed"},
    "meld": MELD,
    "ekman_neutral": MELD,
}


def breaches(log: Path) -> list[str]:
    """What a log does that the contract forbids, in words."""
    tables = {file.stem: pl.read_parquet(file) for file in log.glob("*.parquet")}
    found = [f"unknown table {name}" for name in tables if name not in TABLES]
    for name, rows in tables.items():
        table = TABLES[name]
        own = [column for column in rows.columns if column not in table.names]
        numbers = all(rows[column].dtype == pl.Float64 for column in own)
        if own and not (name == "labels" and numbers):
            found.append(f"{name}: columns {own}")
        found += [f"{name}: {c} is missing" for c in table.required if c not in rows.columns]
        found += [f"{name}: {c} is empty" for c in table.required if c in rows.columns and rows[c].null_count()]
        found += [
            f"{name}: {c} is {rows[c].dtype}"
            for c in rows.columns
            if c in table.names and rows[c].dtype != table.schema[c]
        ]
        key = [column for column in table.key if column in rows.columns]
        found += [f"{name}: key {key} repeats"] * rows.select(key).is_duplicated().any()
        if "source_id" in rows.columns and (rows["source_id"] == rows["target_id"]).any():
            found.append(f"{name}: somebody is in touch with himself")
    return found + _links(tables) + _media(tables.get("posts", TABLES["posts"].empty()), log)


def _media(posts: pl.DataFrame, log: Path) -> list[str]:
    paths = [path for column in ("image", "audio", "video") if column in posts.columns for path in posts[column]]
    named = {path for path in paths if path is not None}
    there = {file.relative_to(log).as_posix() for file in log.rglob("*") if file.is_file()}
    spare = {file for file in there if file.startswith("media/")} - named
    return [f"posts: {path} is not there" for path in named - there] + [f"{file} is no post's" for file in spare]


def _links(tables: dict[str, pl.DataFrame]) -> list[str]:
    found = []
    posts = tables.get("posts", TABLES["posts"].empty())
    if posts["post_id"].is_duplicated().any():
        found.append("posts: post_id repeats")
    here = posts.select("network", "post_id", "time", "user_id")
    for name in ("labels", "interactions"):
        if name in tables and "post_id" in tables[name].columns:
            rows = tables[name].filter(pl.col("post_id").is_not_null()).rename({"source_id": "user_id"}, strict=False)
            if name == "interactions":  # what is liked or passed on is somebody else's, and may lie elsewhere
                rows = rows.filter(~pl.col("kind").is_in(["like", "repost"]))
            on = ["network", "post_id", "time", "user_id"]
            found += [f"{name}: a post that is not there"] * (rows.join(here, on=on, how="anti").height > 0)
    if "reply_to" in posts.columns:
        answers = posts.filter(pl.col("reply_to").is_not_null())
        parent = here.rename({"post_id": "reply_to", "time": "before"})
        joined = answers.join(parent, on=["network", "reply_to"], how="left")
        found += ["posts: reply_to a post that is not there"] * (joined["before"].null_count() > 0)
        found += ["posts: an answer before what it answers"] * (joined["before"] >= joined["time"]).any()
    if "feedback" in tables and not set(tables["feedback"]["item_id"]) <= set(tables["items"]["item_id"]):
        found.append("feedback: an item that is not there")
    return found + _spaces(tables.get("labels", TABLES["labels"].empty()))


def _spaces(labels: pl.DataFrame) -> list[str]:
    known = CLOSED | {
        file.stem: set(tomllib.loads(file.read_text()).get("categories", {}))
        for converter in CONVERTERS.values()
        for file in converter.space_files()
    }
    found = []
    for (space,), rows in labels.group_by("space"):
        if "category" in rows.columns and space in known:
            found += [f"{space}: {c} is no category" for c in set(rows["category"]) - known[space]]
    return found


def test_a_sample_becomes_a_log_that_keeps_the_contract(name, converted):
    assert breaches(converted(name)) == []


def test_the_real_set_becomes_a_log_that_keeps_the_contract(published, data_dir, tmp_path):
    convert(published, data_dir / published, tmp_path)
    assert breaches(tmp_path) == []


def test_every_space_of_a_log_is_built_in_or_comes_with_it(name, converted):
    log = converted(name)
    labels = log / "labels.parquet"
    spaces = set(pl.read_parquet(labels)["space"]) if labels.exists() else set()
    files = {file.stem for file in (log / "spaces").glob("*.toml")}
    assert files == spaces - BUILT_IN


def test_a_breach_is_found(converted):
    log = converted("fanchuan")
    posts = pl.read_parquet(log / "posts.parquet")
    pl.concat([posts, posts]).write_parquet(log / "posts.parquet")
    assert "posts: post_id repeats" in breaches(log)


@pytest.mark.parametrize("file", sorted(f for c in CONVERTERS.values() for f in c.space_files()), ids=lambda f: f.stem)
def test_a_space_file_names_itself_and_places_every_word(file):
    space = tomllib.loads(file.read_text())
    assert space["name"] == file.stem
    words = space.get("categories") or space["dimensions"]
    assert all(len(word["pad"]) == 3 and max(map(abs, word["pad"])) <= 1 for word in words.values())
    lines = [line for line in file.read_text().splitlines() if "pad =" in line]
    assert len(lines) == len(words)
    assert all(line.split("#")[1].strip().endswith(("RM77", "ALMA", "by definition")) for line in lines)
