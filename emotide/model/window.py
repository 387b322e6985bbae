"""Some steps of a batch with small state tables of their own: the rows that these steps touch, and no others.

Training writes states so that gradients can flow through them, which copies a table at every step. These tables are as
long as what happens in the window, however many people the log has.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from emotide.model.batch import Batch, Step, View
from emotide.model.fused import State


class Rows:
    """Rows of a long table, and the place of each in a short one.

    Args:
        scratch: as long as the long table; written over.
        parts: rows of the long table, in any order, each as often as one likes.
    """

    def __init__(self, scratch: Int[Tensor, " table"], parts: list[Tensor]) -> None:
        self._place, wanted = scratch, torch.cat(parts)
        count = torch.arange(len(wanted), device=wanted.device)
        scratch.index_copy_(0, wanted, count)
        self.rows = wanted[scratch.index_select(0, wanted) == count]  # of each row one of the places that wanted it
        scratch.index_copy_(0, self.rows, count[: len(self.rows)])
        self.parts = torch.split(scratch.index_select(0, wanted), list(map(len, parts)))  # places of what was given

    def place(self, rows: Int[Tensor, " some"]) -> Int[Tensor, " some"]:
        """Where these rows stand in the short table, -1 for -1."""
        return torch.where(rows < 0, -1, self._place.index_select(0, rows.clamp(min=0)))


@dataclass(frozen=True)
class Window:
    """Steps whose users and pairs are rows of the window's own tables; of use until the next window is made."""

    users: Rows
    pairs: Rows
    steps: list[Step]

    def taken(self, state: State) -> State:
        """The window's rows of a state."""
        users, pairs = self.users.rows, self.pairs.rows
        return State(state.H.index_select(0, users), state.A.index_select(0, pairs), state.M.index_select(0, users))

    def put(self, state: State, after: State) -> None:
        """Write the window's rows back, in place."""
        with torch.no_grad():
            state.H.index_copy_(0, self.users.rows, after.H)
            state.A.index_copy_(0, self.pairs.rows, after.A)
            state.M.index_copy_(0, self.users.rows, after.M)


class Windows:
    """Cuts a batch into windows."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._users = torch.empty(len(batch.group.users), dtype=torch.int64, device=batch.device)
        self._pairs = torch.empty(batch.group.pairs, dtype=torch.int64, device=batch.device)

    def window(self, first: int, last: int, users: list[Tensor], pairs: list[Tensor], forecasts: bool = True) -> Window:
        """Steps `first` to `last` (exclusive), with room for the states of more users and pairs."""
        steps = list(self.batch.steps(first, last, forecasts))
        views = [step.both for step in steps]
        short_users = Rows(self._users, [*(view.user for view in views), *(view.near for view in views), *users])
        back = torch.cat([view.back for view in views]) if views else self._pairs[:0]
        short_pairs = Rows(self._pairs, [*(view.pair for view in views), back[back >= 0], *pairs])
        backs = torch.split(short_pairs.place(back), [len(view.back) for view in views])
        views = [_heard_from(view, short_users) for view in views]
        columns = zip(short_users.parts, short_users.parts[len(views) :], short_pairs.parts, backs, strict=False)
        placed = [
            _placed(step, view._replace(user=user, near=near, pair=pair, back=back), short_users)
            for step, view, (user, near, pair, back) in zip(steps, views, columns, strict=False)
        ]
        return Window(short_users, short_pairs, placed)


def _heard_from(view: View, users: Rows) -> View:
    """The view with its guests, who are sources too, by their places in the short table."""
    if view.guests is None:
        return view
    return view._replace(guests=view.guests._replace(user=users.place(view.guests.user)))


def _placed(step: Step, both: View, users: Rows) -> Step:
    """The step with rows of the short tables, as they stand in `both`, in the place of those of the long ones."""
    n = {name: len(getattr(step.seen, name)) for name in ("user", "near", "pair")}
    seen, silent = (_cut(view, both, n, first) for view, first in ((step.seen, True), (step.silent, False)))
    reports = {space: one._replace(user=users.place(one.user)) for space, one in step.reports.items()}
    return step._replace(seen=seen, silent=silent, both=both, reports=reports)


def _cut(view: View, both: View, n: dict[str, int], first: bool) -> View:
    """A view whose rows of tables are the first ones of both, or the rest."""
    cut = {
        name: getattr(both, name)[: n[kind]] if first else getattr(both, name)[n[kind] :]
        for name, kind in (("user", "user"), ("near", "near"), ("pair", "pair"), ("back", "pair"))
    }
    return view._replace(**cut, guests=both.guests if first else view.guests)
