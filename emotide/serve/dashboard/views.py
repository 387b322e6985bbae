"""What the dashboard shows of a model and a store, computed on first use and again when the store has changed."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar, runtime_checkable

import polars as pl

from emotide.api import Emotide, SocialLog
from emotide.errors import BadInput, EmotideError, UnknownName
from emotide.model import EmotionSpace, space_named
from emotide.recommend import Guard
from emotide.serve.dashboard.groups import group_moods
from emotide.serve.dashboard.network import drawn_network, people_of
from emotide.serve.dashboard.person import drawn_person
from emotide.serve.dashboard.plain import columns, plain
from emotide.serve.dashboard.recommending import RECORDS, barred_by, rewards, rules, tail

COVERAGE = 0.9
MOMENTS = 6  # steps that demand is looked back at
WAITS = 3600.0  # seconds that a page waits for what the engine computes
NEWEST = 30
T = TypeVar("T")


@runtime_checkable
class Engine(Protocol):
    """What is used of a live engine: its health, its readings as they change, and what it remembers."""

    def health(self) -> Mapping[str, Any]:
        """Figures by name."""

    def subscribe(self) -> Iterable[Mapping[str, Any]]:
        """Readings as they change; it has a `close`."""

    def influence(self, patience: float | None = None) -> pl.DataFrame:
        """`Emotide.influence` with `total`, of everybody; it is waited for so many seconds."""


class Views:
    """The dashboard's data; safe to ask from several threads.

    Args:
        emotide, log: a model and what it is asked about.
        engine: a live engine on the same store, if there is one.
        audit: a .jsonl file of decisions; where None, the decisions of this moment are shown.
        guard: the rules that hold; those that come with Emotide by default.
        least: people below whom a group has no figure.
        horizon: steps of forecast.
        patience: seconds for which an answer stands though the store has changed.
    """

    def __init__(
        self,
        emotide: Emotide,
        log: SocialLog,
        engine: Engine | None = None,
        audit: Path | None = None,
        guard: Guard | None = None,
        least: int = 5,
        horizon: int = 5,
        patience: float = 15.0,
    ) -> None:
        self.emotide, self.log, self.engine, self.audit = emotide, log, engine, audit
        self.guard, self.least, self.horizon, self.patience = guard or Guard.read(), least, horizon, patience
        self._lock, self._era = threading.RLock(), 0
        self._making: dict[tuple[Any, ...], Any] = {}
        self._kept: dict[tuple[Any, ...], tuple[str, float, Any]] = {}
        self._newest: deque[dict[str, Any]] = deque(maxlen=NEWEST)
        self._subscription = engine.subscribe() if engine is not None else None
        if self._subscription is not None:
            threading.Thread(target=self._listen, name="dashboard", daemon=True).start()

    def use(self, emotide: Emotide) -> None:
        """Ask another model from now on."""
        with self._lock:
            self.emotide = emotide
            self._kept.clear()
            self._era += 1

    def clear(self) -> None:
        """Forget what was computed: whoever erases a person calls this, so that nothing outlives the erasure."""
        with self._lock:
            self._kept.clear()
            self._newest.clear()
            self._era += 1

    def close(self) -> None:
        """Listen to the engine no longer."""
        close = getattr(self._subscription, "close", None)
        if close is not None:
            close()

    def start(self) -> dict[str, Any]:
        """What the page asks first: the spaces, the networks, the least group, and what there is to see."""
        usual = self._usual()
        return {
            "spaces": [
                {"name": space.name, "dimensional": space.dimensional, "names": list(space.names)}
                for space in self._spaces().values()
            ],
            "space": usual,
            "networks": self.log.store.networks(),
            "least": self.least,
            "recommender": self.emotide.recommender is not None,
            "live": self.engine is not None,
        }

    def network(self, space: str | None = None) -> dict[str, Any]:
        """See `drawn_network`; without people where nobody was read.

        Raises:
            UnknownName: no such space.
        """
        known = self._space(space)

        def make() -> dict[str, Any]:
            return drawn_network(self._readings(known), self._influence(), known)

        return self._once(("network", known.name), make)

    def person(self, user: str, network: str | None = None, space: str | None = None) -> dict[str, Any]:
        """See `drawn_person`; besides, the paths to them and what they are offered, or why there is nothing.

        Raises:
            UnknownName: no such space, user or network of theirs.
        """
        known = self._space(space)
        readings = self._readings(known).filter(pl.col("user_id") == user)
        networks = readings["network"].unique().sort().to_list()
        if not networks:
            raise UnknownName("user", user, self._readings(known)["user_id"].unique().to_list())
        if network is not None and network not in networks:
            raise UnknownName("network of this user", network, networks)
        own = pl.col("network") == (networks[0] if network is None else network)
        told = drawn_person(readings.filter(own), self._influence().filter(own), user, known)
        offers, why_none = self._offers()
        mine = offers.filter(pl.col("user_id") == user, own) if not offers.is_empty() else offers
        return told | {
            "user": user,
            "network": networks[0] if network is None else network,
            "networks": networks,
            "paths": columns(self._paths(user).filter(own)),
            "offers": columns(mine),
            "no_offers": why_none,
        }

    def why(self, user: str, at: datetime | None = None, space: str | None = None) -> dict[str, Any]:
        """Why somebody is read as they are: see `Emotide.explain`; each post with its text.

        Raises:
            UnknownName: no such user or space.
            BadInput: nothing is known of the user by then.
        """
        known = self._space(space)

        def make() -> dict[str, Any]:
            rows = self.emotide.explain(self.log, user, at=at, space=known.name)
            said = self.log.store.table("posts", ["post_id", "title", "text"])
            said = said.select(
                "post_id", said=pl.concat_str("title", "text", separator=" · ", ignore_nulls=True).str.slice(0, 400)
            )
            keep = rows.select("time", "reading", "kind", "share", "post_id", "author_id", "posted", "word")
            return columns(keep.join(said.unique("post_id"), on="post_id", how="left", maintain_order="left"))

        return self._once(("why", user, at, known.name), make)

    def groups(self, by: str = "network", space: str | None = None) -> dict[str, Any]:
        """Moods of networks over time, and what groups want; see `Emotide.demand`.

        Raises:
            UnknownName: no such space, or way of grouping.
        """
        if by not in ("network", "mood", "group"):
            raise UnknownName("way of grouping", by, ("network", "mood", "group"))
        known = self._space(space)

        def make() -> dict[str, Any]:
            try:
                wanted, none = self.emotide.demand(self.log, by=by, moments=MOMENTS, least=self.least), None
            except BadInput as error:
                wanted, none = pl.DataFrame(), str(error)
            moods = group_moods(self._readings(known), known, self.least)
            return moods | {"by": by, "least": self.least, "demand": columns(wanted), "no_demand": none}

        return self._once(("groups", by, known.name), make)

    def recommender(self) -> dict[str, Any]:
        """Reward over time, rules, records; who moves most."""

        def make() -> dict[str, Any]:
            offers, none = self._offers()
            records = self._records() if self.audit is None else []
            return {
                "rewards": rewards(self.log.table("feedback"), self.least),
                "offers": len(offers),
                "no_offers": none,
                "records": records,
            }

        told = dict(self._once(("recommender",), make))
        if self.audit is not None:
            told["records"] = tail(self.audit)
        return told | {"rules": rules(self.guard), "barred_by": barred_by(told["records"]), "least": self.least}

    def health(self) -> dict[str, Any]:
        """The model, the store, the engine, and what was read last."""
        model, usual = self.emotide.trained, self._space(None)
        ready = ("readings", usual.name) in self._kept

        def make() -> dict[str, Any]:
            nobody = pl.DataFrame(schema=NOBODY)  # before they were read once: health does not wait for that
            readings = (self._readings(usual) if ready else nobody).filter(pl.col("horizon") == 0)
            newest = readings.sort("time", descending=True, maintain_order=True).head(NEWEST)
            span = {"first": readings["time"].min(), "last": readings["time"].max()}
            return {
                "model": {
                    "parameters": sum(weight.numel() for weight in model.model.parameters()),
                    "step": model.run.timeline.step,
                    "text": model.run.text,
                    "spaces trained on": ", ".join(model.model.readings.trained),
                    "epochs": len(self.emotide.history.rows),
                    "recommender": self.emotide.recommender is not None,
                },
                "store": plain(self.log.store.counts())
                | {"networks": len(self.log.store.networks()), "people": len(people_of(readings))}
                | plain(span),
                "newest": columns(newest.select("user_id", "network", "time", "space", "reading")),
            }

        told = dict(self._once(("health", ready), make))
        told["digest"] = self.log.store.digest()[:12]
        told["engine"] = plain(dict(self.engine.health())) if self.engine is not None else None
        if self._newest:
            rows = list(self._newest)
            names = ("user_id", "network", "time", "space", "reading")
            told["newest"] = {name: [plain(row.get(name)) for row in rows] for name in names}
        return told

    def _listen(self) -> None:
        for row in self._subscription or ():
            self._newest.appendleft(dict(row))

    def _once(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What `make` gives, kept while the store is the same, or changed only a moment ago."""
        with self._lock:
            making = self._making.setdefault(key, threading.RLock())
        with making:  # whoever asks for something else does not wait
            digest, now = self.log.store.digest(), time.monotonic()
            with self._lock:
                found, era = self._kept.get(key), self._era
            if found is not None and (found[0] == digest or now - found[1] < self.patience):
                kept: T = found[2]
                return kept
            value = make()
            with self._lock:
                if len(self._kept) > 200:
                    self._kept.clear()
                if era == self._era:  # nobody was erased, no model exchanged meanwhile
                    self._kept[key] = (digest, time.monotonic(), value)
            return value

    def warm(self) -> None:
        """Compute what the page will ask for first, one thing after the other: each wants much memory."""
        with suppress(EmotideError):
            self._influence()
            self.network()
            self.recommender()
            self.groups()

    def _spaces(self) -> dict[str, EmotionSpace]:
        return self._once(("spaces",), lambda: self.log.spaces() | self.emotide.spaces())

    def _space(self, name: str | None) -> EmotionSpace:
        return space_named(name or self._usual(), self._spaces())

    def _usual(self) -> str:
        trained = self.emotide.trained.model.readings.trained
        return next((name for name in trained if not self._spaces()[name].dimensional), (*trained, "pad")[0])

    def _readings(self, space: EmotionSpace) -> pl.DataFrame:
        """Of everybody, with sets where they were calibrated; empty where nobody did anything."""

        def make() -> pl.DataFrame:
            try:
                return self.emotide.predict(self.log, horizon=self.horizon, space=space.name, coverage=COVERAGE)
            except BadInput:
                pass
            if self._anybody():
                return self.emotide.predict(self.log, horizon=self.horizon, space=space.name)
            return pl.DataFrame(schema=NOBODY | dict.fromkeys(space.names, pl.Float32()))

        return self._once(("readings", space.name), make)

    def _anybody(self) -> bool:
        """Whether anybody did anything."""
        counts = self.log.store.counts()
        return any(counts[name] for name in ("posts", "interactions", "labels"))

    def _influence(self) -> pl.DataFrame:
        def make() -> pl.DataFrame:
            return self.emotide.influence(self.log, total=True)

        if not self._anybody():
            return pl.DataFrame(schema=NO_PAIRS)
        return self._once(("influence",), make) if self.engine is None else self.engine.influence(WAITS)

    def _paths(self, user: str) -> pl.DataFrame:
        def make() -> pl.DataFrame:
            told = self.emotide.paths(self.log, user, total=True)
            chains = told.filter(pl.col("links") > 1).group_by("network", maintain_order=True).head(5)
            return chains.select("path", "network", "times", "effect", "strength")

        return self._once(("paths", user), make)

    def _offers(self) -> tuple[pl.DataFrame, str | None]:
        return self._decided()[0], self._decided()[2]

    def _records(self) -> list[dict[str, Any]]:
        return self._decided()[1]

    def _decided(self) -> tuple[pl.DataFrame, list[dict[str, Any]], str | None]:
        """What everybody would be shown now, the records of these decisions, or why there is nothing."""

        def make() -> tuple[pl.DataFrame, list[dict[str, Any]], str | None]:
            with TemporaryDirectory(prefix="emotide-") as room:
                file = Path(room) / "audit.jsonl"
                try:
                    rows = self.emotide.recommend(self.log, audit=file if self.audit is None else None)
                except BadInput as error:
                    return pl.DataFrame(), [], str(error)
                titles = self.log.table("items").select("item_id", "title")
                rows = rows.join(titles, on="item_id", how="left", maintain_order="left")
                return rows, sorted(tail(file), key=lambda row: -int(row.get("barred") or 0))[:RECORDS], None

        return self._once(("decided",), make)


NOBODY: dict[str, pl.DataType] = {
    "user_id": pl.String(),
    "network": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "horizon": pl.Int32(),
    "space": pl.String(),
    "reading": pl.String(),
}
NO_PAIRS: dict[str, pl.DataType] = {
    **dict.fromkeys(("source_id", "target_id", "network"), pl.String()),
    **dict.fromkeys(("effect", "strength", "p_value", "q_value"), pl.Float64()),
}
