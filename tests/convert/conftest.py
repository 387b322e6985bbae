"""A small made sample of every set, in the form in which it is published, with its traps."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from emotide.convert import CONVERTERS, convert

MELD = "Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
FANCHUAN = (
    "community,order,comment_id,user,parent_comment_id,parent_user,post_id,sentiment,parody,split,text,parent_text\n"
)
AIRLINE = "tweet_id,time,author,airline,sentiment,confidence,negative_reason,retweet_count,mentions,text\n"
ESM = (
    "random_id,used_tt,w_tweeted,w_scrolled,positive,negative,sad,afraid,joyful,angry,bored,lonely,"
    "disgusted,anxious,excited,tired,StartDate,obs\n"
)


def lines(*rows: object) -> str:
    """JSON, an object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def commit(did: str, second: int, kind: str, key: str, record: object = None) -> dict[str, object]:
    """An event of Bluesky's Jetstream; without a record, a deletion."""
    how = {"operation": "delete"} if record is None else {"operation": "create", "record": record, "cid": "bafy"}
    held = {"rev": "3l", "collection": f"app.bsky.{kind}", "rkey": key, **how}
    return {"did": did, "time_us": (1725911162 + second) * 1_000_000, "kind": "commit", "commit": held}


def note(key: int, minute: int, content: str, **more: object) -> dict[str, object]:
    """An activity of a Mastodon archive."""
    time, ana = f"2024-03-01T08:{minute:02}:00Z", "https://m.example/users/ana"
    held = {"id": f"{ana}/statuses/{key}", "type": "Note", "published": time, "attributedTo": ana, "content": content}
    return {"type": "Create", "actor": ana, "published": time, "object": {"inReplyTo": None, "tag": [], **held, **more}}


