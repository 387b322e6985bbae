"""`LiveEngine`: events in, states kept up, answers out; what a service stands on (DESIGN 6)."""

import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.api.forgetting import forget as erase
from emotide.api.social_log import spaces_table
from emotide.errors import Busy, EmotideError, StoreError
from emotide.live.building import PAGE, Building
from emotide.live.clock import NOTHING_YET
from emotide.live.config import LiveConfig
from emotide.live.intake import Checked, Receipt, checked, receipts
from emotide.live.remembered import Remembered
from emotide.live.served import Served
from emotide.live.subscription import Subscription
from emotide.store.audit import erasures
from emotide.store.journal import arrive, last_line, read_journal

RETRY = 1.0  # seconds between two tries to build states that went wrong
ARRIVING = 2.0  # seconds for which an answer about somebody unknown waits for what was just accepted


class LiveEngine:
    """A model that lives beside a store.

    - An event is committed to the store, and to the journal, before `accept` returns; its id is the key, so that it
      counts once however often it is sent.
    - One thread takes what was committed into the states, in the order of the journal, by the step function of
      training. A step closes when an event of a later one comes (`LiveConfig.lateness` keeps it open longer); what
      comes late counts in the first step that is open. Of the open step there are readings that change with each event.
    - States are a function of the store's rows and the journal's order. After a crash they are built again from the
      latest checkpoint and the lines behind it, to the same values.
    - Whom another process erases (no consent, forgotten, aged) is forgotten here within `LiveConfig.watch` seconds.
    - Rows that `emotide ingest` brings meanwhile are in the store at once; in the states when they are next built from
      the beginning (`swap`, or no checkpoint).

    Safe to be used by several threads. Open one with `LiveEngine.open`; `close` it in the end.
    """

    def __init__(
        self, log: SocialLog, model: Path, config: LiveConfig, folder: Path, building: Building | None = None
    ) -> None:
        self.log, self.config, self.folder = log, config, folder
        self.building = building or Building(log, config, folder)
        self._commit, self._apply = threading.Lock(), threading.RLock()
        self._wake, self._idle = threading.Event(), threading.Condition()
        self._queue: deque[pl.DataFrame] = deque()
        self._waiting = self.accepted = self.applied = 0
        self._oldest = 0.0
        self._memory = Remembered(config.stale, config.patience)
        self._subscriptions: list[Subscription] = []
        self._stopping, self.fault = False, ""
        self._spoiled: Exception | None = None  # went wrong while lines were taken in: states are half of them
        self._looked = time.monotonic()
        self.changed: list[Callable[[], None]] = []  # called after a swap and after an erasure
        self._refreshed, self._took = 0.0, 0.0
        self._since_checkpoint, self._checkpointed = 0, 0.0
        self._held = _alone(folder)
        self.model, self.recoveries = model, 0
        try:
            self.served = self.building.built(model)
        except BaseException:
            self._held.close()
            raise
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
            StoreError: the store cannot be opened, or another engine has the folder.
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
            with self.log.store.connect() as connection:
                done = arrive(connection, found.rows, self._seq)
                connection.commit()
                lines = done.lines
                if len(lines) and lines["seq"][0] > self._seq + 1:  # a commit that was told to have failed had not
                    lines = read_journal(connection, self._seq, int(lines["seq"][-1]) - self._seq)
            self._queued(lines)
        return receipts(events, found.refused | done.refused, [*found.known, *done.known])

    def _queued(self, lines: pl.DataFrame) -> None:
        """Put lines that were committed where they wait to be taken in; the caller holds `_commit`."""
        if lines.is_empty():
            return
        self._seq = int(lines["seq"][-1])
        with self._idle:
            self._oldest = self._oldest if self._waiting else time.monotonic()
            self._queue.append(lines)
            self._waiting += len(lines)
            self.accepted += len(lines)
        self._wake.set()

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
                if time.monotonic() - self._looked >= self.config.watch:
                    self._look_around()
                with self._apply:
                    self._taken()
            except Exception as error:  # whatever it was, what was committed is on disk
                self._recover(error)

    def _look_around(self) -> None:
        """See to what other processes did: take what they put into the journal, forget whom they erased."""
        self._looked = time.monotonic()
        with suppress(StoreError):  # it is away: later
            with self.log.store.connect() as connection:
                came, gone = last_line(connection) > self._seq, erasures(connection) > self.served.stream.minded
            if not (came or gone) or not self._commit.acquire(timeout=RETRY):  # somebody writes for long: later
                return
            try:
                with self.log.store.connect() as connection:
                    self._queued(read_journal(connection, self._seq, PAGE))
                if gone:
                    with self._apply:
                        self._taken()
                        self._without_gone(self.served)
            finally:
                self._commit.release()
            if gone:
                self._say_changed()

    def _recover(self, error: Exception) -> None:
        """Build the states again from what is on disk, until that comes about; what comes meanwhile waits."""
        while not self._stopping:
            self.fault = str(error) if isinstance(error, EmotideError) else type(error).__name__
            try:
                with self._apply:
                    self.served, self._spoiled = self.building.built(self.model), None
                    with self._idle:
                        self._waiting = sum(len(lines) for lines in self._queue)
                self.fault, self.recoveries = "", self.recoveries + 1
                self._memory.clear()
                self._say_changed()  # somebody may have been erased meanwhile
                self._wake.set()
                return
            except Exception as again:  # the store is away, or nothing can be made of it: health tells
                error = again
                time.sleep(RETRY)

    def _taken(self) -> None:
        """Take what waits into the states, then read the open step, if it is time.

        When that goes wrong, whoever called is told, and nothing more is taken in before the states are built again.
        """
        try:
            if self._spoiled is not None:
                raise self._spoiled
            self._take()
        except Exception as error:
            self._spoiled = error
            self._wake.set()
            raise

    def _take(self) -> None:
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
        return self._telling(user).answers.emotion(user, network, space, horizon)

    def influences(self, user: str, *, top: int = 10) -> list[dict[str, Any]]:
        """Who moved somebody, and whom they moved: rows of `Emotide.influence(total=True)`, the strongest first.

        They are found by the whole history, and so answered from memory for `LiveConfig.stale` seconds.

        Raises:
            UnknownName: no such user.
            NotYet: they are still being found.
        """
        self._telling(user).answers.known(user)
        table = self.influence()
        mine = table.filter((pl.col("source_id") == user) | (pl.col("target_id") == user))
        return mine.head(top).to_dicts()

    def influence(self, patience: float | None = None) -> pl.DataFrame:
        """Who moved whom, of everybody: `Emotide.influence(total=True)`, as it is remembered.

        Args:
            patience: seconds that are waited for it; `LiveConfig.patience` by default.

        Raises:
            NotYet: it is still being found.
        """
        return self._memory.ask("influence", self._influence, patience)

    def demand(self, *, by: str = "network", user: str | None = None, least: int = 5) -> list[dict[str, Any]]:
        """What is wanted now, by topic: rows of `Emotide.demand`; no group has fewer people than `least`.

        Raises:
            UnknownName: no such user.
            NotYet: of groups, it is still being computed.
        """
        if user is not None:  # one person is asked of the states themselves
            served = self._telling(user)
            return served.policy.wants(served.answers.row(user, None))

        def asked() -> pl.DataFrame:
            return self.served.emotide.demand(self.log, by=by, least=1)  # whoever asks is told of fewer

        return self._memory.ask(f"demand {by}", asked).filter(pl.col("n") >= least).to_dicts()

    def warm(self) -> None:
        """Begin to compute what is slow, before anybody asks for it."""
        self._memory.begin("influence", self._influence)

    def _influence(self) -> pl.DataFrame:
        return self.served.emotide.influence(self.log, total=True)

    def recommend(self, user: str, *, top: int = 5, network: str | None = None) -> list[dict[str, Any]]:
        """Items for somebody in the state they are in; the decision is written to the audit.

        Returns:
            user_id, network, time (now), decision_id, rank, item_id, value, propensity, reason.

        Raises:
            UnknownName: no such user.
            BadInput: the model recommends nothing, or there are no items.
        """
        served = self._telling(user)
        return served.policy.recommend(served.answers.row(user, network), top)

    def spaces(self) -> list[dict[str, Any]]:
        """The spaces that can be read: name, kind, names (of categories or dimensions)."""
        table = spaces_table(self.served.emotide.spaces()).rename({"space": "name"})
        return table.with_columns(pl.col("names").str.split(", ")).to_dicts()

    def subscribe(self) -> Subscription:
        """The readings of whoever is touched, as they change."""
        one = Subscription(lambda network, user: (network, user) in self.served.stream.census.names.row)
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

    def _telling(self, user: str) -> Served:
        """The model at work, which knows what is known now; of somebody who is just coming in, a moment later."""
        if not self.served.answers.knows(user) and (self._waiting or self.served.stale):
            self.settle(ARRIVING)
        return self.served

    # what is kept, exchanged, erased

    def checkpoint(self) -> Path:
        """Write the states; what came before it need not be told again after a crash.

        Raises:
            StoreError: they are being built again.
        """
        with self._apply:
            if self._spoiled is not None:
                raise StoreError("the states are being built again: none are written meanwhile")
            place = self.building.saved(self.served)
            self._since_checkpoint, self._checkpointed = 0, time.monotonic()
            return place

    def swap(self, model: Path | str) -> None:
        """Exchange the model: its states are built from the whole log meanwhile, then taken all at once.

        Raises:
            ModelMismatch: there is no whole model; the old one goes on.
        """
        fresh = self.building.anew(Path(model))
        with self._commit, self._apply:
            self._taken()
            self.building.behind(fresh)
            self._without_gone(fresh)  # whoever was erased while the states were built
            self.served, self.model = fresh, Path(model)
            self._memory.clear()
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
            found = erase(self.log, user, self.model, [])
            gone = self._without_gone(self.served, user)
            left = {str(place): int(n) for place, n in found.select("place", "left").unique().drop_nulls().iter_rows()}
            left[str(self.folder)] = self.served.left(user)
        self._say_changed()
        told = found.filter(pl.col("erased") > 0).select("place", "what", "erased").to_dicts()
        return {"user_id": user, "erased": [*told, *gone], "left": sum(left.values()),
                "left_in": {place: n for place, n in left.items() if n}}  # fmt: skip

    def _without_gone(self, served: Served, user: str | None = None) -> list[dict[str, Any]]:
        """See `Building.without_gone`; what is remembered goes too."""
        told = self.building.without_gone(served, user)
        self._since_checkpoint, self._checkpointed = 0, time.monotonic()
        self._memory.clear()
        return told

    def _say_changed(self) -> None:
        for one in self._subscriptions:
            one.purge()
        for listener in self.changed:
            listener()

    def close(self) -> None:
        """Take in what waits, write a checkpoint, and stop."""
        if self._worker.is_alive():
            self.settle(30.0 if self._spoiled is None else 0.0)
            self._stopping = True
            self._wake.set()
            self._worker.join()
            with suppress(StoreError):  # what is on disk is whole, and the journal holds the rest
                self.checkpoint()
        for one in self._subscriptions:
            one.close()
        self._held.close()


def _alone(folder: Path) -> IO[str]:
    """A file of the folder that one engine alone can hold, until it is closed or the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise StoreError(f"another engine writes to {folder}: stop it, or name a folder of your own") from None
    return file
