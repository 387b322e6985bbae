"""One model with its states, its snapshot for readers and its policy; what is exchanged whole when models change."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.api.forgetting import bytes_left
from emotide.live import checkpoint
from emotide.live.answers import Answers
from emotide.live.clock import Clock
from emotide.live.config import LiveConfig
from emotide.live.policy import Policy
from emotide.live.snapshot import Snapshot
from emotide.live.stream import Moved, Stream
from emotide.store.audit import erasures
from emotide.store.connection import Connection
from emotide.store.journal import still_there


def usual_space(emotide: Emotide) -> str:
    """In which readings are told where nobody asks for another."""
    trained = emotide.trained.model.readings.trained
    return trained[0] if trained else "pad"


class Served:
    """A model at work on a log.

    Args:
        emotide: the model.
        log: what people did; for its spaces and items.
        config: how events are taken in.
        folder: of what is written.
        digest: of the model's folder.
    """

    def __init__(self, emotide: Emotide, log: SocialLog, config: LiveConfig, folder: Path, digest: str) -> None:
        self.emotide, self.digest, self.folder = emotide, digest, folder
        for space in log.spaces().values():
            if space.name not in emotide.spaces():
                emotide.add_space(space)
        clock = Clock.of(emotide.trained.run.timeline, config.lateness)
        self.stream = self._stream(clock)
        self.snapshot = self._snapshot()
        self.space = usual_space(emotide)
        self.policy = Policy(emotide, log, config, folder, self.stream.census, self.snapshot, self.space)
        self.stream.fed = self.policy.fed
        self.stale, self.ahead_took = False, 0.0

    def _stream(self, clock: Clock) -> Stream:
        return Stream(self.emotide.trained, self.emotide.spaces(), clock)

    def _snapshot(self) -> Snapshot:
        return Snapshot(self.emotide.trained, self.stream.census)

    @property
    def answers(self) -> Answers:
        """What the snapshot says."""
        stream = self.stream
        return Answers(self.emotide, self.snapshot, self.space, stream.origin or 0, stream.clock.window)

    def take(self, lines: pl.DataFrame) -> list[int]:
        """Take lines of the journal into the states; the rows of people whom closed steps moved."""
        users = []
        if (items := lines.filter(pl.col("table_name") == "items")).height:
            self.policy.renew(items["target_id"])
        for moved in self.stream.take(lines):
            users.append(moved.users)
            with self.snapshot.lock:
                self.snapshot.publish(moved)
        with self.snapshot.lock:
            nobody = np.zeros(0, np.int64)
            self.snapshot.publish(Moved(nobody, nobody))
            feedback = lines.filter(pl.col("table_name") == "feedback")
            if len(feedback):
                rows = self.stream.census.rows(feedback["network"], feedback["source_id"])
                self.snapshot.people.shown[rows] = self.stream.census.people.shown[rows]
        self.stale = self.stale or bool(len(lines))
        return np.unique(np.concatenate(users)).tolist() if users else []

    def look_ahead(self) -> list[int]:
        """Read the steps that are still open; the rows of people whom they touch."""
        if not self.stale:
            return []
        begun = time.monotonic()
        with self.stream.tried():
            moved = self.stream.ahead()
            with self.snapshot.lock:
                self.snapshot.publish(moved)
        self.stale, self.ahead_took = False, time.monotonic() - begun
        users: list[int] = moved.users.tolist()
        return users

    def saved(self, folder: Path, kept: int) -> Path:
        """Write the states."""
        if self.policy.online is not None:
            self.policy.online.checkpoint()
        return checkpoint.save(self.stream, folder, self.digest, kept)

    def loaded(self, folder: Path) -> bool:
        """Go on from the latest sound checkpoint, if there is one."""
        if not checkpoint.load(self.stream, folder, self.digest):
            return False
        self.snapshot.publish_all()
        self.stale = True
        return True

    def without_gone(self, connection: Connection, user: str | None = None) -> list[dict[str, Any]]:
        """Forget whom the store does not hold any more, whoever erased them there; what went, by place.

        Args:
            connection: to the store.
            user: somebody who was erased there, of whom decisions may stand in the audit though no state is left.
        """
        census, stream = self.stream.census, self.stream
        stream.minded = erasures(connection)
        here = connection.frame({"network": pl.String(), "user_id": pl.String()}, "users")
        named = pl.DataFrame([*census.names.row], here.schema, orient="row")
        gone = set(named.join(here, on=["network", "user_id"], how="anti").rows())
        held = {step: still_there(connection, pl.concat(lines)) for step, lines in stream.open.items()}
        stream.open = {k: [lines.with_columns(step=pl.lit(k, pl.Int64))] for k, lines in held.items() if len(lines)}
        rows = np.array(sorted(census.names.row[who] for who in gone), np.int64)
        moved = stream.erase(rows)
        buried = self.policy.erase(rows, lambda network, name: name == user or (network, name) in gone)
        with self.snapshot.lock:
            self.snapshot.publish_all()  # also who was moved by them in a step that is still open
        self.stale = True
        self.look_ahead()
        return [
            {"place": str(self.folder), "what": what, "erased": int(number)}
            for what, number in (("states", len(rows)), ("pair states", len(moved.pairs)), ("decisions", buried))
        ]

    def left(self, user: str) -> int:
        """How often the id stands in the folder."""
        return bytes_left(self.folder, user) if self.folder.exists() else 0
