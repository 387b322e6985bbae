"""Some networks of a timeline side by side, and some of their steps alone."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Int, Int32

from emotide.timeline.events import Events, Labels
from emotide.timeline.sort import stable_order

OWNER = {"active": "active_user", "post": "post_user", "pair": "pair_target", "contact": "contact_target"}
USERS = ("active_user", "post_user", "contact_source", "contact_target", "pair_source", "pair_target")
BLOCK = 1 << 20  # rows whose networks are looked up at once


@dataclass(frozen=True)
class Guests:
    """What some networks' part of the users reads of the rest: its last users and its last pairs are guests.

    A guest's states are elsewhere, and brought here when a step needs them. It has a row among the active, and its
    posts, in those steps in which it turned to somebody whose states are here.
    """

    users: int  # whose states are here; guests have the numbers after them
    pairs: int
    pair_source: Int32[np.ndarray, " guests"]  # user; of each pair that is a guest
    pair_target: Int32[np.ndarray, " guests"]
    pair_begun: Int32[np.ndarray, " guests"]  # the step in which it was first in sight
    ends: Int[np.ndarray, " networks"]  # the last step of each network that holds anything, here or elsewhere


@dataclass(frozen=True)
class Group:
    """Some networks side by side, their users and pairs numbered from 0, their events sorted by step.

    Of a network alone the arrays are views of the timeline's, which are mapped: nothing is read before it is needed.
    """

    users: Int32[np.ndarray, " users"]  # row in the timeline's table of users
    network: Int[np.ndarray, " users"]  # which network of the group each user is of, from 0
    networks: int
    pairs: int
    first_step: int
    steps: int
    events: Events
    labels: dict[str, Labels]
    label_row: dict[str, Int[np.ndarray, " labels"]]  # space -> row of the timeline's labels
    bounds: dict[str, np.ndarray]  # first row of each step, and the end: active, post, pair, contact, and each space
    guests: Guests | None = None  # None: everybody is here

    def between(self, first: int, last: int) -> "Group":
        """The same with nothing but the events and labels of steps `first` to `last` (exclusive, counted from 0)."""
        cut = {name: slice(int(bounds[first]), int(bounds[last])) for name, bounds in self.bounds.items()}
        bounds = {name: bounds[first : last + 1] - bounds[first] for name, bounds in self.bounds.items()}
        events = _taken(self.events, cut)
        labels = {space: _kept(labels, cut[space]) for space, labels in self.labels.items()}
        row = {space: rows[cut[space]] for space, rows in self.label_row.items()}
        return Group(
            self.users, self.network, self.networks, self.pairs, self.first_step + first, last - first, events, labels,
            row, bounds, self.guests,
        )  # fmt: skip


def network_bounds(
    events: Events, labels: dict[str, Labels], network_of_user: Int[np.ndarray, " users"], networks: int
) -> dict[str, np.ndarray]:
    """The first row of each network, and the end: of the users (as ""), of each kind of event and of each space."""
    ticks = np.arange(networks + 1)
    owners = {name: getattr(events, owner) for name, owner in OWNER.items()}
    owners |= {space: known.user for space, known in labels.items()}
    starts = {"": np.searchsorted(network_of_user, ticks)}
    for name, owner in owners.items():
        blocks = (owner[first : first + BLOCK] for first in range(0, len(owner), BLOCK))
        counts = [np.bincount(network_of_user[block], minlength=networks) for block in blocks]
        starts[name] = np.append(0, np.cumsum(np.sum(counts, 0, dtype=np.int64) if counts else np.zeros(networks, int)))
    return starts


def grouped(
    events: Events, labels: dict[str, Labels], bounds: dict[str, np.ndarray], networks: Int[np.ndarray, " networks"]
) -> Group:
    """These networks (ascending) side by side.

    Args:
        events, labels: of the timeline.
        bounds: the first row of each network in each of them, see `network_bounds`.
        networks: rows of the table of networks.
    """
    steps = {name: events.step[name] for name in OWNER} | {space: known.step for space, known in labels.items()}
    rows = {name: _rows(bounds[name], networks, step) for name, step in steps.items()}
    users = _ranges(bounds[""], networks).astype(np.int32)
    found = _taken(events, rows)
    pairs, pair = _numbered(found.pair, whole=len(networks) == len(bounds[""]) - 1)
    local = {name: _local(getattr(found, name), users) for name in USERS}
    found = Events(**(vars(found) | local | {"pair": pair}))
    known = {space: _kept(labels[space], rows[space]) for space in labels}
    known = {space: replace(held, user=_local(held.user, users)) for space, held in known.items()}
    label_row = {space: np.arange(len(steps[space]))[rows[space]] for space in labels}
    active = found.step["active"]
    first, end = (int(active[0]), int(active[-1]) + 1) if len(active) else (0, 0)
    ticks = np.arange(first, end + 1)
    cut = {name: np.searchsorted(step, ticks) for name, step in found.step.items()}
    cut |= {space: np.searchsorted(held.step, ticks) for space, held in known.items()}
    size = bounds[""][networks + 1] - bounds[""][networks]
    size = size[size > 0]
    network = np.repeat(np.arange(len(size)), size)
    return Group(users, network, len(size), pairs, first, end - first, found, known, label_row, cut)


Rows = slice | Int[np.ndarray, " rows"]


def _rows(bounds: np.ndarray, networks: np.ndarray, step: np.ndarray) -> Rows:
    """The rows of some networks sorted by step; of one network they stand so already."""
    if len(networks) == 1:
        return slice(int(bounds[networks[0]]), int(bounds[networks[0] + 1]))
    kept = _ranges(bounds, networks)
    ordered: np.ndarray = kept[stable_order(step[kept])]
    return ordered


def _ranges(bounds: np.ndarray, networks: np.ndarray) -> Int[np.ndarray, " rows"]:
    """Every row of these networks."""
    start, length = bounds[networks], bounds[networks + 1] - bounds[networks]
    rows: np.ndarray = np.arange(length.sum()) + np.repeat(start - np.cumsum(length) + length, length)
    return rows


def _kept(labels: Labels, rows: Rows) -> Labels:
    """These rows of labels."""
    return Labels(**{name: column[rows] for name, column in vars(labels).items()})


def _taken(events: Events, rows: dict[str, Any]) -> Events:
    """These rows of each kind of event."""
    columns = {name: column[rows[name.split("_")[0]]] for name, column in vars(events).items() if name != "step"}
    return Events(step={name: step[rows[name]] for name, step in events.step.items()}, **columns)


def _local(user: Int32[np.ndarray, " rows"], users: Int32[np.ndarray, " users"]) -> Int32[np.ndarray, " rows"]:
    """Users by their place among those of the group."""
    if not len(users) or users[-1] - users[0] == len(users) - 1:
        return user if not len(users) or users[0] == 0 else user - users[0]
    return np.searchsorted(users, user).astype(np.int32)


def _numbered(pair: Int32[np.ndarray, " pairs"], whole: bool) -> tuple[int, Int32[np.ndarray, " pairs"]]:
    """How many pairs these are, and their numbers from 0; those of a whole timeline have such numbers."""
    if whole:
        return int(pair.max(initial=-1)) + 1, pair
    kept, local = np.unique(pair, return_inverse=True)
    return len(kept), local.astype(np.int32)
