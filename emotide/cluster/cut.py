"""A timeline cut into parts, and the lists of what each reads of the others before every step."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float32, Int, Int32

from emotide.cluster.part import Part
from emotide.cluster.partition import PartOf
from emotide.model.batch import other_way
from emotide.timeline import Events, Group, Guests, Labels, Timeline

Rows = Int[np.ndarray, " _"]  # numbers of rows, users or pairs


class _Wanted(NamedTuple):
    """Rows of other parts that a part reads."""

    step: Rows  # before which it gets them
    row: Rows  # number in the whole
    here: Rows  # number in the part that reads


class _Moved:
    """When the state of each user, or of each pair, changes."""

    def __init__(self, row: Rows, step: Rows, span: int) -> None:
        self.span = span
        self.key = np.sort(row.astype(np.int64) * span + step)

    def wanted(self, row: Rows, step: Rows, beyond: Rows, local: Rows) -> _Wanted:
        """Of what is read in some steps (in order) each change once, at the first step that reads it.

        What never changed before is known without being told: all states begin alike. Beyond the end everything
        changes in every step: the rows `beyond` are read in all of them.
        """
        place = np.searchsorted(self.key, row.astype(np.int64) * self.span + step) - 1
        changed = (place >= 0) & (self.key[place] // self.span == row)
        _, first = np.unique(place[changed], return_index=True)
        when = np.append(step[changed][first], np.full(len(beyond), self.span - 1))
        rows = np.append(row[changed][first], beyond)
        return _Wanted(when, rows, local[rows])


def cut(timeline: Timeline, part_of: PartOf, parts: int, vectors: Float32[np.ndarray, "posts width"]) -> list[Part]:
    """The parts of a timeline.

    Args:
        timeline: of the whole.
        part_of: of each user.
        parts: how many there are; one may be empty.
        vectors: of all posts.
    """
    whole = _Whole(timeline, part_of)
    cuts = [whole.part(number, parts, vectors) for number in range(parts)]
    lines = _lines(whole, [wanted for _, wanted in cuts])
    return [replace(part, lines=lines[part.number]) for part, _ in cuts]


class _Whole:
    """All of a timeline, and what the cutting of every part needs to know."""

    def __init__(self, timeline: Timeline, part_of: PartOf) -> None:
        self.timeline, self.part_of = timeline, part_of
        self.group: Group = timeline.group()
        e = self.e = self.group.events
        users, self.end = len(part_of), self.group.first_step + self.group.steps
        self.begun, ends = np.zeros(self.group.pairs, np.int32), np.zeros((2, self.group.pairs), np.int32)
        met = np.flatnonzero(np.asarray(e.pair_elapsed) < 0)
        self.begun[e.pair[met]], ends[0, e.pair[met]] = e.step["pair"][met], e.pair_source[met]
        ends[1, e.pair[met]] = e.pair_target[met]
        self.source, self.target = ends
        self.back = other_way(self.source, self.target, users)
        self.users_moved = _Moved(e.active_user, e.step["active"], self.end + 1)
        self.pairs_moved = _Moved(e.pair, e.step["pair"], self.end + 1)
        self.active_key = self.key(e.step["active"], e.active_user)
        self.touched = np.full(users, -1, np.int64)
        np.maximum.at(self.touched, e.active_user, e.step["active"])
        self.network_ends = np.full(self.group.networks, -1, np.int64)
        np.maximum.at(self.network_ends, self.group.network, self.touched)
        self.home = np.zeros(users, np.int32)  # number of each user in the part that holds it
        self.home_pair = np.zeros(self.group.pairs, np.int32)

    def key(self, step: Rows, user: Rows) -> Rows:
        key: np.ndarray = step.astype(np.int64) * len(self.part_of) + user
        return key

    def part(
        self, number: int, parts: int, vectors: Float32[np.ndarray, "posts width"]
    ) -> tuple[Part, tuple[_Wanted, _Wanted]]:
        """A part without its lines, and the users and pairs of others that it reads."""
        e = self.e
        sight = np.flatnonzero(self.part_of[e.pair_target] == number)
        step, source, target = e.step["pair"][sight], e.pair_source[sight], e.pair_target[sight]
        across = self.part_of[source] != number
        border, guests = np.unique(target[across]), np.unique(source[across])
        inner = np.setdiff1d(np.flatnonzero(self.part_of == number), border)
        users = np.concatenate([inner, border, guests]).astype(np.int32)
        here = len(inner) + len(border)
        local = np.full(len(self.part_of), -1, np.int32)
        local[users] = np.arange(len(users))
        self.home[users[:here]] = local[users[:here]]

        back = self.back[e.pair[sight[across]]]
        last = step[across] == self.touched[target[across]]
        read = (back >= 0) & (self.begun[back] < step[across])
        beyond = np.unique(back[last & (back >= 0)])
        own_pairs, foreign = np.unique(e.pair[sight]), np.union1d(back[read], beyond)
        pairs = np.full(self.group.pairs, -1, np.int32)
        pairs[own_pairs] = np.arange(len(own_pairs))
        pairs[foreign] = len(own_pairs) + np.arange(len(foreign))
        self.home_pair[own_pairs] = pairs[own_pairs]

        ending = np.unique(source[across][last])
        wanted = (
            self.users_moved.wanted(source[across], step[across], ending, local),
            self.pairs_moved.wanted(back[read], step[across][read], beyond, pairs),
        )
        told = e.pair_kinds[sight[across], : e.pair_kinds.shape[1] // 2].any(1)
        heard = np.unique(self.key(step[across][told], source[across][told]))
        post, events = self._events(number, local, pairs, sight, heard)
        labels, label_row = self._labels(number, local)
        about = Guests(
            here, len(own_pairs), local[self.source[foreign]], local[self.target[foreign]], self.begun[foreign],
            self.network_ends,
        )  # fmt: skip
        made = Part(
            number, parts, self._timeline(users, post, events, labels), len(inner), about,
            self.group.network[users].astype(np.int32), self.group.first_step, self.group.steps, {},
            self.group.users[users], label_row, np.ascontiguousarray(vectors[post], np.float32),
        )  # fmt: skip
        return made, wanted

    def _events(self, number: int, local: Rows, pairs: Rows, sight: Rows, heard: Rows) -> tuple[Rows, Events]:
        """The rows of the table of posts that are read here, and the events with local numbers."""
        e, at = self.e, self.e.step
        active = np.append(
            np.flatnonzero(self.part_of[e.active_user] == number), np.searchsorted(self.active_key, heard)
        )
        of_guest = np.isin(self.key(at["post"], e.post_user), heard)
        posts = np.flatnonzero((self.part_of[e.post_user] == number) | of_guest)
        contacts = np.flatnonzero((self.part_of[e.contact_target] == number) & (local[e.contact_source] >= 0))
        rows = {
            "active": _ordered(at["active"], local[e.active_user], active),
            "post": _ordered(at["post"], local[e.post_user], posts),
            "pair": _ordered(at["pair"], local[e.pair_target], sight),
            "contact": contacts,
        }
        columns = {
            name: np.asarray(column)[rows[name.split("_")[0]]] for name, column in vars(e).items() if name != "step"
        }
        post, columns["post"] = (both.astype(np.int32) for both in np.unique(columns["post"], return_inverse=True))
        columns["pair"] = pairs[columns["pair"]]
        of_users = [name for name in columns if name.split("_")[-1] in ("user", "source", "target")]
        columns |= {name: local[columns[name]] for name in of_users}
        return post, Events(step={name: np.asarray(at[name])[kept] for name, kept in rows.items()}, **columns)

    def _labels(self, number: int, local: Rows) -> tuple[dict[str, Labels], dict[str, Int32[np.ndarray, " labels"]]]:
        labels, label_row = {}, {}
        for space, held in self.group.labels.items():
            rows = _ordered(held.step, local[held.user], np.flatnonzero(self.part_of[held.user] == number))
            kept = {name: np.asarray(column)[rows] for name, column in vars(held).items()}
            labels[space] = Labels(**(kept | {"user": local[kept["user"]]}))
            label_row[space] = self.group.label_row[space][rows].astype(np.int32)
        return labels, label_row

    def _timeline(self, users: Rows, post: Rows, events: Events, labels: dict[str, Labels]) -> Timeline:
        """As of one network, which all are side by side."""
        whole = self.timeline
        named = whole.users[self.group.users[users]].with_columns(network_row=pl.lit(0, pl.Int32))
        held = {"users": len(users), "active": len(events.active_user), "steps": self.end, "network_row": 0}
        return replace(
            whole,
            users=named,
            networks=pl.DataFrame({"network": [""], **{name: [value] for name, value in held.items()}}),
            posts=whole.posts[post],
            events=events,
            labels=labels,
        )


def _ordered(step: np.ndarray, user: np.ndarray, rows: Rows) -> Rows:
    """Rows by step and user, and as they stood within these."""
    ordered: np.ndarray = rows[np.lexsort((user[rows], step[rows]))]
    return ordered


def _lines(whole: _Whole, wanted: list[tuple[_Wanted, _Wanted]]) -> list[dict[str, Int32[np.ndarray, "3 _"]]]:
    """What each part gives and takes before each step."""
    lines: list[dict[str, np.ndarray]] = [{} for _ in wanted]
    kinds = (("user", whole.home, whole.part_of), ("pair", whole.home_pair, whole.part_of[whole.target]))
    for kind, (name, home, holder) in enumerate(kinds):
        rows = [
            np.stack([want[kind].step, np.full(len(want[kind].row), taker), holder[want[kind].row], *want[kind][1:]])
            for taker, want in enumerate(wanted)
        ]
        step, taker, giver, row, there = np.concatenate(rows, 1)
        for number, line in enumerate(lines):
            for side, mine, other, local in (("take", taker, giver, there), ("give", giver, taker, home[row])):
                at = np.flatnonzero(mine == number)
                at = at[np.lexsort((row[at], other[at], step[at]))]
                line[f"{side}_{name}"] = np.stack([step[at], other[at], local[at]]).astype(np.int32)
    return lines
