"""What faults cost the live engine: kills at random moments, damaged checkpoints, a full disk, no database, a clock."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from emotide.api import Emotide, Recipe, SocialLog
from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.service.feeding import read_acknowledged
from emotide.demo.town import TownConfig, simulate
from emotide.errors import StoreError
from emotide.live import LiveConfig, LiveEngine
from emotide.live.intake import TYPES
from emotide.log import TABLES
from emotide.store import Store

FEED = "from emotide.bench.service.feeding import main; main()"
CLOSE = 1e-6  # states are equal up to this
TYPE_OF = {table: kind for kind, table in TYPES.items()}


def faults(
    model: Path, events: Sequence[Mapping[str, Any]], room: Path, kills: int = 50, seed: int = 0
) -> dict[str, Any]:
    """Feed the events through every fault, and compare with a run that none befell.

    Args:
        model: a model's folder.
        events: in the order of time, each with an event_id of its own.
        room: an empty folder.
        kills: how often the process that feeds is killed.
        seed: of the moments.

    Returns:
        kills, lost (acknowledged events that are not in the store), double (events that stand there twice),
        state_equal; and whether states were equal after corrupt_checkpoint, disk_full, database_away, clock_jump.
    """
    told = [json.loads(json.dumps(event, default=str)) for event in events]
    file = room / "events.jsonl"
    file.write_text("".join(json.dumps(event) + "\n" for event in told), "utf-8")
    wanted = _whole(model, told, room / "whole")
    killed = _killed(model, file, room / "killed", kills, seed, wanted)
    return {
        **killed,
        "corrupt_checkpoint": _corrupt(model, room / "killed", wanted),
        "disk_full": _disk_full(model, told, room / "full", wanted),
        "database_away": _database_away(model, told, room / "away", wanted),
        "clock_jump": _clock_jump(model, told, room / "jump", wanted),
    }


def measured(folder: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """`faults` on a small town, with the first seed; as `bench service` runs it."""
    with TemporaryDirectory(prefix="emotide-faults-") as place:
        room = Path(place)
        simulate(room, TownConfig(people=20, days=30, seed=seeds[0]))
        log = SocialLog.open(room / "town.db")
        log.ingest(room / "log")
        made = {"text_width": 8, "train": {"epochs": 2, "seed": seeds[0]}, "recommend": {"steps": 20, "seed": seeds[0]}}
        Emotide.fit(log, Recipe.model_validate(made)).save_pretrained(room / "model")
        say("trained on a town of 20 people; now the faults")
        progress(1, 2, "faults")
        (room / "faults").mkdir()
        return faults(room / "model", events_of(log), room / "faults", seed=seeds[0])


FAULTS = Bench("the live engine killed 50 times, and other faults: what is lost, doubled or unequal", None, measured)


def events_of(log: SocialLog) -> list[dict[str, Any]]:
    """A log's rows as events in the order of time, first what has none; what follows from posts is left out."""
    found = []
    for place, name in enumerate(("ties", "items", "posts", "interactions", "labels", "feedback")):
        rows = log.table(name)
        if name == "interactions":
            rows = rows.filter(~pl.col("kind").is_in(["reply", "mention"]))
        for k, row in enumerate(rows.sort(TABLES[name].key).iter_rows(named=True)):
            more = json.loads(row.get("dimensions") or "{}")
            kept = {key: value for key, value in row.items() if value is not None and key != "dimensions"}
            event = {"event_id": f"{name}-{k}", "type": TYPE_OF[name], **kept, **more}
            found.append((row["time"].timestamp() if row["time"] is not None else -1.0, place, k, event))
    return [event for *_, event in sorted(found, key=lambda one: one[:3])]


def states_of(live: LiveEngine) -> dict[str, np.ndarray]:
    """H and M of each person and A of each pair, by name."""
    census = live.served.stream.census
    names, pairs = census.names.names, census.pairs
    people = {
        repr(who): np.concatenate([census.people.H[row], census.people.M[row]]) for who, row in census.names.row.items()
    }
    between = {
        repr((names[pairs.source[row]], names[pairs.target[row]])): pairs.A[row].copy()
        for row in np.flatnonzero(pairs.seen >= 0)
    }
    return people | between


def equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    """Whether the same people and pairs have the same states."""
    return one.keys() == other.keys() and all(bool(np.allclose(one[k], other[k], rtol=0, atol=CLOSE)) for k in one)


