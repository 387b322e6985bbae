"""One step of a log that goes on, compiled from what came in it and what is remembered (DESIGN 3.4).

What it makes is what the whole log, compiled at once, holds of this step: `emotide.timeline` says whom somebody sees,
and `emotide.model.batch` makes tensors of it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int

from emotide.live.people import Census
from emotide.model import EmotionSpace
from emotide.model.batch import Lone
from emotide.timeline import Events, Group, Labels, TimelineConfig
from emotide.timeline.compile import OTHER
from emotide.timeline.labels import compile_labels
from emotide.timeline.neighbours import Sight
from emotide.train import Trained
from emotide.train.observed import Observed
from emotide.vectors.encoders import Contents

CONTACT = {"source": pl.Int32, "target": pl.Int32, "step": pl.Int32, "kind": pl.Int32}
TIE = {"source": pl.Int32, "target": pl.Int32, "begin": pl.Int64, "end": pl.Int64}  # steps since 1970
STEPPED = ("posts", "interactions", "labels")  # what touches people in a step


class Compiled(NamedTuple):
    """A step, and the rows that it touches.

    Attributes:
        lone: the step, for the network.
        vectors: of its posts.
        user: rows of people, ascending.
        pair: rows of pairs.
        chance: of each pair.
        contacts: made in it.
    """

    lone: Lone
    vectors: Float[torch.Tensor, "posts width"]
    user: Int[np.ndarray, " active"]
    pair: Int[np.ndarray, " pairs"]
    chance: Float[np.ndarray, " pairs"]
    contacts: pl.DataFrame


@dataclass(frozen=True)
class Compiler:
    """Compiles steps in the terms of a model.

    Attributes:
        trained: the model.
        spaces: that labels may be in.
        observed: makes vectors of posts, where the model's own encoder does not.
    """

    trained: Trained
    spaces: dict[str, EmotionSpace]
    observed: Callable[[Contents], Observed] | None = None

    @property
    def config(self) -> TimelineConfig:
        """How the model's log was cut."""
        return self.trained.run.timeline

    def contacts(self, lines: pl.DataFrame, census: Census, step: int) -> pl.DataFrame:
        """Who turned to whom, and how; nobody is in touch with himself."""
        mine = lines.filter(pl.col("table_name") == "interactions")
        number = {kind: k for k, kind in enumerate(self.trained.kinds)}
        kind = mine["kind"].replace_strict(number, default=number.get(OTHER), return_dtype=pl.Int32)
        source, target = (census.rows(mine["network"], mine[end]) for end in ("source_id", "target_id"))
        rows = {"source": source, "target": target, "step": np.full(len(mine), step), "kind": kind}
        return pl.DataFrame(rows, schema=CONTACT, strict=False).filter(
            pl.col("source") != pl.col("target"), pl.col("kind").is_not_null()
        )

    def compile(
        self, lines: pl.DataFrame, step: int, census: Census, past: pl.DataFrame, ties: pl.DataFrame, origin: int
    ) -> Compiled:
        """The step in which these lines count.

        Args:
            lines: of the journal with their details, of posts, interactions and labels.
            step: its number.
            census: everybody whom the lines name has a row already, or gets one.
            past: contacts of the steps before, as far as they are remembered.
            ties: standing or not; source (who looks), target, begin, end.
            origin: the step since 1970 from which steps are counted.
        """
        posts = lines.filter(pl.col("table_name") == "posts").sort("network", "source_id", "time", "post_id")
        contacts = self.contacts(lines, census, step)
        owner = census.rows(posts["network"], posts["source_id"])
        labels, labelled = self._labels(lines.filter(pl.col("table_name") == "labels"), step, census)
        source, target = contacts["source"].to_numpy(), contacts["target"].to_numpy()
        user = np.unique(np.concatenate([owner, source, target, labelled]))
        order = np.argsort(owner, kind="stable")
        owner, posts = owner[order], posts[order]
        counts = np.stack([np.bincount(np.searchsorted(user, rows), minlength=len(user))
                           for rows in (owner, source, target)], 1)  # fmt: skip
        touched = census.people.touched[user]
        pairs = self._pairs(contacts, user, step, census, past, _since(ties, origin))
        row = census.pair_rows(pairs["pair_source"], pairs["pair_target"])
        seen = census.pairs.seen[row]
        vectors, post = self._vectors(posts)
        events = Events(
            step={
                "active": np.full(len(user), step, np.int32), "post": np.full(len(post), step, np.int32),
                "contact": np.full(len(contacts), step, np.int32), "pair": pairs["pair_step"],
            },
            active_user=user.astype(np.int32),
            active_elapsed=np.where(touched < 0, -1, step - touched).astype(np.float32),
            active_counts=counts.astype(np.float32),
            post_user=owner[post].astype(np.int32),
            post=np.arange(len(post), dtype=np.int32),
            contact_source=source,
            contact_target=target,
            contact_split=np.zeros(len(contacts), np.int8),
            pair=row.astype(np.int32),
            pair_source=pairs["pair_source"].astype(np.int32),
            pair_target=pairs["pair_target"].astype(np.int32),
            pair_elapsed=np.where(seen < 0, -1, step - seen).astype(np.float32),
            pair_known=pairs["pair_known"],
            pair_chance=pairs["pair_chance"].astype(np.float32),
            pair_kinds=pairs["pair_kinds"],
        )  # fmt: skip
        bounds = {name: np.array([0, len(rows)]) for name, rows in events.step.items()}
        bounds |= {space: np.array([0, len(held.step)]) for space, held in labels.items()}
        everybody = np.broadcast_to(np.int32(0), len(census.names))
        group = Group(
            users=everybody, network=everybody, networks=1, pairs=census.pairs.rows, first_step=step, steps=1,
            events=events, labels=labels, bounds=bounds,
            label_row={space: np.arange(len(held.step)) for space, held in labels.items()},
        )  # fmt: skip
        back = census.back(events.pair_source, events.pair_target)
        lone = Lone(group, back, self.trained.device)
        return Compiled(lone, vectors, user, row, pairs["pair_chance"][:, 0], contacts)

    def _pairs(
        self,
        contacts: pl.DataFrame,
        user: Int[np.ndarray, " active"],
        step: int,
        census: Census,
        past: pl.DataFrame,
        ties: pl.DataFrame,
    ) -> dict[str, np.ndarray]:
        """Whom the active people see.

        People are numbered by name for it, as when a log is compiled whole: where somebody has met more than are looked
        at, it hangs on that order who is.
        """
        active = np.zeros(len(census.names), bool)
        active[user] = True
        met = pl.concat([past.filter(active[past["source"].to_numpy()] | active[past["target"].to_numpy()]), contacts])
        looking = ties.filter(active[ties["source"].to_numpy()])
        ends = [rows[end].to_numpy() for rows in (met, looking) for end in ("source", "target")]
        involved = np.unique(np.concatenate([user, *ends]))
        involved = np.array(sorted(involved.tolist(), key=census.names.names.__getitem__), np.int64)
        local = np.zeros(len(census.names), np.int32)
        local[involved] = np.arange(len(involved), dtype=np.int32)
        met, looking = (
            rows.with_columns(pl.Series(end, local[rows[end].to_numpy()]) for end in ("source", "target"))
            for rows in (met, looking)
        )
        rows = {"user": np.sort(local[user]), "step": np.full(len(user), step)}
        sight = Sight(
            met, looking, pl.DataFrame(rows, schema={"user": pl.Int32, "step": pl.Int32}),
            np.ascontiguousarray(census.people.lots[involved].T), len(self.trained.kinds), self.config,
        )  # fmt: skip
        found = sight.pairs_of(slice(0, len(user)))
        source, target = involved[found["pair_source"]], involved[found["pair_target"]]
        order = np.argsort(target, kind="stable")
        found = {name: column[order] for name, column in found.items()}
        return found | {"pair_source": source[order], "pair_target": target[order]}

    def _vectors(self, posts: pl.DataFrame) -> tuple[torch.Tensor, Int[np.ndarray, " rows"]]:
        """Vectors of what the posts say, and of which post each is."""
        observed = self.observed or self.trained.observed
        seen = observed(Contents(posts["said"].fill_null("").to_list(), {}))
        return seen.vectors, np.arange(len(posts)) if seen.present is None else np.nonzero(seen.present)[0]

    def _labels(
        self, lines: pl.DataFrame, step: int, census: Census
    ) -> tuple[dict[str, Labels], Int[np.ndarray, " labels"]]:
        """The labels by space that the model was trained on and understands; and everybody who has any."""
        user = census.rows(lines["network"], lines["source_id"])
        rows = lines.select(
            "time", "post_id", "dimensions", pl.col("kind").alias("space"), pl.col("target_id").alias("category"),
            pl.col("number").alias("weight"),
        ).with_columns(
            pl.Series("user", user.astype(np.int32)), pl.lit(step, pl.Int32).alias("step"),
            pl.Series("network_row", census.people.network[user]), pl.lit(0, pl.Int8).alias("split_code"),
            pl.col("category").replace("", None),
        )  # fmt: skip
        found = {}
        for name in self.trained.model.readings.trained:
            space = self.spaces[name]
            mine = rows.filter(pl.col("space") == name)
            if space.dimensional:
                told = [_told(text, space.names) for text in mine["dimensions"]]
                mine = mine.with_columns(pl.Series("dimensions", told, pl.String))
                mine = mine.filter(pl.col("category").is_null(), pl.col("dimensions").is_not_null())
            else:
                mine = mine.filter(pl.col("category").is_in(space.names))
            if len(mine):
                _, _, found[name] = compile_labels(mine, space.names, space.multi)
        return found, user


def _told(dimensions: str | None, names: list[str]) -> str | None:
    """Of the coordinates, as JSON, those that a space knows; None where there are none."""
    known = {name: value for name, value in json.loads(dimensions or "{}").items() if name in names}
    return json.dumps(known) if known else None


def _since(ties: pl.DataFrame, origin: int) -> pl.DataFrame:
    """The ties with their steps counted from the origin."""
    ends = np.iinfo(np.int32)
    return ties.with_columns((pl.col("begin", "end") - origin).clip(ends.min, ends.max).cast(pl.Int32))
