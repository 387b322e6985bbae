"""The rows that every converter makes of its sample, one by one."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from emotide.convert import convert
from emotide.errors import BadInput, UnknownName


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def rows(log, table: str, *columns: str) -> list[tuple[Any, ...]]:
    return pl.read_parquet(log / f"{table}.parquet").select(*columns).rows()


def test_meld_orders_utterances_mends_apostrophes_and_keeps_splits_apart(converted):
    log = converted("meld")
    assert rows(log, "posts", "post_id", "network", "user_id", "text", "split", "time") == [
        ("train/0/0", "train/0", "The Interviewer", "How, you?", "train", at("2000-01-01T00:00")),
        ("train/0/1", "train/0", "Joey", "I’m fine…", "train", at("2000-01-01T00:01")),
        ("dev/0/0", "dev/0", "Ross", "No", "dev", at("2000-01-01T01:00")),
        ("test/0/0", "test/0", "Ross", "Oh", "test", at("2000-01-01T02:00")),
    ]
    assert rows(log, "labels", "post_id", "space", "category") == [
        ("train/0/0", "meld", "neutral"), ("train/0/1", "meld", "joy"),
        ("dev/0/0", "meld", "anger"), ("test/0/0", "meld", "surprise"),
        ("train/0/0", "polarity", "neutral"), ("train/0/1", "polarity", "positive"),
        ("dev/0/0", "polarity", "negative"), ("test/0/0", "polarity", "negative"),
    ]  # fmt: skip


def test_meld_reads_emorynlp(tmp_path):
    head = "Utterance,Speaker,Emotion,Scene_ID,Utterance_ID,Season,Episode\n"
    for split, body in [
        ("train", "Hi,\"['Ross Geller', 'Joey Tribbiani']\",Mad,4,2,1,3\nGo,['All'],Joyful,4,1,1,3\n"),
        ("dev", ""),
        ("test", ""),
    ]:
        (tmp_path / f"emorynlp_{split}_final.csv").write_text(head + body)
    convert("meld", tmp_path, tmp_path / "log")
    assert rows(tmp_path / "log", "posts", "post_id", "user_id", "text") == [
        ("train/1-3-4/0", "All", "Go"),
        ("train/1-3-4/1", "Ross Geller, Joey Tribbiani", "Hi"),
    ]
    assert rows(tmp_path / "log", "labels", "space", "category") == [("emorynlp", "joyful"), ("emorynlp", "mad")]
    assert [file.name for file in (tmp_path / "log" / "spaces").iterdir()] == ["emorynlp.toml"]


def test_cped_shares_valid_out_by_series_where_there_is_no_train(converted):
    log = converted("cped")
    assert rows(log, "posts", "post_id", "user_id", "text", "split", "time") == [
        ("32_000/0", "于春晓", "怎么了", "train", at("2000-01-01T00:00")),
        ("32_000/1", "戴娜", "没事", "train", at("2000-01-01T00:01")),
        ("32_001/0", "戴娜", "好", "dev", at("2000-01-01T01:00")),
        ("44_000/0", "其他", "哎", "train", at("2000-01-01T02:00")),
        ("44_001/0", "其他", "唉", "dev", at("2000-01-01T03:00")),
        ("37_000/0", "其他", "可怜的孩子", "test", at("2000-01-01T04:00")),
    ]
    assert rows(log, "labels", "post_id", "space", "category")[3:7] == [
        ("44_000/0", "cped", "negative-other"), ("44_001/0", "cped", "worried"), ("37_000/0", "cped", "worried"),
        ("32_000/0", "polarity", "negative"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("train", "option", "splits"),
    [(True, "auto", "dev"), (True, "yes", "train"), (False, "no", "dev"), (False, "auto", "train")],
)
def test_cped_trains_on_valid_as_asked(train, option, splits, sample, tmp_path):
    file = "TV_ID,Dialogue_ID,Utterance_ID,Speaker,Sentiment,Emotion,Utterance\n"
    file += "27,27_000,27_000_000,a,neutral,neutral,嗯\n"
    source = sample("cped", {"train_split.csv": file} if train else {})
    convert("cped", source, tmp_path / "log", train_on_valid=option)
    posts = dict(rows(tmp_path / "log", "posts", "post_id", "split"))
    assert posts["32_000/0"] == splits
    assert posts.get("27_000/0") == ("train" if train else None)


def test_fanchuan_answers_context_and_order(converted):
    log = converted("fanchuan")
    math, cs2 = "Alibaba-Math", "CS2"
    assert rows(log, "posts", "post_id", "user_id", "network", "text", "reply_to", "split", "time") == [
        ("Alibaba-Math/0/0#1", f"{math}/u1", f"{math}/0", "你好", None, "dev", at("2000-01-01T00:01:00")),
        (
            "Alibaba-Math/0/0",
            f"{math}/u0",
            f"{math}/0",
            "谢谢",
            "Alibaba-Math/0/0#1",
            "train",
            at("2000-01-01T00:01:01"),
        ),
        ("Alibaba-Math/0/1", f"{math}/u2", f"{math}/0", "不", None, "test", at("2000-01-01T00:02:00")),
        ("Alibaba-Math/1/0", f"{math}/u1", f"{math}/1", "再见", None, "test", at("2000-01-01T00:03:00")),
        (f"{math}/1/1", f"{math}/u3", f"{math}/1", "哈", None, "test", at("2000-01-01T00:04:00")),
        ("parent-of-CS2/100", f"{cs2}/u5", cs2, "上面", None, "train", at("1999-12-31T23:59:30")),
        ("CS2/100", f"{cs2}/u0", cs2, "好", "parent-of-CS2/100", "train", at("2000-01-01T00:00:00")),
        ("CS2/101", f"{cs2}/u1", cs2, "嗯", "parent-of-CS2/100", "dev", at("2000-01-01T00:01:00")),
        ("CS2/102", f"{cs2}/u1", cs2, "对", "CS2/101", "test", at("2000-01-01T00:02:00")),
        ("CS2/103", f"{cs2}/u2", cs2, "啊", None, "test", at("2000-01-01T00:03:00")),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind", "post_id") == [
        (f"{math}/u2", f"{math}/u1", "reply", "Alibaba-Math/0/1")
    ]
    assert rows(log, "labels", "post_id", "space", "category") == [
        ("Alibaba-Math/0/0", "polarity", "positive"), ("Alibaba-Math/0/0#1", "polarity", "neutral"),
        ("Alibaba-Math/0/1", "polarity", "negative"), ("Alibaba-Math/1/0", "polarity", "neutral"),
        ("Alibaba-Math/1/1", "polarity", "neutral"),
        ("CS2/100", "stance_cs2", "support_g2"), ("CS2/101", "stance_cs2", "neutral"),
        ("CS2/102", "stance_cs2", "oppose_navi"), ("CS2/103", "stance_cs2", "neutral"),
    ]  # fmt: skip


def test_fanchuan_one_community_and_a_circle_of_equal_texts(sample, tmp_path):
    circle = "community,order,comment_id,user,parent_user,post_id,sentiment,split,text,parent_text\n" + (
        "Alibaba-Math,0,0,u0,u1,0,neutral,train,a,b\nAlibaba-Math,1,1,u1,u0,0,neutral,train,b,a\n"
    )
    source = sample("fanchuan", {"comments.csv": circle + "Tiktok-Trump,0,x,u0,,,neutral,train,hm,\n"})
    assert convert("fanchuan", source, tmp_path / "log", community="Alibaba-Math") == {"posts": 2, "labels": 2}


def test_social_evolution_moods_calls_messages_ties_and_music(converted):
    log = converted("social_evolution")
    assert rows(log, "labels", "user_id", "time", "space", "category") == [
        ("2", at("2009-01-10T09:00"), "mood_report", "well"),
        ("2", at("2009-01-10T19:38"), "mood_report", "distressed"),
        ("3", at("2009-01-11T08:00"), "mood_report", "distressed"),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "time", "kind") == [
        ("2", "3", at("2008-10-01T10:00"), "message"),
        ("2", "3", at("2008-10-01T10:05"), "message"),
        ("3", "2", at("2008-10-01T10:06"), "message"),
        ("2", "3", at("2008-10-01T11:00:00"), "message"),
        ("2", "3", at("2008-10-01T11:01:01"), "message"),
        ("2", "3", at("2008-10-02T22:05"), "call"),
    ]
    assert rows(log, "ties", "source_id", "target_id", "kind", "time", "until") == [
        ("2", "3", "CloseFriend", at("2008-09-09"), at("2008-12-13")),
        ("2", "3", "CloseFriend", at("2009-03-05"), None),
        ("3", "2", "CloseFriend", at("2008-10-19"), at("2009-03-05")),
    ]
    assert rows(log, "items", "item_id", "title") == [("hip-hop-r-b", "hip-hop / r&b"), ("jazz", "jazz")]
    assert rows(log, "feedback", "user_id", "item_id", "time", "reward") == [
        ("2", "jazz", at("2008-09-15"), 1 / 3),
        ("3", "hip-hop-r-b", at("2008-09-19"), 2 / 3),
    ]


def test_airline_tweets_handles_weights_and_mentions(converted):
    log = converted("airline_tweets")
    assert rows(log, "posts", "post_id", "user_id", "time", "text") == [
        ("567588278875213824", "u0", at("2015-02-16T23:36"), "@JetBlue @u0 @u1 no @JetBlue"),
        ("567588278875213825", "JetBlue", at("2015-02-16T23:37"), "we, too"),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "time", "kind", "post_id") == [
        ("u0", "JetBlue", at("2015-02-16T23:36"), "mention", "567588278875213824"),
        ("u0", "u1", at("2015-02-16T23:36"), "mention", "567588278875213824"),
    ]
    assert rows(log, "labels", "user_id", "category", "weight") == [
        ("u0", "negative", 0.5),
        ("JetBlue", "neutral", 1.0),
    ]


def test_tweet_emotion_13_orders_by_id(converted):
    log = converted("tweet_emotion_13")
    assert rows(log, "posts", "post_id", "user_id", "time", "text") == [
        ("1693956175", "u0", at("2000-01-01T00:00"), "hi @u1 @u0"),
        ("1693956239", "u1", at("2000-01-01T00:01"), "oh"),
    ]
    assert rows(log, "interactions", "source_id", "target_id", "kind") == [("u0", "u1", "mention")]
    assert rows(log, "labels", "post_id", "space", "category") == [
        ("1693956175", "tweet13", "empty"),
        ("1693956239", "tweet13", "worry"),
    ]


def test_esm_twitter_scales_and_posts_where_twitter_was_used(converted):
    log = converted("esm_twitter")
    assert rows(log, "posts", "post_id", "user_id", "time", "tags") == [
        ("1-1", "1", at("2021-03-31T12:28:59"), "tweeted,scrolled"),
        ("7-1", "7", at("2021-04-01T00:00:00"), "used"),
    ]
    assert rows(log, "labels", "user_id", "post_id", "space", "positive", "anxious", "tired") == [
        ("1", "1-1", "esm12", 0.25, 0.5, 1.0),
        ("1", None, "esm12", 0.5, 0.25, 0.0),
        ("7", "7-1", "esm12", 0.0, 0.0, 0.0),
    ]


def test_goemotions_shares_the_weight_of_several_emotions(converted):
    log = converted("goemotions")
    assert rows(log, "posts", "post_id", "user_id", "time", "text", "split") == [
        ("zzzzzz", "c-zzzzzz", at("2000-01-01T00:00"), "ok", "dev"),
        ("ee00000", "c-ee00000", at("2000-01-01T00:01"), "fine", "test"),
        ("eebbqej", "c-eebbqej", at("2000-01-01T00:02"), 'He said "no', "train"),
    ]
    assert rows(log, "labels", "post_id", "category", "weight") == [
        ("zzzzzz", "fear", 1.0), ("ee00000", "neutral", 1.0),
        ("eebbqej", "admiration", 0.5), ("eebbqej", "neutral", 0.5),
    ]  # fmt: skip


def test_emobank_scales_to_pad(converted):
    log = converted("emobank")
    assert rows(log, "posts", "post_id", "user_id", "text", "split") == [
        ("A_1_9", "s-A_1_9", 'Remember "it", so', "train"),
        ("A_10_12", "s-A_10_12", "No", "dev"),
    ]
    assert rows(log, "labels", "space", "pleasure", "arousal", "dominance") == [
        ("pad", 0.0, -1.0, 1.0),
        ("pad", 0.5, 0.0, -0.5),
    ]


def test_college_messages_once_each(converted):
    sent = rows(converted("college_msg"), "interactions", "source_id", "target_id", "time", "kind")
    times = [datetime.fromtimestamp(second, UTC) for second in (1082040961, 1082155839, 1082414391)]
    pairs = [("1", "2"), ("3", "4"), ("4", "3")]
    assert sent == [(*pair, time, "message") for pair, time in zip(pairs, times, strict=True)]


def test_bitcoin_ratings_are_trust_or_distrust(converted):
    assert rows(converted("bitcoin_otc"), "interactions", "source_id", "target_id", "kind") == [
        ("6", "2", "trust"), ("2", "6", "distrust"),
    ]  # fmt: skip


def test_emodb_holds_speakers_out_and_brings_its_sounds(converted):
    log = converted("emodb")
    assert rows(log, "posts", "post_id", "user_id", "time", "audio", "split") == [
        ("03a01Fa", "03", at("2000-01-01T00:00"), "media/03a01Fa.wav", "train"),
        ("13a01Lb", "13", at("2000-01-01T00:01"), "media/13a01Lb.wav", "dev"),
        ("16b10Wb", "16", at("2000-01-01T00:02"), "media/16b10Wb.wav", "test"),
    ]
    assert rows(log, "labels", "post_id", "space", "category") == [
        ("03a01Fa", "emodb", "happiness"), ("13a01Lb", "emodb", "boredom"), ("16b10Wb", "emodb", "anger"),
    ]  # fmt: skip
    assert {file.name: file.read_bytes() for file in (log / "media").iterdir()} == {
        "03a01Fa.wav": b"RIFF one", "13a01Lb.wav": b"RIFF two", "16b10Wb.wav": b"RIFF three",
    }  # fmt: skip


def test_faces_take_turns_and_every_emotion_is_shared_out_alike(converted):
    log = converted("face_expressions")
    posts = rows(log, "posts", "post_id", "user_id", "image", "split")
    assert posts[:3] == [
        ("f0", "p-f0", "media/f0.jpg", "train"), ("f18", "p-f18", "media/f18.jpg", "train"),
        ("f1", "p-f1", "media/f1.jpg", "train"),
    ]  # fmt: skip
    assert [split for *_, split in posts] == ["train"] * 15 + ["dev"] * 3 + ["test"]
    assert set(rows(log, "labels", "space", "category")) == {("ekman_neutral", "fear"), ("ekman_neutral", "joy")}
    assert (log / "media" / "f7.jpg").read_bytes() == b"\xff\xd8\x07"


def test_ratings_for_the_car_follow_each_other_and_two_moods_have_a_place(converted):
    log = converted("incarmusic")
    assert rows(log, "feedback", "user_id", "item_id", "time", "reward") == [
        ("1001", "7", at("2000-01-01T00:01"), 0.4), ("1001", "8", at("2000-01-01T00:02"), 1.0),
        ("1002", "7", at("2000-01-01T00:01"), 0.0), ("1002", "7", at("2000-01-01T00:02"), 0.2),
    ]  # fmt: skip
    assert rows(log, "labels", "user_id", "time", "category") == [
        ("1001", at("2000-01-01T00:01:59"), "joy"), ("1002", at("2000-01-01T00:01:59"), "sadness"),
    ]  # fmt: skip
    assert rows(log, "items", "item_id", "title", "text", "tags") == [
        ("7", "The Thrill is Gone", "B.B.King", "Blues music"), ("8", None, "Nobody", None),
    ]  # fmt: skip


def test_clothes_keep_their_propensities_and_people_are_those_alike(converted, sample, tmp_path):
    log = converted("open_bandit_men")
    shown = rows(log, "feedback", "user_id", "item_id", "reward", "propensity")
    assert shown == [("1", "0", 0.0, 0.5), ("1", "1", 1.0, 0.5), ("2", "1", 0.0, 0.5)]
    assert rows(log, "items", "item_id", "tags") == [
        ("0", "number-0,1-ceca2003,2-eb6f942c,3-79509155"), ("1", "number-5,1-270de572,2-eb6f942c,3-79509155"),
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="policy 'chance'"):
        convert("open_bandit_men", tmp_path / "open_bandit_men", tmp_path / "other", policy="chance")


def test_a_rating_beyond_the_scale_reads_well(sample, tmp_path):
    text = "UserID,ItemID,Rating,mood\n1,7,6,\n"
    with pytest.raises(BadInput, match=r"row 1: 6\.0 is not a rating from 0 to 5"):
        convert("incarmusic", sample("incarmusic", {"ratings.csv": text}), tmp_path / "out")