def _opened(model: Path, room: Path, every: int = 100) -> LiveEngine:
    room.mkdir(parents=True, exist_ok=True)
    return LiveEngine.open(f"sqlite:///{room}/live.db", model, LiveConfig(checkpoint_every=every), room / "live")


def _ended(live: LiveEngine) -> dict[str, np.ndarray]:
    live.settle()
    found = states_of(live)
    live.close()
    return found


def _whole(model: Path, events: list[dict[str, Any]], room: Path) -> dict[str, np.ndarray]:
    live = _opened(model, room)
    for first in range(0, len(events), 50):
        live.accept(events[first : first + 50])
    return _ended(live)


def _killed(
    model: Path, file: Path, room: Path, kills: int, seed: int, wanted: dict[str, np.ndarray]
) -> dict[str, Any]:
    room.mkdir()
    rng, done, acknowledged = np.random.default_rng(seed), 0, room / "acknowledged"
    every = len(file.read_text("utf-8").splitlines())
    while True:
        words = [f"sqlite:///{room}/live.db", model, room / "live", file, acknowledged, seed + done]
        child = subprocess.Popen([sys.executable, "-c", FEED, *map(str, words)])
        if done >= kills or len(read_acknowledged(acknowledged)) == every:
            child.wait()
            break
        before = len(read_acknowledged(acknowledged))
        begun = time.monotonic()
        share = int(rng.integers(0, max(2, every // (kills + 1))))  # so many events further it dies
        while child.poll() is None and len(read_acknowledged(acknowledged)) - before < share:
            time.sleep(0.002)
            if time.monotonic() - begun > 120:
                break
        time.sleep(float(rng.random()) * 0.05)
        child.send_signal(signal.SIGKILL)
        done += child.wait() == -signal.SIGKILL
    said, store = read_acknowledged(acknowledged), Store.open(f"sqlite:///{room}/live.db", create=False)
    with store.connect() as connection:
        rows = [
            str(row[0]) for row in connection.rows("SELECT event_id FROM journal WHERE event_id NOT LIKE 'derived%'")
        ]
    state = _ended(_opened(model, room))
    return {
        "kills": done,
        "lost": len(said - set(rows)),
        "double": len(rows) - len(set(rows)),
        "state_equal": equal(state, wanted),
    }


def _corrupt(model: Path, room: Path, wanted: dict[str, np.ndarray]) -> bool:
    """The latest checkpoint has a flipped byte, then every one has."""
    for some in (1, 100):
        for file in sorted((room / "live" / "states").glob("[0-9]*/states.safetensors"), reverse=True)[:some]:
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 0xFF
            file.write_bytes(bytes(data))
        if not equal(_ended(_opened(model, room)), wanted):
            return False
    return True


def _disk_full(model: Path, events: list[dict[str, Any]], room: Path, wanted: dict[str, np.ndarray]) -> bool:
    """No file may grow any more: nothing is acknowledged; with room again everything is."""
    live, half = _opened(model, room, every=10**6), len(events) // 2
    live.accept(events[:half])
    live.settle()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    refused, handler = False, signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with suppress(StoreError):
            live.accept(events[half:])
            refused = True
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    again = live.accept(events[half:])
    return not refused and all(receipt.status == "new" for receipt in again) and equal(_ended(live), wanted)


def _database_away(model: Path, events: list[dict[str, Any]], room: Path, wanted: dict[str, np.ndarray]) -> bool:
    """The store's file cannot be opened for a while."""
    live, half, acknowledged = _opened(model, room), len(events) // 2, True
    live.accept(events[:half])
    live.settle()
    file, away = room / "live.db", room / "away"
    away.mkdir()
    beside = [file, *(file.with_name(f"live.db-{end}") for end in ("wal", "shm"))]
    moved = [(one, one.rename(away / one.name)) for one in beside if one.exists()]
    file.mkdir()  # nothing can be opened there
    try:
        live.accept(events[half:])
    except StoreError:
        acknowledged = False
    file.rmdir()
    for before, one in moved:
        os.replace(one, before)
    live.accept(events[half:])
    return not acknowledged and equal(_ended(live), wanted)


def _clock_jump(model: Path, events: list[dict[str, Any]], room: Path, wanted: dict[str, np.ndarray]) -> bool:
    """The machine's clock leaps an hour back and forth between batches; events keep their own times."""
    live, real = _opened(model, room), time.time
    try:
        for k, first in enumerate(range(0, len(events), 50)):
            time.time = lambda jump=3600 * (-1) ** k: real() + jump  # type: ignore[misc]
            live.accept(events[first : first + 50])
    finally:
        time.time = real
    return equal(_ended(live), wanted)
