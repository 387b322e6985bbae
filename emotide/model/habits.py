"""What is known of any two people before a step: how often and how lately each turned to the other, and to anybody.

Every contact is kept sorted by who it came from, whom it reached and by pair, so that the habits of any pairs at any
steps are a few searches in sorted keys, with no loop over pairs.
"""

import numpy as np
from jaxtyping import Float, Float32, Int

from emotide.timeline import Group
from emotide.timeline.sort import distinct, first_of_each, stable_order

LAST = 16  # contacts of a person that are looked at one by one
POPULAR = 20  # people of a network about whom everybody is asked
SPANS = (1, 5, 20)  # steps: how often lately
NEVER = 1000  # steps ago, for what never happened


class _Kept:
    """Contacts sorted by a key and step."""

    def __init__(self, key: Int[np.ndarray, " contacts"], step: Int[np.ndarray, " contacts"], scale: int) -> None:
        self.scale = scale
        both = key * scale + step
        self.order = stable_order(both)
        self.key, self.step, self.who = both[self.order], step[self.order], key[self.order]

    def before(self, key: np.ndarray, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last (exclusive) place of what has this key and happened before this step."""
        return np.searchsorted(self.key, key * self.scale), np.searchsorted(self.key, key * self.scale + step)

    def lately(self, key: np.ndarray, step: np.ndarray) -> Float32[np.ndarray, "asked each"]:
        """How often ever, how lately, and how often within each span, on scales of about 1.

        Keys in order are looked up several times quicker than any others.
        """
        start, end = self.before(key, step)
        latest = np.append(self.step, 0)[np.maximum(end, 1) - 1]
        since = np.where(end > start, np.minimum(np.abs(step - latest), NEVER), NEVER)
        told = np.zeros((len(key), EACH), np.float32)
        told[:, 0], told[:, 1], told[:, 2] = np.log1p(end - start), np.log1p(since) / 4, 1.0 / since
        for column, span in enumerate(SPANS, 3):
            some = np.flatnonzero(since <= span)
            first = np.searchsorted(self.key, key[some] * self.scale + np.maximum(step[some] - span, 0))
            told[some, column] = np.log1p(end[some] - first)
        return told


class Habits:
    """Who turned to whom in a group of networks, asked about any pairs before any steps."""

    def __init__(self, group: Group) -> None:
        e, self._users, self._first = group.events, len(group.users), group.first_step
        source, target = e.contact_source.astype(np.int64), e.contact_target.astype(np.int64)
        step, scale = e.step["contact"].astype(np.int64) - self._first, group.steps + 2
        self._made, self._received = _Kept(source, step, scale), _Kept(target, step, scale)
        self._pair = _Kept(source * self._users + target, step, scale)
        self._posts = _Kept(e.post_user.astype(np.int64), e.step["post"].astype(np.int64) - self._first, scale)
        self.network, self.ends = group.network, np.full(group.networks, -1)
        np.maximum.at(self.ends, group.network[e.active_user], e.step["active"])
        self.touched = np.full(self._users, self._first + scale)
        np.minimum.at(self.touched, e.active_user, e.step["active"])
        self._order = stable_order(self.touched)
        self._since = self.touched[self._order]
        one, other = np.concatenate([source, target]), np.concatenate([target, source])
        self._met = _Kept(one, np.concatenate([step, step]), scale)
        self._other = other[self._met.order].astype(np.int32)
        first = np.full(group.pairs, -1)
        first[e.pair[::-1]] = np.arange(len(e.pair))[::-1]  # of several places of a row the last one written stays
        row = np.flatnonzero(first >= 0)
        first = first[row]
        key = e.pair_source[first].astype(np.int64) * self._users + e.pair_target[first]
        order = stable_order(key)
        self._key, self._row, self._begun = key[order], row[order], e.step["pair"][first[order]]

    def of(
        self, source: Int[np.ndarray, " asked"], target: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"]
    ) -> Float32[np.ndarray, "asked habits"]:
        """What of source and target and the two of them was known before the step; `PAIR` numbers."""
        i, j, step = source.astype(np.int64), target.astype(np.int64), step.astype(np.int64) - self._first
        who, pair, when = np.append(i, j), np.append(i * self._users + j, j * self._users + i), np.append(step, step)
        person, row = self._distinct(who, when)
        pairs, place = self._distinct(pair, when)
        told = [(kept.lately(*person), row) for kept in (self._made, self._received)]
        told.append((self._pair.lately(*pairs), place))
        about = [kept[rows] for kept, rows in told for rows in np.split(rows, 2)]
        mine, theirs = np.split(self._latest(*person)[:, row], 2, 1)
        columns = [*self._place(mine, j), *self._place(theirs, i), *self._shared(mine, theirs)]
        columns.append(about[4][:, 0] - about[0][:, 0])  # log share of the source's contacts that went to the target
        return np.concatenate([*about, np.stack(columns, 1, dtype=np.float32, casting="same_kind")], 1)

    def own(self, user: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"]) -> Float32[np.ndarray, "asked own"]:
        """What was known of each one alone before the step."""
        who, step = user.astype(np.int64), step.astype(np.int64) - self._first
        person, row = self._distinct(who, step)
        kinds = (self._posts, self._made, self._received)
        told: np.ndarray = np.concatenate([kept.lately(*person) for kept in kinds], 1)[row]
        return told

    def known(self, step: int, most: int, rng: np.random.Generator) -> Int[np.ndarray, " known"]:
        """`present`, sorted; a sample of `most` of them where there are more, drawn without looking at all of them."""
        before = int(np.searchsorted(self._since, step))
        if before <= 2 * most:
            here = self.present(step)
            return here if len(here) <= most else np.sort(rng.choice(here, most, replace=False))
        drawn = self._order[rng.choice(before, 2 * most, replace=False, shuffle=False)]
        drawn = drawn[self.ends[self.network[drawn]] >= step]
        return np.sort(rng.permutation(drawn)[:most])

    def present(self, step: int) -> Int[np.ndarray, " present"]:
        """Who was heard of before the step, in networks of which anything is heard in it or later."""
        return np.flatnonzero((self.touched < step) & (self.ends[self.network] >= step))

    def likely(self, people: Int[np.ndarray, " people"]) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
        """Source and target of the pairs worth asking about for people of one network.

        Everybody with everybody whom he was ever in touch with, and with the `POPULAR` who last were reached.
        """
        mine = np.isin(self._met.who, people)
        reached = np.isin(self._received.who, people)
        order = stable_order(-self._received.step[reached])
        _, first = np.unique(self._received.who[reached][order], return_index=True)
        popular = self._received.who[reached][order][np.sort(first)][:POPULAR]
        met = self._met.who[mine] * self._users + self._other[mine]
        key = np.union1d(met, (people[:, None] * self._users + popular).ravel())
        source, target = key // self._users, key % self._users
        return source[source != target], target[source != target]

    def population(
        self, step: int, drawn: int, rng: np.random.Generator
    ) -> tuple[
        Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"], Float[np.ndarray, " pairs"], Float[np.ndarray, " pairs"]
    ]:
        """The pairs in contact in a step, and a sample of all others: source, target, whether in contact, weight.

        Args:
            step: whose contacts.
            drawn: how many others of those with an earlier contact, and as many of those without.
            rng: draws.
        """
        now = step - self._first
        begin = np.flatnonzero(first_of_each(self._pair.who))
        known, happened = self._pair.who[begin], distinct(self._pair.who[self._pair.step == now])
        met = np.setdiff1d(known[self._pair.step[begin] < now], happened)
        people = self.present(step)
        some, other = rng.choice(people, (2, drawn)) if len(people) else np.zeros((2, 0), np.int64)
        never = distinct((some * self._users + other)[(self.network[some] == self.network[other]) & (some != other)])
        never = np.setdiff1d(never, np.union1d(met, happened))
        size = np.bincount(self.network[people], minlength=1).astype(float)
        strangers = max(float((size * (size - 1)).sum()) - len(met), 0.0)
        old = rng.choice(met, min(drawn, len(met)), replace=False)
        key = np.concatenate([happened, old, never])
        weight = [1.0, len(met) / max(len(old), 1), strangers / max(len(never), 1)]
        parts = [len(happened), len(old), len(never)]
        truth = np.repeat([1.0, 0.0, 0.0], parts)
        return key // self._users, key % self._users, truth, np.repeat(weight, parts)

    def rows(
        self,
        source: Int[np.ndarray, " asked"],
        target: Int[np.ndarray, " asked"],
        step: int | Int[np.ndarray, " asked"],
    ) -> Int[np.ndarray, " asked"]:
        """The row of the table of influence states of each pair, source on target; -1 where it had none before a step.

        A pair that will only meet later has a row too: to tell it from one that never will would be to know the future.
        """
        key = source.astype(np.int64) * self._users + target
        if not len(self._key):
            return np.full(len(key), -1)
        place = np.searchsorted(self._key, key).clip(max=len(self._key) - 1)
        return np.where((self._key[place] == key) & (self._begun[place] < step), self._row[place], -1)

    def _distinct(self, key: np.ndarray, step: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Each key and step once and in order, and where those that were asked about stand among them."""
        both, row = np.unique(key * self._met.scale + step, return_inverse=True)
        return (both // self._met.scale, both % self._met.scale), row

    def _latest(self, who: np.ndarray, step: np.ndarray) -> Int[np.ndarray, "last asked"]:
        """The latest `LAST` people each was in touch with, latest first; -1 where there were fewer."""
        start, end = self._met.before(who, step)
        place = end - 1 - np.arange(LAST)[:, None]
        if not len(self._other):
            return np.full(place.shape, -1, np.int32)
        return np.where(place >= start, self._other[np.maximum(place, 0)], np.int32(-1))

    def _place(self, latest: np.ndarray, other: np.ndarray) -> list[np.ndarray]:
        """Share of the other among the latest, and 1 / (how many contacts ago)."""
        same = latest == other.astype(np.int32)
        return [same.mean(0), np.where(same.any(0), 1 / (1.0 + same.argmax(0)), 0.0)]

    def _shared(self, mine: np.ndarray, theirs: np.ndarray) -> list[np.ndarray]:
        """Shares of either's latest contacts with people who are among the other's latest too."""
        theirs, either, other = np.where(theirs < 0, -2, theirs), np.zeros(mine.shape[1]), np.zeros(mine.shape, bool)
        for one in mine:
            same = theirs == one
            either += same.any(0)
            other |= same
        return [either / LAST, other.mean(0)]


EACH = 3 + len(SPANS)  # numbers about one kind of contact
OWN = 3 * EACH
REACHED, THERE, BACK = 3 * EACH, 4 * EACH, 5 * EACH  # where the numbers about contacts to the target, of the pair begin
PAIR = 6 * EACH + 4 + 2 + 1
