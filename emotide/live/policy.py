"""The recommender beside the states: shows, keeps an audit, and learns from what comes back (DESIGN 3.8, 6)."""

import json
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from emotide.api import Emotide, SocialLog
from emotide.api.demanding import topics_of
from emotide.api.guarding import audit_rows
from emotide.api.items import Items, chooser_over, items_of
from emotide.api.recommending import moods_of
from emotide.errors import BadInput, UnknownName
from emotide.live.config import LiveConfig
from emotide.live.people import Census
from emotide.live.snapshot import Snapshot
from emotide.recommend import Feedback, Guard, Held, OnlinePolicy, reasons
from emotide.recommend.demand import topic_values

AUDIT = "decisions.jsonl"
MOST = 200_000  # decisions that wait for their feedback
_WRITING = threading.Lock()  # the audit; two policies have one while models are exchanged


class Policy:
    """What is shown to whom, by the states that a snapshot holds.

    Args:
        emotide: a model; it may have learned no recommending.
        log: with items, or none.
        config: ε, and whether the guard holds.
        folder: of the policy's checkpoints and of the audit.
        census, snapshot: who there is, and what readers see of them.
        space: in which moods are named.
    """

    def __init__(
        self, emotide: Emotide, log: SocialLog, config: LiveConfig, folder: Path, census: Census, snapshot: Snapshot,
        space: str,
    ) -> None:  # fmt: skip
        self.emotide, self.log, self.config, self.folder, self.space = emotide, log, config, folder, space
        self.census, self.snapshot = census, snapshot
        self.lock, self.rng = threading.RLock(), np.random.default_rng(secrets.randbits(64))
        self.guard = Guard.read() if config.guarded else None
        self.decided: OrderedDict[tuple[int, str], tuple[np.ndarray, float, str]] = OrderedDict()
        self.propensity: OrderedDict[str, dict[str, float]] = OrderedDict()
        self.online: OnlinePolicy | None = None
        self.items: Items | None = None
        self.learned = 0  # line of the journal up to which was learned
        if emotide.recommender is not None and not log.table("items").is_empty():
            chooser, self.items = chooser_over(emotide.trained, emotide.recommender, log)
            self.online = OnlinePolicy.open(chooser, folder / "policy")
            self.learned = int(self.online.place.get("seq", 0))
            self._index()

    def _index(self) -> None:
        assert self.items is not None
        self.row = {name: k for k, name in enumerate(self.items.ids)}
        self.belongs = self.guard.belongs(self.items.tags) if self.guard else np.zeros((0, len(self.items)), bool)

    def renew(self, names: pl.Series) -> None:
        """Items that came since; they can be shown at once."""
        if self.online is None or self.items is None:
            return
        with self.lock:
            new = [name for name in names if name not in self.row]
            if not new:
                return
            found = items_of(self.emotide.trained, self.log, pictures=self._pictures())
            kept = np.flatnonzero([name not in self.row for name in found.ids])
            self.online.take(found.vectors[kept])
            vectors = np.concatenate([self.items.vectors, found.vectors[kept]])
            self.items = Items(pl.concat([self.items.table, found.table[kept]]), vectors)
            self._index()

    def _pictures(self) -> bool:
        assert self.items is not None
        return bool(self.items.vectors.shape[1] > self.emotide.trained.scale.shape[1])

    def recommend(self, row: int, top: int) -> list[dict[str, Any]]:
        """decision_id, rank, item_id, value, propensity, reason for a person.

        Raises:
            BadInput: the model recommends nothing, or there are no items.
        """
        if self.online is None or self.items is None:
            raise BadInput("this model recommends nothing here: it has learned from no feedback, or there are no items")
        with self.lock:
            chooser = self.online.recommender
            with self.snapshot.lock:
                H, M, pleasure = self.snapshot.mood(row)
                held = self._held(row, pleasure)
            ranking = chooser.recommend(H, top, self.config.epsilon, rng=self.rng, held=held)
            some, values = chooser.considered(H)
            (told,) = audit_rows(H, some, values, ranking, held, self.items.ids)
            kept = np.flatnonzero(ranking.item[0] >= 0)
            item, value = ranking.item[0, kept], ranking.value[0, kept]
            neutral, titles = chooser.neutral(), self.items.titles
            mood = moods_of(self.emotide.trained, self.space, H, M)[0]
            why = reasons(value, neutral[item], float(neutral.mean()), [titles[k] for k in item], [mood] * len(item),
                          ranking.explored[0, kept])  # fmt: skip
            number, now = secrets.token_hex(12), datetime.now(UTC)
            network, user = self._named(row)
            who = {"user_id": user, "network": network, "time": now, "decision_id": number}
            rows = [
                {**who, "rank": place + 1, "item_id": self.items.ids[k], "value": float(v), "propensity": float(p),
                 "reason": reason}
                for place, (k, v, p, reason) in enumerate(
                    zip(item, value, ranking.propensity[0, kept], why, strict=True))
            ]  # fmt: skip
            self._note(row, number, H[0], rows)
            self._audit({**who, "time": now.isoformat(), **told})
        return rows

    def wants(self, row: int) -> list[dict[str, Any]]:
        """What a person wants now, by topic (tag of items): group, time, topic, value, share, n, change; most first.

        Raises:
            BadInput: the model recommends nothing, or there are no items.
        """
        if self.online is None or self.items is None:
            raise BadInput("this model knows no demand here: it has learned from no feedback, or there are no items")
        with self.lock:
            topics, belongs = topics_of(self.items.tags)
            values = self.online.recommender.scores(self.snapshot.mood(row).H)
        value = topic_values(values, belongs)[0]
        best, user, now = int(value.argmax()), self._named(row)[1], datetime.now(UTC)
        told = [
            {"group": user, "time": now, "topic": topics[k], "value": float(value[k]), "share": float(k == best),
             "n": 1, "change": None}
            for k in np.argsort(-value, kind="stable")
        ]  # fmt: skip
        return told

    def _named(self, row: int) -> tuple[str, ...]:
        """Network and name of a row."""
        name = self.census.names.names[row]
        if not name:  # erased while they were asked about
            raise UnknownName("user", "", [])
        return name

    def _held(self, row: int, pleasure: Float[np.ndarray, " readings"]) -> Held | None:
        if self.guard is None:
            return None
        shown = self.snapshot.people.shown[row].copy()
        names = self.census.items.names
        recent = np.array([self.row.get(names[k][0], -1) if k >= 0 else -1 for k in shown], np.int64)
        pleasure = pleasure.astype(float)
        return Held(
            self.guard, pleasure[None, max(0, len(pleasure) - self.guard.readings) :] if self.guard.readings
            else pleasure[None, :0], recent[None, max(0, len(recent) - self.guard.shown) :] if self.guard.shown
            else recent[None, :0], self.belongs,
        )  # fmt: skip

    def _note(self, row: int, number: str, H: Float[np.ndarray, " state"], rows: list[dict[str, Any]]) -> None:
        self.propensity[number] = {one["item_id"]: one["propensity"] for one in rows}
        for one in rows:
            self.decided[row, one["item_id"]] = (H, one["propensity"], number)
            self.decided.move_to_end((row, one["item_id"]))
        while len(self.decided) > MOST:
            self.decided.popitem(last=False)
        while len(self.propensity) > MOST:
            self.propensity.popitem(last=False)

    def completed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A feedback with the propensity of its decision, where it names one and tells none."""
        told = {name: value for name, value in row.items() if name != "decision_id"}
        decided = self.propensity.get(str(row.get("decision_id")), {})
        if told.get("propensity") is None and str(row.get("item_id")) in decided:
            told["propensity"] = decided[str(row["item_id"])]
        return told

    def fed(self, lines: pl.DataFrame) -> None:
        """Learn from feedback, or remember what was learned before; lines of the journal, in their order."""
        if self.online is None:
            return
        lines = lines.filter(pl.col("target_id").is_in(list(self.row)), pl.col("number").is_not_null())
        if lines.is_empty():
            return
        with self.lock:
            user = self.census.rows(lines["network"], lines["source_id"])
            item = np.array([self.row[name] for name in lines["target_id"]], np.int64)
            state = self.census.states(user)
            own = np.zeros(len(lines), bool)
            for k, key in enumerate(zip(user.tolist(), lines["target_id"], strict=True)):
                if key in self.decided:
                    state[k], _, _ = self.decided.pop(key)
                    own[k] = True
            feedback = Feedback(
                user, state, item, lines["number"].to_numpy().astype(np.float32), lines["time"].to_numpy() / 1e6,
                lines["propensity"].fill_null(float("nan")).to_numpy(), own,
            )  # fmt: skip
            seq = lines["seq"].to_numpy()
            old = int(np.searchsorted(seq, self.learned, side="right"))
            if old:
                self.online.remember(feedback[:old])
            if old < len(feedback):
                self.learned = int(seq[-1])
                self.online.learn(feedback[old:], {"seq": self.learned})

    def erase(self, rows: Int[np.ndarray, " some"], gone: Callable[[str, str], bool]) -> int:
        """Forget people: what they were shown and what came back; how many lines of the audit became tombstones.

        All that is replayed goes, of everybody, if anybody does: it holds states and not whose they are.
        """
        with self.lock:
            for key in [key for key in self.decided if key[0] in set(rows.tolist())]:
                self.propensity.pop(self.decided.pop(key)[2], None)
            if self.online is not None and len(rows):
                for row in rows.tolist():
                    self.online.waiting.pop(row, None)
                memory = self.online.recommender.memory
                self.online.recommender.memory = replace(memory)
        with _WRITING:
            return self._bury(gone)

    def _bury(self, gone: Callable[[str, str], bool]) -> int:
        file = self.folder / AUDIT
        if not file.exists():
            return 0
        buried, part = 0, file.with_suffix(".part")
        with file.open(encoding="utf-8") as lines, part.open("w", encoding="utf-8") as kept:
            for line in lines:
                told = _decision(line)
                if told is None:  # the process was killed while it wrote: nobody knows whose it was
                    continue
                if gone(str(told.get("network")), str(told.get("user_id"))):
                    buried += 1
                    line = json.dumps({"decision_id": told["decision_id"], "time": told["time"], "erased": True}) + "\n"
                kept.write(line)
            kept.flush()
            os.fsync(kept.fileno())
        part.replace(file)
        return buried

    def _audit(self, told: dict[str, Any]) -> None:
        with _WRITING, (self.folder / AUDIT).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, ensure_ascii=False) + "\n")

    def health(self) -> dict[str, Any]:
        """How the policy earns."""
        return {"recommender": None if self.online is None else self.online.running}


def _decision(line: str) -> dict[str, Any] | None:
    """A line of the audit; None where it is none."""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None
