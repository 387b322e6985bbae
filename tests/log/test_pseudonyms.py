"""Pseudonyms: the same id always the same, other keys others, and no id left in what is stored."""

import json
import os
import string

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotide.errors import BadInput
from emotide.log import TABLES, Pseudonyms
from emotide.store import Store

KEY, OTHER = b"k" * 32, b"o" * 32
IDS = st.text(string.ascii_letters + string.digits + "_", min_size=8, max_size=20)
ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_the_same_id_has_one_pseudonym_a_key(user):
    one = Pseudonyms(KEY).of(user)
    assert one == Pseudonyms(KEY).of(user)
    assert one != Pseudonyms(OTHER).of(user)
    assert one != Pseudonyms(KEY).of(user + "x")
    assert len(one) == 33
    assert one.isalnum()


@given(IDS, ANYTHING, ANYTHING)
def test_a_mention_of_a_person_is_the_pseudonym_of_their_id(user, before, after):
    made = Pseudonyms(KEY)
    assert f"@{made.of(user)}" in made.said(f"{before} @{user} {after}")
    assert made.said(f"so @{user}, and @{user}.") == f"so @{made.of(user)}, and @{made.of(user)}."


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hi @ana@m.example!", "hi @{ana@m.example}!"), ("to ana@m.example", "to {ana@m.example}"),
        ("as u/ana says", "as u/{ana} says"), ("as /u/ana.", "as /u/{ana}."), ("menu/ana", "menu/ana"),
        ("see https://x.example/ana/status/1 so", "see https://x.example so"),
        ("did:plc:abc said", "{did:plc:abc} said"),
        ("@安娜 好", "@{安娜} 好"), ("@ alone", "@ alone"), ("no names", "no names"), ("", ""),
    ],
)  # fmt: skip
def test_what_is_a_name_in_a_text(text, wanted):
    made = Pseudonyms(KEY)
    inside = wanted[wanted.index("{") + 1 : wanted.index("}")] if "{" in wanted else ""
    assert made.said(text) == wanted.replace(f"{{{inside}}}", made.of(inside)) if inside else made.said(text) == wanted


def test_a_key_file_is_made_for_its_owner_alone_and_read_again(tmp_path):
    file = tmp_path / "key"
    one = Pseudonyms.open(file).of("ana")
    assert file.stat().st_mode & 0o777 == 0o600
    assert Pseudonyms.open(file).of("ana") == one
    assert Pseudonyms.open(tmp_path / "other").of("ana") != one


@pytest.mark.parametrize(("text", "reason"), [("", "0 bytes"), ("zz", "can be read"), ("ab" * 31, "31 bytes")])
def test_a_file_that_is_no_key_is_refused(tmp_path, text, reason):
    file = tmp_path / "key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(BadInput, match=reason):
        Pseudonyms.open(file)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path):
    file = tmp_path / "key"
    Pseudonyms.open(file)
    file.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        Pseudonyms.open(file)


def test_an_event_and_a_row_have_the_same_pseudonyms():
    made = Pseudonyms(KEY)
    row = {
        "post_id": "ana/1",
        "user_id": "ana",
        "text": "hi @bo",
        "reply_to": None,
        "network": "x",
        "time": "2024-01-01",
    }
    event = made.event({"event_id": "ana-1", "type": "post", **row})
    table = made.rows(pl.DataFrame([row]), TABLES["posts"])
    assert {name: event[name] for name in row} == table.row(0, named=True)
    assert event["type"] == "post"
    assert made.event({"user_id": 12, "post_id": None, "target_id": 1.5, "tags": ["@bo", 1]}) == {
        "user_id": made.of("12"), "post_id": None, "target_id": None, "tags": [f"@{made.of('bo')}", 1],
    }  # fmt: skip
    assert event["event_id"] == made.event({"event_id": "ana-1"})["event_id"] != "ana-1"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(IDS, min_size=3, max_size=5, unique_by=str.lower), text=ANYTHING)
def test_no_id_is_left_in_any_byte_of_the_store(tmp_path_factory, people, text):
    folder = tmp_path_factory.mktemp("log")
    a, b, c = people[:3]
    lines = {
        "posts": [
            {"post_id": f"{a}/1", "user_id": a, "time": 1700000000, "text": f"{text} @{b} u/{c} https://x.example/{a}"},
            {"post_id": f"{b}/1", "user_id": b, "time": 1700000060, "reply_to": f"{a}/1", "title": f"@{c}"},
            {"post_id": f"{c}/1", "user_id": c, "time": "never", "text": "wrong"},
        ],
        "interactions": [{"source_id": c, "target_id": a, "time": 1700000070, "kind": "like", "post_id": f"{a}/1"}],
        "ties": [{"source_id": a, "target_id": c}],
        "labels": [{"user_id": a, "time": 1700000000, "space": "ekman", "category": "joy", "post_id": f"{a}/1"}],
        "feedback": [{"user_id": c, "item_id": "i", "time": 1700000000, "reward": 1}],
        "people": [{"user_id": b, "consent": "yes"}],
    }  # fmt: skip
    (folder / "log").mkdir()
    for name, rows in lines.items():
        (folder / "log" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = Store.open(folder / "town.db")
    report = store.ingest(folder / "log", rejects=folder / "rejects", pseudonyms=Pseudonyms(KEY))
    assert report.rejected == 1
    held = b"".join(file.read_bytes() for place in ("town.db*", "rejects/*") for file in folder.glob(place)).lower()
    assert not [user for user in people[:3] if user.lower().encode() in held]
    kinds = store.table("interactions").sort("kind", "source_id").select("source_id", "target_id", "kind").rows()
    name = Pseudonyms(KEY).of
    assert (name(b), name(a), "reply") in kinds  # the shape of the log is kept
    assert (name(a), name(b), "mention") in kinds
    assert store.ingest(folder / "log", rejects=folder / "rejects", pseudonyms=Pseudonyms(KEY)).new == 0
