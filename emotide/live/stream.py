"""The states of a log that goes on: a fold over lines of the journal, by training's step function (DESIGN 3.3, 6)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float, Int

from emotide.live.clock import NOTHING_YET, Clock
from emotide.live.columns import Undo
from emotide.live.kept import Kept
from emotide.live.one_step import CONTACT, STEPPED, TIE, Compiled, Compiler
from emotide.live.people import MOVES, Census
from emotide.model import EmotionSpace
from emotide.model.batch import Lone
from emotide.model.fused import State
from emotide.model.trace import SHOWN
from emotide.store.schema import SINCE_EVER
from emotide.train import Trained

NEVER, EVER = -(2**62), 2**62
Fed = Callable[[pl.DataFrame], None]
"""Called with the feedback among the lines, before the step in which it came closes."""


class Moved(NamedTuple):
    """The rows that something moved."""

    users: Int[np.ndarray, " users"]
    pairs: Int[np.ndarray, " pairs"]


class Stream:
    """States, and what must be remembered to go on from them.

    `take` is a function of the lines and their order alone, however they are cut into calls.

    Args:
        trained: the model.
        spaces: that its labels may be in.
        clock: says when a step closes.
        fed: see `Fed`; nobody by default.
    """

    def __init__(self, trained: Trained, spaces: dict[str, EmotionSpace], clock: Clock, fed: Fed | None = None) -> None:
        self.trained, self.clock, self.fed = trained, clock, fed
        self.compiler = Compiler(trained, spaces)
        self.census = self._people()
        self.origin: int | None = None  # the first step of the log, from which steps are counted
        self.latest = NOTHING_YET
        self.seq = 0
        self.minded = 0  # the store's last erasure of which these states know
        self.open: dict[int, list[pl.DataFrame]] = {}
        self.past = pl.DataFrame(schema=CONTACT)
        self.ties = pl.DataFrame(schema=TIE)
        self._undo: Undo | None = None

    def _people(self) -> Census:
        return census_of(self.trained)

    def write(self, folder: Path) -> int:
        """Write the states that are kept elsewhere; in how many parts (0: none is)."""
        return 0

    def read(self, kept: Kept) -> None:
        """Take the states that `write` wrote, here or in parts."""
        if kept.parts:
            pairs = self.census.pairs
            self.census.fill(kept.gathered(kept.ids, kept.ids[pairs.source], kept.ids[pairs.target]))

    def take(self, lines: pl.DataFrame) -> Iterator[Moved]:
        """Take in lines in their order; yields what each step that closes thereby has moved.

        Args:
            lines: of the journal, with their details; each counts in the step that the clock says, see there.
        """
        if lines.is_empty():
            return
        ticks = lines["table_name"].is_in(STEPPED).to_numpy()
        step, after = self.clock.placed(lines["time"].to_numpy(), ticks, self.latest)
        lines = lines.with_columns(pl.Series("step", step, pl.Int64))
        before = np.append(self.clock.open_from(self.latest), after[:-1])
        begun = 0
        for closing in np.flatnonzero(after != before).tolist():
            # the line that closes steps is itself of one that stays open
            self._hold(lines[begun : closing + 1])
            yield from self._close(int(after[closing]))
            begun = closing + 1
        self._hold(lines[begun:])

    def _hold(self, lines: pl.DataFrame) -> None:
        """Put lines where they wait for their steps to close."""
        if lines.is_empty():
            return
        ticks = pl.col("table_name").is_in(STEPPED)
        stepped = lines.filter(ticks)
        if len(stepped):
            self.latest = max(self.latest, int(stepped["time"].max()))  # type: ignore[arg-type]
            if self.origin is None:
                self.origin = self.clock.open_from(self.latest)  # none will ever count before it
            for (step,), some in stepped.group_by("step", maintain_order=True):
                self.open.setdefault(int(step), []).append(some)
        self._name(lines)
        tied = lines.filter(pl.col("table_name") == "ties")
        if len(tied):
            self.ties = pl.concat([self.ties, self._tied(tied)])
        shown = lines.filter(pl.col("table_name") == "feedback")
        if len(shown):
            self._show(shown)
            if self.fed is not None:
                self.fed(shown)
        self.seq = max(self.seq, int(lines["seq"].max()))  # type: ignore[arg-type]

    def _name(self, lines: pl.DataFrame) -> None:
        """Everybody whom lines name has a row, in the order in which they were named first."""
        named = lines.filter(pl.col("table_name") != "items").with_row_index("line")
        both = pl.concat(
            [named.select("network", pl.col("source_id").alias("user"), pl.col("line") * 2),
             named.filter(pl.col("table_name").is_in(["interactions", "ties"])).select(
                 "network", pl.col("target_id").alias("user"), pl.col("line") * 2 + 1)]
        ).sort("line").unique(["network", "user"], keep="first", maintain_order=True)  # fmt: skip
        self.census.rows(both["network"], both["user"])

    def _show(self, feedback: pl.DataFrame) -> None:
        """Remember what each person was shown last."""
        user = self.census.rows(feedback["network"], feedback["source_id"])
        item = self.census.items.rows(feedback["target_id"])
        shown = self.census.people.shown
        for row, what in zip(user.tolist(), item.tolist(), strict=True):
            shown[row, :-1] = shown[row, 1:]
            shown[row, -1] = what

    def erase(self, users: Int[np.ndarray, " some"]) -> Moved:
        """Forget people: their states, pairs, contacts and ties; the rows that this touches."""
        pairs = self.census.erase(users)
        theirs = pl.col("source").is_in(users) | pl.col("target").is_in(users)
        self.past, self.ties = self.past.filter(~theirs), self.ties.filter(~theirs)
        return Moved(users, pairs)

    def _tied(self, lines: pl.DataFrame) -> pl.DataFrame:
        source, target = (self.census.rows(lines["network"], lines[end]) for end in ("source_id", "target_id"))
        begin, end = (self._step_of(lines[column], never) for column, never in (("time", NEVER), ("until", EVER)))
        rows = {"source": source, "target": target, "begin": begin, "end": end}
        return pl.DataFrame(rows, schema=TIE, strict=False).filter(pl.col("source") != pl.col("target"))

    def _step_of(self, time: pl.Series, never: int) -> pl.Series:
        """The step since 1970 of each time; never where there is none."""
        given = time.replace(SINCE_EVER, None)
        return (given // self.clock.window).fill_null(never)

    def _close(self, first_open: int) -> Iterator[Moved]:
        """Close the steps before one."""
        for step in sorted(self.open):
            if step < first_open:
                yield self._step(step, pl.concat(self.open.pop(step)))

    def ahead(self) -> Moved:
        """What the steps that are still open would move by now; the caller looks at it within `tried`."""
        some = [self._step(step, pl.concat(self.open[step])) for step in sorted(self.open)]
        users, pairs = ([one[k] for one in some] for k in (0, 1))
        return Moved(*(np.unique(np.concatenate(rows)) if rows else np.zeros(0, np.int64) for rows in (users, pairs)))

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Whatever is moved inside is taken back at the end."""
        self._undo, past = Undo(), self.past
        try:
            yield
        finally:
            self._undo.back()
            self._undo, self.past = None, past

    def _step(self, step: int, lines: pl.DataFrame) -> Moved:
        """The step, taken: states, readings and memories move."""
        counted = step - (self.origin or 0)
        found = self.compiler.compile(lines, counted, self.census, self.past, self.ties, self.origin or 0)
        if not len(found.user):
            return Moved(found.user, found.pair)
        if self._undo is not None:
            self._undo.keep(self.census.people, found.user, MOVES["people"])
            self._undo.keep(self.census.pairs, found.pair, MOVES["pairs"])
        self._move(found, counted)
        self.census.see(found.pair, counted, found.chance)
        memory = self.trained.run.timeline.neighbour_memory
        self.past = pl.concat([self.past, found.contacts]).filter(pl.col("step") >= counted - memory)
        return Moved(found.user, found.pair)

    def _move(self, found: Compiled, step: int) -> None:
        """States and readings of people, and states of pairs, after the step."""
        people, pairs = self.census.people, self.census.pairs
        state = State(*(torch.from_numpy(table) for table in (people.H, pairs.A, people.M)))
        self.census.touch(found.user, step, stepped(self.trained, found.lone, found.vectors, state))


def census_of(trained: Trained) -> Census:
    """Nobody yet; all will begin where the network begins."""
    network = trained.model.network
    return Census(network.config, *(row.detach().cpu().numpy() for row in (network.H_0, network.A_0)))


@torch.no_grad()
def stepped(
    trained: Trained, lone: Lone, vectors: Float[torch.Tensor, "posts width"], state: State
) -> Float[np.ndarray, "active affect"]:
    """Move the state by a step, in place; the readings of who was active in it."""
    network, step = trained.model.network, lone.step()
    for _, before, H, X, _ in trained.model.followed([step], vectors, state, SHOWN["known"], owned=True):
        Y: np.ndarray = network.read(H, before.M.index_select(0, step.seen.user), X).numpy()
    return Y
