"""From any source to a sink: it may be busy, feedback goes its own way; what is no source is told."""

from collections import Counter

import pytest

from emotide.errors import BadInput
from emotide.live.sources import FileTail, follow, into, open_source
from emotide.log import Pseudonyms

from .conftest import Pauses, Taker, append, event


def test_a_busy_sink_is_waited_for(tmp_path):
    path, pauses, taker = tmp_path / "events.jsonl", Pauses(*[lambda: None] * 3), Taker(busy=3)
    append(path, event(0))
    source = FileTail(path, wait=False)
    assert follow(source, into(taker), print, sleep=pauses) == Counter(new=1, known=0, refused=0, unread=0)
    source.close()
    assert pauses.seconds == [0.25] * 3


def test_feedback_goes_its_own_way_and_names_are_hashed(tmp_path):
    path, taker, names = tmp_path / "events.jsonl", Taker(), Pseudonyms(b"k" * 32)
    append(path, event(0, user_id="ana", text="hi @bo") + event(1, type="feedback", user_id="ana", item_id="i"))
    source = FileTail(path, wait=False)
    follow(source, into(taker, names), print)
    source.close()
    ((post,), (told,)) = taker.kept.values(), taker.told.values()
    assert post["user_id"] == told["user_id"] == names.of("ana")
    assert post["text"] == f"hi @{names.of('bo')}"
    assert "type" not in told


@pytest.mark.parametrize("name", ["events.csv", "ftp://x/y", "redis://127.0.0.1/0", "kafka://127.0.0.1:9092"])
def test_what_is_no_source_is_told(name):
    if name.startswith("kafka"):
        pytest.importorskip("confluent_kafka", reason="the extra 'kafka' is not installed")
    with pytest.raises(BadInput, match=r"wanted"):
        open_source(name)
    with pytest.raises(BadInput, match="no such file"):
        open_source("nowhere.jsonl", wait=False)