A, B = "did:plc:aaa", "did:plc:bbb"
FEED = f"at://{A}/app.bsky.feed.post"
HASHTAG, MENTION = "app.bsky.richtext.facet#tag", "app.bsky.richtext.facet#mention"
PUSHSHIFT = {"author": "ana", "subreddit": "rain", "created_utc": 1700000000}
BO = {"id_str": "22", "screen_name": "bo", "name": "Bo"}
EXPORTS: dict[str, dict[str, str | dict[str, bytes]]] = {
    "mastodon": {
        # HTML, an answer to oneself and to another server, a mention, a boost, an activity of another kind
        "outbox.json": json.dumps({
            "type": "OrderedCollection",
            "totalItems": 5,
            "orderedItems": [
                note(1, 0, "<p>rain &amp; <b>sun</b><br>again</p>", tag=[{"type": "Hashtag", "name": "#rain"}]),
                note(2, 1, "<p>more</p>", inReplyTo="https://m.example/users/ana/statuses/1"),
                note(
                    3, 2, '<p><span><a href="https://o.example/@bo">@<span>bo</span></a></span> hi</p>',
                    inReplyTo="https://o.example/users/bo/statuses/7", summary="cw",
                    tag=[{"type": "Mention", "href": "https://o.example/users/bo", "name": "@bo@o.example"}],
                ),
                {"type": "Announce", "actor": "https://m.example/users/ana", "published": "2024-03-01T09:00:00Z",
                 "object": "https://o.example/users/cy/statuses/9"},
                {"type": "Move", "actor": "https://m.example/users/ana"},
            ],
        }),
        "likes.json": json.dumps({"orderedItems": ["https://o.example/users/bo/statuses/3"]}),
        "following_accounts.csv": "Account address,Show boosts\nbo@o.example,true\n",
    },
    "bluesky": {
        # an answer, a mention, tags, a like, a repost, a follow that ends, a post and an account that are deleted
        "jetstream.jsonl": lines(
            commit(A, 0, "feed.post", "p1", {"text": "rain", "createdAt": "1999-01-01T00:00:00Z", "tags": ["wet"]}),
            commit(B, 1, "feed.post", "p2", {
                "text": "yes @a", "reply": {"parent": {"uri": f"{FEED}/p1"}, "root": {"uri": f"{FEED}/p1"}},
                "facets": [{"features": [{"$type": MENTION, "did": A}, {"$type": HASHTAG, "tag": "so"}]}],
            }),
            commit(B, 2, "feed.like", "l1", {"subject": {"uri": f"{FEED}/p1", "cid": "b"}}),
            commit(B, 3, "feed.repost", "r1", {"subject": {"uri": f"{FEED}/p1", "cid": "b"}}),
            commit(A, 4, "graph.follow", "f1", {"subject": B}),
            commit(B, 5, "graph.follow", "f2", {"subject": A}),
            commit(A, 6, "graph.follow", "f1"),
            commit(A, 7, "feed.post", "p3", {"text": "oops"}),
            commit(A, 8, "feed.post", "p3"),
            commit("did:plc:ccc", 9, "feed.post", "p4", {"text": "bye"}),
            {"did": "did:plc:ccc", "time_us": 1725911172000000, "kind": "account",
             "account": {"active": False, "status": "deleted"}},
            {"did": A, "time_us": 1725911173000000, "kind": "identity", "identity": {"handle": "a.example"}},
            commit(A, 12, "actor.profile", "self", {"displayName": "A"}),
        ),
    },
    "x_archive": {
        # parts, entities of HTML, an answer, somebody else's words, a like, both lists of followers
        "account.js": 'window.YTD.account.part0 = [ {"account": {"accountId": "11", "username": "ana"}} ]',
        "tweets.js": "window.YTD.tweets.part0 = " + json.dumps([
            {"tweet": {"id_str": "100", "created_at": "Wed May 04 02:18:49 +0000 2016", "full_text": "rain &amp; sun",
                       "entities": {"hashtags": [{"text": "rain"}], "user_mentions": []}}},
            {"tweet": {"id_str": "101", "created_at": "Wed May 04 02:19:49 +0000 2016", "full_text": "@bo hi",
                       "in_reply_to_user_id_str": "22", "in_reply_to_status_id_str": "77",
                       "entities": {"user_mentions": [BO]}}},
        ]),
        "tweets-part1.js": "window.YTD.tweets.part1 = " + json.dumps([
            {"tweet": {"id_str": "102", "created_at": "Wed May 04 02:20:49 +0000 2016", "full_text": "RT @bo: mine",
                       "entities": {"user_mentions": [BO]}}},
            {"tweet": {"id_str": "103", "created_at": "Wed May 04 02:21:49 +0000 2016", "full_text": "see @bo",
                       "in_reply_to_status_id_str": "100", "entities": {"user_mentions": [BO]}}},
        ]),
        "like.js": 'window.YTD.like.part0 = [ {"like": {"tweetId": "967165828490842112", "fullText": "so &lt;3"}} ]',
        "following.js": 'window.YTD.following.part0 = [ {"following": {"accountId": "22"}} ]',
        "follower.js": 'window.YTD.follower.part0 = [ {"follower": {"accountId": "33"}} ]',
    },
    "reddit": {
        # times as text and as numbers, entities, an answer to a post and to a comment that is not there
        "RS_2023-11.jsonl": lines(
            {**PUSHSHIFT, "id": "aa", "title": "Rain &amp; sun", "selftext": "", "is_self": True},
        ),
        "RC_2023-11.jsonl.gz": lines(
            {**PUSHSHIFT, "id": "c1", "author": "bo", "body": "as u/ana says", "parent_id": "t3_aa", "link_id": "t3_aa",
             "created_utc": "1700000060"},
            {**PUSHSHIFT, "id": "c2", "body": "> no", "parent_id": "t1_zz", "link_id": "t3_aa",
             "created_utc": 1700000120.0},
        ),
    },
    "weibo": {
        # a byte order mark, Chinese names, China's time, a mention by nickname; a repost that holds the post
        "search.csv": "\ufeffid,bid,user_id,用户昵称,微博正文,艾特用户,话题,发布时间,retweet_id\n"
        '4470,I1,11,安娜,"今天下雨, @波",波,雨,2020-01-31 12:00,\n4471,I2,22,波,转发微博,,,2020-01-31 12:05,4470\n',
        "user.json": json.dumps({"user": {"id": 33, "screen_name": "陈"}, "weibo": [
            {"id": 4472, "user_id": 33, "screen_name": "陈", "text": "<a href='/n/波'>@波</a> 好<br />的",
             "created_at": "Fri Jan 31 13:00:00 +0800 2020", "at_users": "", "topics": "",
             "retweet": {"id": 4469, "user_id": 44, "screen_name": "戴", "text": "早",
                         "created_at": "2020-01-31T10:00:00"}},
        ]}),
        "relations.jsonl": lines({"fan_id": "11", "follower_id": "22", "crawl_time": 1580443200}),
    },
    "convokit": {
        # out of order, two conversations, an old name of a field
        "utterances.jsonl": lines(
            {"id": "u2", "conversation_id": "u1", "speaker": "bo", "text": "no", "reply-to": "u1",
             "timestamp": 1700000060},
            {"id": "u1", "conversation_id": "u1", "speaker": "ana", "text": "rain?", "reply-to": None,
             "timestamp": 1700000000, "meta": {}, "vectors": []},
            {"id": "v1", "root": "v1", "user": "cy", "text": "hm", "reply_to": None, "timestamp": "1700000200"},
        ),
        "speakers.json": json.dumps({"ana": {"meta": {}}, "bo": {"meta": {}}, "cy": {"meta": {}}}),
        "conversations.json": json.dumps({"u1": {"meta": {}}, "v1": {"meta": {}}}),
    },
}  # fmt: skip
SAMPLES: dict[str, dict[str, str | dict[str, bytes]]] = {  # file -> its text, or the entries of a zip
    "meld": {
        # an apostrophe of Windows-1252, utterances out of order, dialogue ids that restart in each split
        "train_sent_emo.csv": (
            "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
            '1,I\x92m fine\x85,Joey,joy,positive,0,1,8,21,"00:16:16,059","00:16:21,731"\n'
            '2,"How, you?",The Interviewer,neutral,neutral,0,0,8,21,"00:16:10,059","00:16:12,731"\n'
        ),
        "dev_sent_emo.csv.gz": MELD + "No,Ross,Anger,Negative,0,0\n",
        "test_sent_emo.csv": MELD + "Oh,Ross,surprise,negative,0,0\n",
    },
    "cped": {
        # a byte order mark, two series, no train split
        "valid_split.csv.gz": "\ufeffTV_ID,Dialogue_ID,Utterance_ID,Speaker,Sentiment,Emotion,DA,Utterance\n"
        "32,32_000,32_000_000,于春晓,negative,astonished,question,怎么了\n"
        "32,32_000,32_000_001,戴娜,neutral,neutral,answer,没事\n"
        "32,32_001,32_001_000,戴娜,positive,happy,answer,好\n"
        "44,44_000,44_000_000,其他,negative,negative-other,answer,哎\n"
        "44,44_001,44_001_000,其他,negative,worried,answer,唉\n",
        "test_split.csv": "TV_ID,Dialogue_ID,Utterance_ID,Speaker,Sentiment,Emotion,DA,Utterance\n"
        "37,37_000,37_000_000,其他,negative,worried,statement-opinion,可怜的孩子\n",
    },
    "fanchuan": {
        # Alibaba: comment ids restart and repeat, an answer listed before what it answers, an answer to an
        # unknown text, one that seems to answer itself
        # CS2: an answer to a comment that has no row, twice, and one to oneself
        "comments.csv": FANCHUAN
        +        "Alibaba-Math,0,0,u0,,u1,0,positive,0,train,谢谢,你好\n"
        "Alibaba-Math,1,0,u1,,,0,neutral,0,val,你好,\n"
        "Alibaba-Math,2,1,u2,,u1,0,negative,1,test,不,\n"
        "Alibaba-Math,3,0,u1,,,1,neutral,0,test,再见,\n"
        "Alibaba-Math,4,1,u3,,u3,1,neutral,0,test,哈,哈\n"
        "CS2,0,100,u0,90,u5,,support_g2,0,train,好,上面\n"
        "CS2,1,101,u1,90,u5,,neutral,0,val,嗯,上面\n"
        "CS2,2,102,u1,101,u1,,oppose_navi,0,test,对,嗯\n"
        "CS2,3,103,u2,91,u2,,neutral,0,test,啊,\n",
    },
    "social_evolution": {
        # wrong clocks, several reports a day, a message on both phones, a call listed twice, empty and worded scores
        "FluSymptoms.csv": '"user_id","time","sore.throat.cough","sad.depressed","open.stressed"\n'
        "2,2003-01-01 11:00:00,0,1,1\n2,2009-01-10 19:38:00,0,0,1\n"
        "2,2009-01-10 09:00:00,1,0,0\n3,2009-01-11 08:00:00,0,1,0\n",
        "Calls.csv.gz": "user_id,time_stamp,duration,dest_user_id_if_known\n"
        "2.0,2008-10-02 22:04:28,15,\n2.0,2008-10-02 22:05:00,16,3\n2.0,2008-10-02 22:05:00,32767,3\n"
        ",2008-10-02 22:05:00,9,3\n3.0,2008-10-02 22:06:00,-,3\n",
        "SMS.csv": "user.id,time,incoming,dest.user.id.if.known\n"
        "2,2008-10-01 10:00:00,0,3\n3,2008-10-01 10:00:59,1,2\n3,2008-10-01 10:05:00,1,2\n3,2008-10-01 10:05:00,1,2\n"
        "2,2008-10-01 11:00:00,0,3\n3,2008-10-01 11:01:01,1,2\n"
        "3,2008-10-01 10:06:00,0,2\n3,2008-10-01 10:06:00,0,3\n3,2008-10-01 10:06:00,1,\n",
        "RelationshipsFromSurveys.csv": '"id.A","id.B","relationship","survey.date"\n'
        '2,3,"CloseFriend","2008-09-09"\n2,3,"CloseFriend","2008-10-19"\n3,2,"CloseFriend","2008-10-19"\n'
        '3,2,"CloseFriend","2008-12-13"\n2,2,"CloseFriend","2008-09-09"\n2,3,"CloseFriend","2009-03-05"\n',
        "MusicGenrePreference.csv": '"user.id","genre","date","score"\n'
        '2,"hip-hop / r&b","2008-09-22",""\n3,"hip-hop / r&b","2008-09-19","2 Moderate Interest"\n'
        '2,"jazz","2008-09-15","3"\n'
        '2,"jazz","2008-09-15","1 Slight Interest"\n',
    },
    "airline_tweets": {
        "airline_tweets.csv": AIRLINE
        +        "567588278875213824,2015-02-16T23:36,u0,Delta,negative,0.5,,0,@JetBlue u0 u1 @JetBlue,"
        "@JetBlue @u0 @u1 no @JetBlue\n"
        '567588278875213825,2015-02-16T23:37,@JetBlue,Delta,neutral,1,,0,,"we, too"\n',
    },
    "tweet_emotion_13": {
        "tweet_emotion_13.csv": "tweet_id,author,emotion,mentions,text\n"
        "1693956239,u1,worry,,oh\n1693956175,u0,empty,u1 u0,hi @u1 @u0\n",
    },
    "esm_twitter": {
        "esm_twitter.csv": ESM + "1,1,True,True,1,1,0,0,1,0,1,1,0,2,0,4,2021-03-31T12:28:59Z,1\n"
        "1,0,False,False,2,1,0,0,2,0,0,0,0,1,1,0,2021-03-31T14:07:08Z,2\n"
        "7,1,False,False,0,0,0,0,0,0,0,0,0,0,0,0,2021-04-01T00:00:00Z,1\n",
    },
    "goemotions": {
        # quotes that quote nothing, several emotions, ids of two lengths (base 36: the shorter is the older)
        "train.tsv": 'He said "no\t0,2\teebbqej\n',
        "dev.tsv.gz": "ok\t1\tzzzzzz\n",
        "test.tsv": "fine\t2\tee00000\n",
        "labels.txt": "admiration\nfear\nneutral\n",
    },
    "college_msg": {
        # a message listed twice, one to oneself
        "CollegeMsg.txt": "1 2 1082040961\n3 4 1082155839\n3 4 1082155839\n4 4 1082155840\n4 3 1082414391\n",
    },
    "bitcoin_otc": {
        # fractions of a second, a rating of oneself
        "soc-sign-bitcoinotc.csv": "source,target,weight,time\n6,2,4,1289241911.72836\n6,6,1,1289241912\n"
        "2,6,-10,1289241941.53378\n",
    },
    "emodb": {
        # an entry in a folder, an entry that no post names
        "labels.csv": "file,speaker,sex,sentence,emotion,seconds\n"
        "03a01Fa.wav,03,m,a01,happiness,2.0\n13a01Lb.wav,13,f,a01,boredom,2.0\n16b10Wb.wav,16,f,b10,anger,2.0\n",
        "emodb_speakers_03_12.zip": {"wav/03a01Fa.wav": b"RIFF one", "03a02Nc.wav": b"RIFF"},
        "emodb_speakers_13_16.zip": {"13a01Lb.wav": b"RIFF two", "16b10Wb.wav": b"RIFF three"},
    },
    "face_expressions": {
        # sorted by emotion
        "labels.csv": "file,emotion\n" + "".join(f"f{k}.jpg,fear\n" for k in range(18)) + "f18.jpg,happiness\n",
        "face_expressions.zip": {f"f{k}.jpg": b"\xff\xd8" + bytes([k]) for k in range(19)},
    },
    "incarmusic": {
        # no context, a mood with a place, one without, a track without a category
        "ratings.csv": "UserID,ItemID,Rating,DrivingStyle,mood\n1001,7,2,,\n1001,8,5,,happy\n"
        "1002,7,0,,lazy\n1002,7,1,,sad\n",
        "tracks.csv": "id,artist,title,category_id\n7,B.B.King,The Thrill is Gone,1\n8,Nobody,,\n",
        "categories.csv": "category_id,category\n1,Blues music\n",
    },
    "open_bandit_men": {
        # times with an offset, one showing that stands there twice
        "men_random.csv.gz": ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
        "user_feature_2,user_feature_3\n" + "".join(
            f"{k},2019-11-24 00:0{t}:03.979311+00:00,{i},2,{c},0.5,a,{f},c,d\n"
            for k, (t, i, c, f) in enumerate([(1, 0, 0, "b"), (1, 0, 0, "b"), (2, 1, 1, "b"), (3, 1, 0, "x")])
        ),
        "men_item_context.csv": ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n"
        "0,0,-0.67,ceca20033d,eb6f942c01,795091554f\n1,1,0.72,270de57201,eb6f942c01,795091554f\n",
    },
    "emobank": {
        "emobank.csv": 'id,split,V,A,D,text\nA_1_9,train,3.0,1,5.0,"Remember ""it"", so"\nA_10_12,dev,4.0,3.0,2.0,No\n',
    },
} | EXPORTS  # fmt: skip


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Path]:
    """`sample(name, {file: text})`: the folder of a sample; a text replaces that of the sample, None leaves it out."""

    def write(name: str, files: dict[str, str | dict[str, bytes] | None] | None = None) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for file, text in (SAMPLES[name] | (files or {})).items():
            if isinstance(text, dict):
                with zipfile.ZipFile(folder / file, "w") as archive:
                    for entry, content in text.items():
                        archive.writestr(entry, content)
            elif text is not None:
                data = text.encode()
                (folder / file).write_bytes(gzip.compress(data) if file.endswith(".gz") else data)
        return folder

    return write


@pytest.fixture
def converted(sample: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """`converted(name, **options)`: the folder of the social log made of the sample."""

    def run(name: str, **options: str) -> Path:
        out = tmp_path / f"{name}-log"
        convert(name, sample(name), out, **options)
        return out

    return run


@pytest.fixture(params=sorted(CONVERTERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(set(CONVERTERS) - set(EXPORTS)))
def published(request: pytest.FixtureRequest) -> str:
    """The name of a set that is published as tables; what people export has files of other kinds."""
    return str(request.param)


@pytest.fixture(params=sorted(EXPORTS))
def export(request: pytest.FixtureRequest) -> str:
    """The name of a form in which people export what they did on a live network."""
    return str(request.param)
