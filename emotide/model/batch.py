"""A group of networks as tensors: for every step what the network is shown, and what it is asked (DESIGN 3.3, 3.4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from emotide.model.ahead import Ahead
from emotide.model.habits import Habits
from emotide.model.mapped import let_go
from emotide.timeline import Group
from emotide.timeline.sort import distinct, stable_order


class Heard(NamedTuple):
    """Those whose states are elsewhere and who turned to somebody in the step: what they posted is heard."""

    user: Int[Tensor, " guests"]  # row of the state table
    post: Int[Tensor, " posts"]  # row of the table of vectors
    owner: Int[Tensor, " posts"]  # position in `user`


class View(NamedTuple):
    """What one step shows: the active users, their posts, and their pairs with neighbours."""

    user: Int[Tensor, " active"]  # row of the state table
    elapsed: Float[Tensor, " active"]  # steps since the state last changed, -1 for never
    counts: Float[Tensor, "active 3"]  # log(1 + posts written, contacts made, contacts received)
    post: Int[Tensor, " posts"]  # row of the table of vectors
    owner: Int[Tensor, " posts"]  # position in `user`
    pair: Int[Tensor, " pairs"]  # row of the table of influence states
    near: Int[Tensor, " near"]  # row of the state table: the sources, each once
    source: Int[Tensor, " pairs"]  # position in `near`
    target: Int[Tensor, " pairs"]  # position in `user`
    pair_elapsed: Float[Tensor, " pairs"]  # steps since the influence state last changed, -1 for never
    kinds: Float[Tensor, "pairs kinds"]  # log(1 + contacts) by kind, there and back; share of the source's contacts
    spoke: Int[Tensor, " pairs"]  # position in `user`, then `guests`, of a source in touch with the target, or -1
    back: Int[Tensor, " pairs"]  # row of the influence state the other way round, or -1
    chance: Float[Tensor, " pairs"]  # that this neighbour was drawn
    opened: Float[Tensor, " posts"] | None = None  # the chance that each post was to be there; None: all are
    guests: Heard | None = None  # None: everybody is here


class Reports(NamedTuple):
    """The labels of one space in one step."""

    row: Int[Tensor, " labels"]  # row of the labels of the group
    user: Int[Tensor, " labels"]  # row of the state table
    asked: Int[Tensor, " labels"]  # position in `place` and in the silent view's `user`
    target: Float[Tensor, "labels names"]
    weight: Float[Tensor, " labels"]
    train: Bool[Tensor, " labels"]


class Step(NamedTuple):
    """One step: what is seen, the same with nothing of the step seen for whom is asked, and the labels."""

    number: int
    seen: View
    silent: View  # the users who have a post or a label in this step: no posts, no contacts, known pairs alone
    both: View  # first what is seen, then the silent view: one batch of products instead of two
    place: Int[Tensor, " asked"]  # position of the users who have a post or a label in the seen view's
    reports: dict[str, Reports]


@dataclass(frozen=True)
class _Rows:
    """Views of all steps on end, and where each begins."""

    columns: View
    bounds: dict[str, np.ndarray]

    def at(self, k: int) -> View:
        bounds = [slice(*self.bounds[kind][k : k + 2]) for kind in KINDS]
        columns = [column[here] for column, here in zip(_tables(self.columns), bounds, strict=True)]
        return View._make([*columns, None, self._heard(k)])

    def _heard(self, k: int) -> Heard | None:
        if self.columns.guests is None:
            return None
        user, post = (slice(*self.bounds[kind][k : k + 2]) for kind in ("guest", "heard"))
        of_all = self.columns.guests
        return Heard(of_all.user[user], of_all.post[post], of_all.owner[post])

    def beside(self, other: "_Rows") -> "_Rows":
        """In every step the rows of both, these first; positions of the others count on behind these."""
        if not len(other.columns.user):
            return self
        counts, theirs_at = ({kind: np.diff(bounds) for kind, bounds in rows.bounds.items()} for rows in (self, other))
        step = {
            kind: [np.repeat(np.arange(len(bounds) - 1), np.diff(bounds)) for bounds in (mine, other.bounds[kind])]
            for kind, mine in self.bounds.items()
        }
        order = {kind: torch.from_numpy(stable_order(np.concatenate(parts))) for kind, parts in step.items()}
        device = self.columns.pair.device
        behind = {
            name: torch.from_numpy(counts[kind][step["pair"][1]]).to(device)
            for name, kind in (("source", "near"), ("target", "user"))
        }
        others = other.columns._replace(**{name: getattr(other.columns, name) + n for name, n in behind.items()})
        all_mine = self.columns
        if all_mine.guests is not None:  # they stand behind the users of both
            users, more = (torch.from_numpy(n[step["pair"][0]]).to(device) for n in (counts["user"], theirs_at["user"]))
            all_mine = all_mine._replace(spoke=all_mine.spoke + more * (all_mine.spoke >= users))
        columns = [
            torch.cat([mine, theirs])[order[kind].to(device)]
            for mine, theirs, kind in zip(_tables(all_mine), _tables(others), KINDS, strict=True)
        ]
        bounds = {kind: bounds + other.bounds[kind] for kind, bounds in self.bounds.items()}
        return _Rows(View._make([*columns, None, all_mine.guests]), bounds)


def _tables(view: View) -> tuple[Tensor, ...]:
    """The columns of a view that are there in every step."""
    return cast(tuple[Tensor, ...], view[: len(KINDS)])


PAGE = 1 << 20  # pairs that are made tensors at once
KINDS = (*["user"] * 3, *["post"] * 2, "pair", "near", *["pair"] * 7)  # of each column of a view but the last two


class Batch:
    """A group as tensors on a device, made for some steps at a time: `steps(first, last)` walks through them.

    A group of up to `PAGE` pairs is made once, all of it; of a larger one no more is in memory than the steps at hand
    and those that a thread makes meanwhile.
    """

    def __init__(self, group: Group, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.group, self.device, self.dtype = group, torch.device(device), dtype
        self._ends = _page_ends(group)
        self._pages = Ahead(self._page, len(self._ends))
        e = group.events
        met = np.flatnonzero(np.asarray(e.pair_elapsed) < 0)  # each pair once, when it is first in sight
        columns = [e.pair[met], e.step["pair"][met], e.pair_source[met], e.pair_target[met]]
        if (guests := group.guests) is not None:
            number = np.arange(guests.pairs, group.pairs)
            theirs = (number, guests.pair_begun, guests.pair_source, guests.pair_target)
            columns = [np.concatenate(both) for both in zip(columns, theirs, strict=True)]
        pair = columns[0]
        self._first, ends = np.zeros(group.pairs, np.int32), np.zeros((2, group.pairs), np.int32)
        self._first[pair], ends[0, pair], ends[1, pair] = columns[1:]
        self._back = other_way(ends[0], ends[1], len(group.users))
        self._let_go()

    @cached_property
    def habits(self) -> Habits:
        """Who turned to whom, for questions about behaviour."""
        return Habits(self.group)

    def steps(
        self, first: int = 0, last: int | None = None, forecasts: bool = True, idle: bool = True
    ) -> Iterator[Step]:
        """Steps `first` to `last` (exclusive), counted from the group's first step.

        Without `forecasts` the silent views are empty, and `both` is what is seen; without `idle` the steps in which
        nothing touches anybody are passed over.
        """
        end = self.group.steps if last is None else min(last, self.group.steps)
        touched = np.diff(self.group.bounds["active"][first : end + 1])
        for k in range(first, end) if idle else (first + np.flatnonzero(touched)).tolist():
            number = int(np.searchsorted(self._ends, k, side="right"))
            yield self._pages.at(number).step(k, forecasts)

    def _page(self, number: int) -> "_Page":
        page = _Page(self, int(self._ends[number - 1]) if number else 0, int(self._ends[number]))
        self._let_go()
        return page

    def _let_go(self) -> None:
        """Of a group of several pages, hold no rows of its maps any longer than they are read."""
        if len(self._ends) > 1:
            e = self.group.events
            for column in (*vars(e).values(), *e.step.values()):
                let_go(column)

    def met_back(self, pair: Int[np.ndarray, " rows"], step: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        """The row of the pair the other way round, if it was met before the step.

        One that will only meet later is as one that never will: its row of the state table must not tell.
        """
        back = self._back[pair]
        return np.where((back >= 0) & (self._first[back] < step), back, -1)

    def beyond(self, k: int) -> View:
        """All users in the k-th step (from 1) after the last of their network, in which nobody is heard of any more.

        The neighbours of a user are those of the last step that touched it.
        """
        e, users, guests = self.group.events, len(self.group.users), self.group.guests
        touched, met = np.full(users, -1, np.int64), np.full(self.group.pairs, -1, np.int64)
        np.maximum.at(touched, e.active_user, e.step["active"])
        np.maximum.at(met, e.pair, e.step["pair"])
        end = np.full(self.group.networks, -1, np.int64)
        np.maximum.at(end, self.group.network, touched)
        last = (end if guests is None else guests.ends)[self.group.network]
        users = users if guests is None else guests.users
        pair = np.flatnonzero(e.step["pair"] == touched[e.pair_target])
        source, target = e.pair_source[pair], e.pair_target[pair]
        near, position = np.unique(source, return_inverse=True)
        nobody, quiet = np.zeros(0, np.int64), np.zeros((len(pair), e.pair_kinds.shape[1] + 1), np.float32)
        since, pair_since = (last - touched + 1, last[target] - met[e.pair[pair]] + 1) if k == 1 else (1, 1)
        elapsed = np.where(touched < 0, -1, since).astype(np.float32)[:users]
        columns = (
            np.arange(users), elapsed, np.zeros((users, 3), np.float32), nobody, nobody, e.pair[pair], near, position,
            target, np.broadcast_to(pair_since, len(pair)).astype(np.float32), quiet, np.full(len(pair), -1),
            self.met_back(e.pair[pair], last[target] + k), e.pair_chance[pair, 0],
        )  # fmt: skip
        return View._make([*(self._tensor(column) for column in columns), None, None])

    def _tensor(self, array: np.ndarray) -> Tensor:
        return _tensor(array, self.device, self.dtype)


@dataclass(frozen=True)
class Lone:
    """A step on its own, of a log that goes on: what was met before it is known to whoever made it.

    Attributes:
        group: the networks, with this step and no other.
        met: for each pair of the group's events the row of the pair the other way round, if it was met before; or -1.
        device, dtype: of the tensors.
    """

    group: Group
    met: Int[np.ndarray, " pairs"]
    device: torch.device
    dtype: torch.dtype = torch.float32

    def met_back(self, pair: Int[np.ndarray, " rows"], step: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        """See `Batch.met_back`; of all pairs of the step, in their order, or of none."""
        return self.met[: len(pair)]

    def step(self) -> "Step":
        """What it shows, and its labels; nothing is asked of it, so its silent view is empty."""
        return _Page(self, 0, 1).step(0, forecasts=False)


class _Page:
    """Some steps of a batch as tensors."""

    def __init__(self, batch: "Batch | Lone", first: int, last: int) -> None:
        self.batch, self.first, self.number = batch, first, batch.group.first_step + first
        self.group = group = batch.group.between(first, last)
        e = group.events
        self._users = len(group.users)
        active_key = self._key(e.step["active"], e.active_user)  # in a step guests stand behind those who are here
        here = len(group.users) if group.guests is None else group.guests.users
        mine, posts = np.flatnonzero(e.active_user < here), np.flatnonzero(e.post_user < here)
        asking = [self._key(e.step["post"][posts], e.post_user[posts])]
        asking += [self._key(labels.step, labels.user) for labels in group.labels.values()]
        asked = distinct(np.concatenate(asking))
        self._share = self._shares(active_key)
        self._asked, self._asked_row = asked, np.searchsorted(active_key, asked)
        self._seen = self._view(mine, active_key, posts, np.arange(len(e.pair)), hidden=False)
        if group.guests is not None:
            self._seen = self._with_guests(self._seen, active_key, here)
        asked_step, start = e.step["active"][self._asked_row], group.bounds["active"]
        self._asked_ends = np.searchsorted(asked_step, np.arange(group.first_step, group.first_step + group.steps + 1))
        self._place = self._tensor(self._asked_row - start[asked_step - group.first_step])
        self._reports = {
            space: Reports(
                row=self._tensor(batch.group.bounds[space][first] + np.arange(len(labels.step))),
                user=self._tensor(labels.user),
                asked=self._tensor(self._position(labels.step, labels.user, asked, self._asked_ends)),
                target=self._tensor(labels.target),
                weight=self._tensor(labels.weight),
                train=self._tensor(labels.split == 0),
            )
            for space, labels in group.labels.items()
        }

    @cached_property
    def _silent(self) -> _Rows:
        """The users of whom something is asked, with nothing seen."""
        e, nothing = self.group.events, np.zeros(0, int)
        quiet = np.flatnonzero(e.pair_known & np.isin(self._key(e.step["pair"], e.pair_target), self._asked))
        rows = self._view(self._asked_row, self._asked, nothing, quiet, hidden=True)
        if self.group.guests is not None:
            rows.bounds.update({kind: np.zeros(self.group.steps + 1, int) for kind in ("guest", "heard")})
        return rows

    @cached_property
    def _both(self) -> _Rows:
        """In every step what is seen, then what is not."""
        return self._seen.beside(self._silent)

    def step(self, k: int, forecasts: bool) -> Step:
        """Step `k` of the batch, with the silent views or without."""
        k, bounds = k - self.first, self.group.bounds
        reports = {
            space: Reports(*(column[bounds[space][k] : bounds[space][k + 1]] for column in columns))
            for space, columns in self._reports.items()
            if bounds[space][k] < bounds[space][k + 1]
        }
        place, seen = self._place[self._asked_ends[k] : self._asked_ends[k + 1]], self._seen.at(k)
        if not forecasts:
            nobody = View._make([*(column[:0] for column in _tables(seen)), None, None])
            return Step(self.number + k, seen, nobody, seen, place, reports)
        return Step(self.number + k, seen, self._silent.at(k), self._both.at(k), place, reports)

    def _view(self, active: np.ndarray, key: np.ndarray, post: np.ndarray, pair: np.ndarray, hidden: bool) -> _Rows:
        """The rows `active`, `post` and `pair` of the group's events; `hidden` leaves out what happened in the step."""
        e = self.group.events
        pair_step, post_step = e.step["pair"][pair], e.step["post"][post]
        near, source = np.unique(self._key(pair_step, e.pair_source[pair]), return_inverse=True)
        near_step = near // max(self._users, 1)
        shown = 0.0 if hidden else 1.0
        steps = {"user": e.step["active"][active], "post": post_step, "pair": pair_step, "near": near_step}
        ticks = np.arange(self.group.first_step, self.group.first_step + self.group.steps + 1)
        bounds = {kind: np.searchsorted(step, ticks) for kind, step in steps.items()}
        begin = np.searchsorted(key // max(self._users, 1), ticks)  # of each step's keys: guests have keys too
        columns = View(
            user=self._tensor(e.active_user[active]),
            elapsed=self._tensor(e.active_elapsed[active]),
            counts=self._tensor(shown * np.log1p(e.active_counts[active])),
            post=self._tensor(e.post[post]),
            owner=self._tensor(self._position(post_step, e.post_user[post], key, begin)),
            pair=self._tensor(e.pair[pair]),
            near=self._tensor(near % max(self._users, 1)),
            source=self._tensor(source - bounds["near"][pair_step - self.group.first_step]),
            target=self._tensor(self._position(pair_step, e.pair_target[pair], key, begin)),
            pair_elapsed=self._tensor(e.pair_elapsed[pair]),
            kinds=self._tensor(
                shown * np.concatenate([np.log1p(e.pair_kinds[pair], dtype=np.float32), self._share[pair, None]], 1)
            ),
            spoke=self._tensor(np.full(len(pair), -1) if hidden else self._spoke(key, begin)),
            back=self._tensor(self.batch.met_back(e.pair[pair], pair_step)),
            chance=self._tensor(e.pair_chance[pair, int(hidden)]),
        )
        return _Rows(columns, bounds)

    def _with_guests(self, seen: _Rows, key: np.ndarray, here: int) -> _Rows:
        """What is seen, and the guests who are heard."""
        e = self.group.events
        guest, post = np.flatnonzero(e.active_user >= here), np.flatnonzero(e.post_user >= here)
        ticks = np.arange(self.group.first_step, self.group.first_step + self.group.steps + 1)
        steps = {"guest": e.step["active"][guest], "heard": e.step["post"][post]}
        bounds = {kind: np.searchsorted(step, ticks) for kind, step in steps.items()}
        place = np.searchsorted(key[guest], self._key(steps["heard"], e.post_user[post]))
        owner = place - bounds["guest"][steps["heard"] - self.group.first_step]
        columns = (e.active_user[guest], e.post[post], owner)
        heard = Heard(*(self._tensor(column) for column in columns))
        return _Rows(seen.columns._replace(guests=heard), seen.bounds | bounds)

    def _shares(self, active_key: np.ndarray) -> Float[np.ndarray, " pairs"]:
        """Of the contacts that a pair's source made in the step, the share with the target: 1 between two alone."""
        e = self.group.events
        to_target = e.pair_kinds[:, : e.pair_kinds.shape[1] // 2].sum(1, dtype=np.float32)
        met = np.flatnonzero(to_target)
        share = np.zeros(len(to_target), np.float32)
        made = np.searchsorted(active_key, self._key(e.step["pair"][met], e.pair_source[met]))
        share[met] = to_target[met] / e.active_counts[made, 1]
        return share

    def _spoke(self, key: np.ndarray, start: np.ndarray) -> Int[np.ndarray, " pairs"]:
        """Where the source of each pair stands among the users of its step, if it was in touch with the target."""
        e = self.group.events
        met = np.flatnonzero(self._share)
        place = np.full(len(self._share), -1)
        place[met] = self._position(e.step["pair"][met], e.pair_source[met], key, start)
        return place

    def _key(self, step: np.ndarray, user: np.ndarray) -> np.ndarray:
        key: np.ndarray = step.astype(np.int64) * self._users + user
        return key

    def _position(self, step: np.ndarray, user: np.ndarray, keys: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Where each (step, user) stands among the keys of its step."""
        place: np.ndarray = np.searchsorted(keys, self._key(step, user)) - start[step - self.group.first_step]
        return place

    def _tensor(self, array: np.ndarray) -> Tensor:
        return _tensor(array, self.batch.device, self.batch.dtype)


def _tensor(array: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    kind = np.bool_ if array.dtype == bool else np.float32 if array.dtype.kind == "f" else np.int64
    tensor = torch.from_numpy(np.array(array, kind, order="C")).to(device)
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def other_way(
    source: Int[np.ndarray, " pairs"], target: Int[np.ndarray, " pairs"], users: int
) -> Int[np.ndarray, " pairs"]:
    """For each pair of a group the row of the pair with source and target changed, or -1."""
    there, back = (one.astype(np.int64) * users + other for one, other in ((source, target), (target, source)))
    order = np.argsort(there)
    place = np.searchsorted(there, back, sorter=order).clip(max=max(len(there) - 1, 0))
    found = order[place] if len(order) else order
    return np.where(there[found] == back, found, -1).astype(np.int32)


def _page_ends(group: Group) -> Int[np.ndarray, " pages"]:
    """The step at which each page ends: as many steps together as hold `PAGE` pairs, or one that holds more."""
    ends: list[int] = []
    bounds = group.bounds["pair"]
    while not ends or ends[-1] < group.steps:
        begun = ends[-1] if ends else 0
        end = int(np.searchsorted(bounds, bounds[begun] + PAGE, side="right")) - 1
        ends.append(max(min(end, group.steps), min(begun + 1, group.steps)))
    return np.array(ends)
