"""The real sets have the rows that their descriptions name."""

import csv
import gzip
from collections import Counter
from datetime import datetime

import polars as pl
import pytest

from emotide.convert import convert

ROWS = {
    "airline_tweets": {"posts": 14_485, "labels": 14_485},
    "bitcoin_otc": {"interactions": 35_592},
    "college_msg": {"interactions": 59_798},
    "cped": {"posts": 11_137 + 27_438, "labels": 2 * (11_137 + 27_438)},
    "emobank": {"posts": 10_062, "labels": 10_062},
    "emodb": {"posts": 535, "labels": 535},
    "esm_twitter": {"posts": 1_610, "labels": 6_218},
    "face_expressions": {"posts": 715, "labels": 715},
    "fanchuan": {"labels": 8_353 + 3_196 + 3_659 + 1_206 + 1_634},
    "goemotions": {"posts": 43_410 + 5_426 + 5_427},
    "incarmusic": {"items": 139, "feedback": 4_012, "labels": 99 + 102},
    "meld": {"posts": 9_989 + 1_109 + 2_610, "labels": 2 * 13_708},
    "open_bandit_men": {"items": 34, "feedback": 10_000},
    "social_evolution": {"labels": 3_878 - 2 - 8, "items": 11, "feedback": 2_915 - 1_388 - 3},
    "tweet_emotion_13": {"posts": 40_000, "labels": 40_000},
}


@pytest.fixture
def log(name, data_dir, tmp_path):
    convert(name, data_dir / name, tmp_path)
    return {file.stem: pl.read_parquet(file) for file in tmp_path.glob("*.parquet")}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_rows_are_those_that_the_description_names(name, log):
    assert {table: log[table].height for table in ROWS[name]} == ROWS[name]


@pytest.mark.parametrize("name", ["meld"])
def test_meld_has_its_dialogues_speakers_and_emotions(log):
    posts = log["posts"]
    dialogues = posts.group_by("split").agg(pl.col("network").n_unique())
    assert dict(dialogues.rows()) == {"train": 1_038, "dev": 114, "test": 280}
    assert posts["user_id"].n_unique() == 304
    emotions = log["labels"].filter(pl.col("space") == "meld")["category"].value_counts()
    assert dict(emotions.rows())["fear"] == 358
    assert not posts["text"].str.contains(r"[\x80-\x9f]").any()


@pytest.mark.parametrize("name", ["cped"])
def test_cped_has_its_dialogues(log):
    splits = log["posts"].group_by("split").agg(pl.col("network").n_unique())
    dialogues = dict(splits.rows())
    assert dialogues["test"] == 2_815
    assert dialogues["train"] + dialogues["dev"] == 934
    assert dialogues["train"] == pytest.approx(0.85 * 934, abs=5)  # five series, each cut for itself


EDGES = {"Alibaba-Math": 6_563, "CS2": 1_954, "DrinkWater": 1_105, "CampusLife": 749, "Tiktok-Trump": 708}


@pytest.mark.parametrize("name", ["fanchuan"])
def test_fanchuan_has_every_answer_to_somebody_else_once(log):
    posts = log["posts"]
    author = posts.select(reply_to="post_id", target="user_id")
    answers = posts.join(author, on="reply_to").filter(pl.col("user_id") != pl.col("target"))["network"].to_list()
    answers += log["interactions"]["network"].to_list()
    assert Counter(network.split("/")[0] for network in answers) == EDGES


@pytest.mark.parametrize("name", ["social_evolution"])
def test_social_evolution_has_the_pairs_and_messages_of_a_slow_reading(log, data_dir):
    interactions = log["interactions"]
    calls = interactions.filter(pl.col("kind") == "call")
    assert calls.select("source_id", "target_id").unique().height == 401
    sent, received = set(), set()
    with gzip.open(data_dir / "social_evolution" / "SMS.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            owner, other = row["user.id"], row["dest.user.id.if.known"]
            if other and owner != other:
                time = datetime.fromisoformat(row["time"])
                (received if row["incoming"] == "1" else sent).add(
                    (other, owner, time) if row["incoming"] == "1" else (owner, other, time)
                )
    alone = [
        (a, b, time)
        for a, b, time in received
        if not any(x == a and y == b and abs((t - time).total_seconds()) <= 60 for x, y, t in sent)
    ]
    messages = interactions.filter(pl.col("kind") == "message").select("source_id", "target_id", "time")
    assert {(a, b, t.replace(tzinfo=None)) for a, b, t in messages.rows()} == sent | set(alone)
    distressed = log["labels"].filter(pl.col("category") == "distressed")
    assert distressed["user_id"].n_unique() <= 33 + 46
