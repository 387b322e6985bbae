"""Erasure: a person who has just been active is erased over HTTP; the bytes that are left are counted."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from emotide import Client
from emotide.api.forgetting import bytes_left
from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.service.served import served, town
from emotide.bench.speed.large_log import BEGIN, DAYS
from emotide.serve.bodies import Recommendation

USERS = 300
WHO, WORD = "person-7f3a91", "quixotic-sundial-4c1d"


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`{"erasure_bytes_left", "before"}`: bytes of the person's id and words in the data directory.

    Counted are all files of store, write-ahead log, checkpoints, audit and model, while the service runs and after it
    has stopped.
    """
    time = datetime.fromtimestamp(BEGIN + DAYS * 86_400, UTC).isoformat()
    with TemporaryDirectory(prefix="emotide-bench-") as folder:
        room = Path(folder)
        store, model = town(room, USERS, seeds[0])
        with served(store, model) as service, Client(service.url, service.token, timeout=300.0) as client:
            client.accept(_events(time))
            client.emotion(WHO)
            for shown in client.recommend(WHO, top=3):
                client.feedback([_feedback(shown, time)])
            client.checkpoint()
            before = _left(room)
            client.forget(WHO)
            running = _left(room)
        after = _left(room)
    say(f"bytes of the person: {before} before, {running} after, {after} once the service has stopped")
    return {"erasure_bytes_left": running + after, "before": before}


def _events(time: str) -> list[dict[str, Any]]:
    """A post, a contact, a tie and a label of the person."""
    named = {"user_id": WHO, "time": time}
    return [
        {"event_id": "x1", "type": "post", "post_id": "x1", "text": WORD, **named},
        {"event_id": "x2", "type": "interaction", "source_id": WHO, "target_id": "u1", "time": time, "kind": "like"},
        {"event_id": "x3", "type": "tie", "source_id": "u1", "target_id": WHO},
        {"event_id": f"x4-{WHO}", "type": "label", "space": "ekman", "category": "joy", **named},
    ]


def _feedback(shown: Recommendation, time: str) -> dict[str, Any]:
    row = {"event_id": f"y{shown.rank}", "user_id": WHO, "item_id": shown.item_id, "time": time, "reward": 1.0}
    return {**row, "decision_id": shown.decision_id}


def _left(room: Path) -> int:
    return sum(len(letters) * bytes_left(room, letters) for letters in (WHO, WORD))


BENCH = Bench("bytes of a person that are left after DELETE, in every file of the data directory", None, run)
