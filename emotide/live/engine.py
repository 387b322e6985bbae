"""`LiveEngine`: events in, states kept up, answers out; what a service stands on (DESIGN 6)."""

import hashlib
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.api.forgetting import forget as erase
from emotide.api.social_log import spaces_table
from emotide.errors import Busy, EmotideError
from emotide.live.answers import Answers
from emotide.live.clock import NOTHING_YET, Clock
from emotide.live.config import LiveConfig
from emotide.live.intake import Checked, Receipt, checked, receipts
from emotide.live.one_step import STEPPED
from emotide.live.served import Served
from emotide.live.subscription import Subscription
from emotide.store.journal import arrive, before_journal, read_journal

RETRY = 1.0  # seconds between two tries to build states that went wrong
ARRIVING = 2.0  # seconds for which an answer about somebody unknown waits for what was just accepted
PAGE = 50_000  # lines that are read at once when states are built again


class LiveEngine:
    """A model that lives beside a store.

    - An event is committed to the store, and to the journal, before `accept` returns; its id is the key, so that it
      counts once however often it is sent.
    - One thread takes what was committed into the states, in the order of the journal, by the step function of
      training. A step closes when an event of a later one comes (`LiveConfig.lateness` keeps it open longer); what
      comes late counts in the first step that is open. Of the open step there are readings that change with each event.
    - States are a function of the store's rows and the journal's order. After a crash they are built again from the
      latest checkpoint and the lines behind it, to the same values.
    - Rows that `emotide ingest` brings meanwhile are in the store at once; in the states when they are next built from
      the beginning (`swap`, or no checkpoint).

    Safe to be used by several threads. Open one with `LiveEngine.open`; `close` it in the end.
    """

    def __init__(self, log: SocialLog, model: Path, config: LiveConfig, folder: Path) -> None:
        self.log, self.config, self.folder = log, config, folder
        self._commit, self._apply = threading.Lock(), threading.RLock()
        self._wake, self._idle = threading.Event(), threading.Condition()
        self._queue: deque[pl.DataFrame] = deque()
        self._waiting = self.accepted = self.applied = 0
        self._oldest = 0.0
        self._memory: dict[str, tuple[float, pl.DataFrame]] = {}  # what is slow to ask
        self._subscriptions: list[Subscription] = []
        self._stopping, self.fault = False, ""
        self.changed: list[Callable[[], None]] = []  # called after a swap and after an erasure
        self._refreshed, self._took = 0.0, 0.0
        self._since_checkpoint, self._checkpointed = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self.model, self.recoveries = model, 0
        self.served = self._built(model)
        self._latest = self.served.stream.latest
        self._seq = self.served.stream.seq
        self._worker = threading.Thread(target=self._work, name="emotide-live", daemon=True)
        self._worker.start()

    @classmethod
    def open(
        cls, store: str, model: Path | str, config: LiveConfig | None = None, folder: Path | str | None = None
    ) -> "LiveEngine":
        """The engine on a store and a model's folder; states are built before it returns.

        Args:
            store: its URL.
            model: what `emotide train` wrote, trained on windows of time.
            config: how events are taken in.
            folder: of checkpoints, the policy that learns online, and the audit; `live` in the model's by default.

        Raises:
            StoreError: the store cannot be opened.
            ModelMismatch: there is no whole model.
            BadInput: the model's steps are no windows of time.
        """
        model = Path(model)
        return cls(SocialLog.open(store), model, config or LiveConfig(), Path(folder) if folder else model / "live")

    @property
    def emotide(self) -> Emotide:
        """The model that answers now."""
        return self.served.emotide

    # what comes in

    def accept(self, events: Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Keep events; they are in the store when this returns, and in the states soon after.

        Args:
            events: each `event_id`, `type` ('post', 'interaction', 'tie', 'label', 'item', 'feedback') and that table's
                columns.

        Returns:
            A receipt an event, in their order.

        Raises:
            Busy: too many wait already; none was kept.
            StoreError: the store cannot be written; none was kept.
        """
        self._room(len(events))
        complete = self.served.policy.completed
        told = [complete(one) if isinstance(one, Mapping) and one.get("type") == "feedback" else one for one in events]
        return self._kept(events, checked(told))

    def feedback(self, rows: Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """Keep feedback, from which the recommender learns: `event_id`, `user_id`, `item_id`, `time`, `reward`, and
        where known `network`, `decision_id` and `propensity` (that of the decision by default).

        Raises: as `accept`.
        """
        self._room(len(rows))
        told = [self.served.policy.completed(row) for row in rows]
        return self._kept(rows, checked(told, "feedback"))

    def _kept(self, events: Sequence[Mapping[str, Any]], found: Checked) -> list[Receipt]:
        with self._commit:
            latest = self._latest

            def placed(lines: pl.DataFrame) -> pl.Series:
                nonlocal latest
                ticks = lines["table_name"].is_in(STEPPED)
                step, _ = self.served.stream.clock.placed(lines["time"].to_numpy(), ticks.to_numpy(), latest)
                told = lines.filter(ticks)["time"].max()
                latest = latest if told is None else max(latest, int(told))  # type: ignore[arg-type]
                return pl.Series("step", step, pl.Int64)

            with self.log.store.connect() as connection:
                done = arrive(connection, found.rows, placed, self._seq)
                connection.commit()
                lines = done.lines
                if len(lines) and lines["seq"][0] > self._seq + 1:  # a commit that was told to have failed had not
                    lines = read_journal(connection, self._seq, int(lines["seq"][-1]) - self._seq)
            if len(lines):
                self._latest, self._seq = latest, int(lines["seq"][-1])
                with self._idle:
                    self._oldest = self._oldest if self._waiting else time.monotonic()
                    self._queue.append(lines)
                    self._waiting += len(lines)
                    self.accepted += len(lines)
                self._wake.set()
        return receipts(events, found.refused | done.refused, [*found.known, *done.known])

    def _room(self, events: int) -> None:
        if self._waiting and self._waiting + events > self.config.most_waiting:
            rate = max(self.applied / max(self._took, 1e-3), 1000.0)
            raise Busy(min(60.0, max(0.5, self._waiting / rate)))

    # what is taken in

    def _work(self) -> None:
        while not self._stopping:
            self._wake.wait(0.5)
            self._wake.clear()
            try:
                with self._apply:
                    self._taken()
            except Exception as error:  # whatever it was, what was committed is on disk
                self._recover(error)

    def _recover(self, error: Exception) -> None:
        """Build the states again from what is on disk, until that comes about; what comes meanwhile waits."""
        while not self._stopping:
            self.fault = str(error) if isinstance(error, EmotideError) else type(error).__name__
            try:
                with self._apply:
                    self.served = self._built(self.model)
                    with self._idle:
                        self._waiting = sum(len(lines) for lines in self._queue)
                self.fault, self.recoveries = "", self.recoveries + 1
                self._wake.set()
                return
            except Exception as again:  # the store is away, or nothing can be made of it: health tells
                error = again
                time.sleep(RETRY)

    def _taken(self) -> None:
        """Take what waits into the states, then read the open step, if it is time."""
        while self._queue and not self._stopping:
            lines: list[pl.DataFrame] = []
            while self._queue and sum(len(some) for some in lines) < self.config.micro_batch:
                lines.append(self._queue.popleft())
            begun = time.monotonic()
            some = pl.concat(lines).filter(pl.col("seq") > self.served.stream.seq)  # the rest is in the states
            self._tell(self.served.take(some))
            self.applied += len(some)
            self._took += time.monotonic() - begun
            self._since_checkpoint += len(some)
            with self._idle:
                self._waiting = sum(len(left) for left in self._queue)
            if self._since_checkpoint >= self.config.checkpoint_every:
                self.checkpoint()
        if time.monotonic() - self._refreshed >= max(self.config.refresh, 5 * self.served.ahead_took):
            self._tell(self.served.look_ahead())
            self._refreshed = time.monotonic()
        elif self.served.stale:
            self._wake.set()
            time.sleep(0.01)
        with self._idle:
            if not self._waiting and not self.served.stale:
                self._idle.notify_all()

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until all that was accepted is in the states and read; whether that came about in time."""
        self._wake.set()
        with self._idle:
            return self._idle.wait_for(lambda: not self._waiting and not self.served.stale, timeout)

    def _tell(self, users: list[int]) -> None:
        """Send the new readings of people to whoever listens."""
        listening = [one for one in self._subscriptions if not one.closed]
        if not users or not listening:
            return
        rows = self.served.answers.now(users)
        for one in listening:
            one.put(rows)

    # what goes out

    def emotion(
        self, user: str, *, network: str | None = None, space: str | None = None, horizon: int = 0
    ) -> list[dict[str, Any]]:
        """How somebody feels by the latest step that touched them, and how `horizon` steps ahead.

        Returns:
            Rows as of `Emotide.predict`: user_id, network, time, horizon, space, reading, probabilities or coordinates.

        Raises:
            UnknownName: no such user or space.
        """
        return self._answers(user).emotion(user, network, space, horizon)

    def influences(self, user: str, *, top: int = 10) -> list[dict[str, Any]]:
        """Who moved somebody, and whom they moved: rows of `Emotide.influence(total=True)`, the strongest first.

        They are found by the whole history, and so answered from memory for `LiveConfig.stale` seconds.
        """
        self._answers(user).known(user)
        table = self._remembered("influence", lambda: self.served.emotide.influence(self.log, total=True))
        mine = table.filter((pl.col("source_id") == user) | (pl.col("target_id") == user))
        return mine.head(top).to_dicts()

    def demand(self, *, by: str = "network", user: str | None = None, least: int = 5) -> list[dict[str, Any]]:
        """What is wanted now, by topic: rows of `Emotide.demand`; no group has fewer people than `least`."""
        if user is not None:  # one person is asked of the states themselves
            return self.served.policy.wants(self._answers(user).row(user, None))

        def asked() -> pl.DataFrame:
            return self.served.emotide.demand(self.log, by=by, least=least)

        return self._remembered(f"demand {by} {least}", asked).to_dicts()

    def recommend(self, user: str, *, top: int = 5, network: str | None = None) -> list[dict[str, Any]]:
        """Items for somebody in the state they are in; the decision is written to the audit.

        Returns:
            user_id, network, time (now), decision_id, rank, item_id, value, propensity, reason.

        Raises:
            UnknownName: no such user.
            BadInput: the model recommends nothing, or there are no items.
        """
        row = self._answers(user).row(user, network)
        return self.served.policy.recommend(row, top)

    def spaces(self) -> list[dict[str, Any]]:
        """The spaces that can be read: name, kind, names (of categories or dimensions)."""
        table = spaces_table(self.served.emotide.spaces()).rename({"space": "name"})
        return table.with_columns(pl.col("names").str.split(", ")).to_dicts()

    def subscribe(self) -> Subscription:
        """The readings of whoever is touched, as they change."""
        one = Subscription()
        self._subscriptions = [*(other for other in self._subscriptions if not other.closed), one]
        return one

    def health(self) -> dict[str, Any]:
        """Figures of how it goes."""
        served = self.served
        since = None if not self._checkpointed else round(time.monotonic() - self._checkpointed, 1)
        latest = served.stream.latest
        told = None if latest == NOTHING_YET else datetime.fromtimestamp(latest / 1e6, UTC).isoformat()
        return {
            "accepted": self.accepted, "applied": self.applied, "waiting": self._waiting, "seq": served.stream.seq,
            "people": len(served.stream.census.names), "pairs": served.stream.census.pairs.rows,
            "behind": self._behind_by(), "open_steps": len(served.stream.open),
            "latest": told, "seconds_since_checkpoint": since,
            "model": served.digest, "fault": self.fault or None, "recoveries": self.recoveries,
            "alive": self._worker.is_alive(), **served.policy.health(),
        }  # fmt: skip

    def _behind_by(self) -> float:
        """Seconds that the oldest event has waited."""
        return round(time.monotonic() - self._oldest, 3) if self._waiting else 0.0

    def _answers(self, user: str) -> Answers:
        """What is known now; of somebody who is just coming in, a moment later."""
        answers = self.served.answers
        if not answers.knows(user) and (self._waiting or self.served.stale):
            self.settle(ARRIVING)
        return self.served.answers

    # what is kept, exchanged, erased

    def checkpoint(self) -> Path:
        """Write the states; what came before it need not be told again after a crash."""
        with self._apply:
            place = self.served.saved(self.folder / "states", self.config.kept)
            self._since_checkpoint, self._checkpointed = 0, time.monotonic()
            return place

    def swap(self, model: Path | str) -> None:
        """Exchange the model: its states are built from the whole log meanwhile, then taken all at once.

        Raises:
            ModelMismatch: there is no whole model; the old one goes on.
        """
        fresh = self._serving(Emotide.from_pretrained(model), _digest(Path(model)))
        self._from_beginning(fresh)
        with self._commit, self._apply:
            self._taken()
            self._behind(fresh)
            fresh.look_ahead()
            self.served, self.model = fresh, Path(model)
            self._memory.clear()
        self.checkpoint()
        self.log.store.note("model exchanged", {"model": fresh.digest})
        self._say_changed()

    def forget(self, user: str) -> dict[str, Any]:
        """Erase a person from store, journal, states, what the recommender remembers, checkpoints and audit.

        What the states of others, and weights, have learned from them cannot be taken out.

        Returns:
            erased: rows by place and kind; left, and left_in by place: how often the letters of the id still stand in
            the store's files, the caches, the model's and the engine's folder; of a short id also within other words.

        Raises:
            UnknownName: nobody of this id is or was there.
        """
        with self._commit, self._apply:
            self._taken()
            posts = self.log.store.table("posts", ["network", "post_id", "user_id"]).filter(pl.col("user_id") == user)
            found = erase(self.log, user, self.model, [])
            gone = self.served.erase(user, posts.drop("user_id"))
            self._memory.clear()
            shutil.rmtree(self.folder / "states", ignore_errors=True)  # damaged ones hold names too
            self.checkpoint()
            left = {str(place): int(n) for place, n in found.select("place", "left").unique().drop_nulls().iter_rows()}
            left[str(self.folder)] = self.served.left(user)
        self._say_changed()
        told = found.filter(pl.col("erased") > 0).select("place", "what", "erased").to_dicts()
        return {"user_id": user, "erased": [*told, *gone], "left": sum(left.values()),
                "left_in": {place: n for place, n in left.items() if n}}  # fmt: skip

    def _say_changed(self) -> None:
        for listener in self.changed:
            listener()

    def close(self) -> None:
        """Take in what waits, write a checkpoint, and stop."""
        if self._worker.is_alive():
            self.settle(30.0)
            self._stopping = True
            self._wake.set()
            self._worker.join()
            self.checkpoint()
        for one in self._subscriptions:
            one.close()

    # how states are built

    def _serving(self, emotide: Emotide, digest: str) -> Served:
        return Served(emotide, self.log, self.config, self.folder, digest)

    def _built(self, model: Path) -> Served:
        """The states as they stand after all that the store holds."""
        emotide = Emotide.from_pretrained(model)
        served = self._serving(emotide, _digest(model))
        if not served.loaded(self.folder / "states"):
            served = self._serving(emotide, served.digest)
            self._from_beginning(served)
        else:
            self._behind(served)
        served.look_ahead()
        return served

    def _from_beginning(self, served: Served) -> None:
        with self.log.store.connect() as connection:
            lines = before_journal(connection)
        served.take(self._stepped(served.stream.clock, lines))
        self._behind(served)

    def _behind(self, served: Served) -> None:
        """Take the lines of the journal behind those that are in the states."""
        for lines in self._pages(served):
            served.take(lines)

    def _pages(self, served: Served) -> Iterator[pl.DataFrame]:
        while True:
            with self.log.store.connect() as connection:
                lines = read_journal(connection, served.stream.seq, PAGE)
            if lines.is_empty():
                return
            yield lines

    @staticmethod
    def _stepped(clock: Clock, lines: pl.DataFrame) -> pl.DataFrame:
        """Lines that came by ingest, in order of time, each in the step of its time."""
        ticks = lines["table_name"].is_in(STEPPED).to_numpy()
        step, _ = clock.placed(lines["time"].to_numpy(), ticks, NOTHING_YET)
        return lines.with_columns(pl.Series("step", step, pl.Int64))

    def _remembered(self, name: str, ask: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What is slow to ask, from memory while it is not stale."""
        found = self._memory.get(name)
        if found is None or time.monotonic() - found[0] > self.config.stale:
            found = self._memory[name] = (time.monotonic(), ask())
        table: pl.DataFrame = found[1]
        return table


def _digest(model: Path) -> str:
    """A digest of a model's folder: of what decides on states."""
    told = hashlib.sha256()
    for name in ("model.json", "model.safetensors"):
        told.update((model / name).read_bytes() if (model / name).exists() else b"")
    return told.hexdigest()[:32]
