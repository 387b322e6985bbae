"""Who moves whom, from each pair's own history: empirical Bayes on top of the network's readings (DESIGN 1, 5).

The network shares one form of contagion among all pairs. How much of it one pair has is a matter of that pair's history
alone, and has a closed form:

    m[i,t] = a_i + b_i ∘ m[i,t'] + Σ_j w[j→i] d[j,t] + noise        w ~ N(0, noise / ratio)

m is a mood in pleasure, arousal, dominance once step t is known (`moods`), on the left as it is read with no neighbour
in sight, lest the network's own idea of contagion prove itself. t' is the last step before t that touched i, and d[j,t]
how far j's latest mood before t lay from j's mean; j runs over the neighbours in sight. All neighbours of a person are
weighed together, so that none is given what another did, and who left little to go by stays near 0. The ratio is the
one under which the moods of everybody are most likely; no weight is set by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.model.chance import p_values
from emotide.model.moods import Moods
from emotide.model.shrinkage import Regression, likeliest, posterior, regression, spectrum
from emotide.timeline import Timeline
from emotide.timeline.sort import distinct, stable_order

PAD = 3
FEWEST = 8  # moods of a person, below which nothing is said about who moves them
BLOCK = 1 << 21  # numbers of the regressions that are solved side by side
STRANGERS = 1_000_000  # draws of the null, at which no more are dealt


@dataclass(frozen=True)
class Contagion:
    """What each pair's history says of how far the source moves the target; one row a pair."""

    source: Int[np.ndarray, " pairs"]  # row of the timeline's table of users
    target: Int[np.ndarray, " pairs"]
    weight: Float[np.ndarray, " pairs"]  # the share of the source's deviation that the target takes over in a step
    sd: Float[np.ndarray, " pairs"]  # of what is known of the weight
    p: Float[np.ndarray, " pairs"]  # against strangers in the neighbours' places
    of_row: Int[np.ndarray, " rows"]  # the pair of each row of the timeline's pairs
    sight: Bool[np.ndarray, " rows"]  # whether the row counted


class _Pairs(NamedTuple):
    """All pairs ever in sight, sorted by target, and where they are seen."""

    source: np.ndarray
    target: np.ndarray
    of_row: np.ndarray  # [rows] the pair of each row of the timeline's pairs
    step: np.ndarray  # [rows]
    felt: np.ndarray  # [rows] the row of the moods: what the target felt in that step
    sight: np.ndarray  # [rows] whether the source is taken to be seen


class _Seen(NamedTuple):
    """The rows of the timeline's pairs that count: of people of whom there is enough to go by, block by block."""

    pair: np.ndarray
    step: np.ndarray
    felt: np.ndarray


class _Block(NamedTuple):
    """People with about as many moods and pairs, whose regressions are solved side by side; -1 fills up."""

    moods: np.ndarray  # [people, moods] rows of the moods that are to be explained
    pairs: np.ndarray  # [people, pairs] rows of the table of pairs
    seen: slice  # of the rows that count
    place: tuple[np.ndarray, np.ndarray, np.ndarray]  # person, mood and pair of each of these


def contagion(
    timeline: Timeline,
    moods: Moods,
    shuffles: int = 39,
    seed: int = 0,
    until: int | None = None,
    sight: Bool[np.ndarray, " rows"] | None = None,
) -> Contagion:
    """The weight of every pair of whom one was ever in sight of the other.

    The null model keeps who is looked at and when, and deals out anew whose moods are seen there: those of people of
    the same network who were never neighbours of the target and are not the target (of the whole log, where there is
    none). The p-value compares |weight| / sd with those of all strangers; it is 1 where there is too little to go by.

    Args:
        timeline: of a log.
        moods: along it.
        shuffles: how often strangers are dealt, at most: where pairs are many, `STRANGERS` of them are enough.
        seed: of the strangers.
        until: only moods before this step are looked at.
        sight: the rows of the timeline's pairs in which the source can move the target; all by default.
    """
    found = _Fitted(timeline, moods, until, sight)
    pairs, seen = found.pairs, found.seen
    judged, null = np.flatnonzero(np.isfinite(found.sd)), [np.zeros(0)]
    network, rng = timeline.users["network_row"].to_numpy(), np.random.default_rng(seed)
    for source in _strangers(network, pairs, judged, shuffles, rng):
        other, other_sd = found.weights(found.felt.before(source[seen.pair], seen.step))
        there = judged[source[judged] >= 0]
        null.append(abs(other[there]) / other_sd[there])
        if sum(map(len, null)) >= STRANGERS:
            break
    p = np.ones(len(found.weight))
    p[judged] = p_values(abs(found.weight[judged]) / found.sd[judged], np.concatenate(null))
    return Contagion(pairs.source, pairs.target, found.weight, found.sd, p, pairs.of_row, pairs.sight)


class _Fitted:
    """The weights of all pairs by the moods before a step, under the prior that all of them make likeliest.

    Args: as for `contagion`.
    """

    def __init__(
        self, timeline: Timeline, moods: Moods, until: int | None, sight: Bool[np.ndarray, " rows"] | None
    ) -> None:
        self.pairs, self.felt = _pairs(timeline, moods, sight), Deviations(moods, until)
        self.y, self.known = _explained(moods, self.felt)
        self.seen, self._blocks = _blocks(moods, self.pairs, _used(moods, until))
        d = self.felt.before(self.pairs.source[self.seen.pair], self.seen.step)
        self._ratio = likeliest([spectrum(_regression(block, d, self.y, self.known)) for block in self._blocks])
        self.weight, self.sd = self.weights(d)

    def weights(self, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight and its standard deviation of every pair, with these deviations in the neighbours' places."""
        return _weights(self._blocks, len(self.pairs.source), d, self.y, self.known, self._ratio)


@dataclass(frozen=True)
class Foreseen:
    """Moods foreseen from what was known before their step; one row a mood."""

    row: Int[np.ndarray, " rows"]  # of the moods
    alone: Float[np.ndarray, "rows 3"]  # from the person's own mean and last mood
    together: Float[np.ndarray, "rows 3"]  # and from the neighbours, by the weights of their history


def foreseen(timeline: Timeline, moods: Moods, since: int, sight: Bool[np.ndarray, " rows"] | None = None) -> Foreseen:
    """The moods of step `since` and later, foreseen by what was learned from those before it.

    Args:
        timeline: of a log.
        moods: along it.
        since: the first step that is foreseen; nothing of it or later is learned from.
        sight: as for `contagion`.
    """
    found = _Fitted(timeline, moods, since, sight)
    pairs, felt, y, known, weight = found.pairs, found.felt, found.y, found.known, found.weight
    asked = distinct(pairs.target[np.isfinite(found.sd)])
    mine = np.flatnonzero(_used(moods, None) & np.isin(moods.user, asked))
    moved = np.zeros_like(y)
    rows = np.flatnonzero(pairs.sight & (weight[pairs.of_row] != 0))
    said = felt.before(pairs.source[pairs.of_row[rows]], pairs.step[rows]) * weight[pairs.of_row[rows], None]
    for axis in range(PAD):
        moved[axis] = np.bincount(pairs.felt[rows], said[:, axis], len(moods.user))
    then, person = mine[moods.step[mine] < since], np.searchsorted(asked, moods.user)
    late = mine[moods.step[mine] >= since]
    alone, together = (_own(y - part, known, person, then, late) + part[:, late] for part in (0 * moved, moved))
    return Foreseen(late, alone.T, together.T)


def _own(y: np.ndarray, known: np.ndarray, person: np.ndarray, then: np.ndarray, late: np.ndarray) -> np.ndarray:
    """What the causes of their own let expect of people at moods `late`, as they showed at moods `then`."""
    out = np.zeros((len(y), len(late)))
    for axis, (cause, outcome) in enumerate(zip(known, y, strict=True)):
        people = int(person[then].max(initial=-1)) + 1
        square, along = np.zeros((people, 2, 2)), np.zeros((people, 2))
        np.add.at(square, person[then], cause[then, :, None] * cause[then, None, :])
        np.add.at(along, person[then], cause[then] * outcome[then, None])
        own = (np.linalg.pinv(square, rcond=1e-10, hermitian=True) @ along[..., None])[..., 0]
        out[axis] = (cause[late] * own[person[late]]).sum(1)
    return out


class Deviations:
    """How far moods lie from their people's means.

    A mood k steps old counts ρ^(k-1), with ρ the correlation of a mood with that of the step before.

    Args:
        moods: of everybody.
        until: means and ρ are of the moods before this step.
        width: how many coordinates of the affect vectors are looked at; all where None.
    """

    def __init__(self, moods: Moods, until: int | None = None, width: int | None = PAD) -> None:
        counted = np.ones(len(moods.user), bool) if until is None else moods.step < until
        Y, people = moods.Y[:, :width], int(moods.user.max(initial=-1)) + 1
        number = np.bincount(moods.user[counted], minlength=people)
        total = [np.bincount(moods.user[counted], column[counted], people) for column in Y.T]
        self._moods = moods
        self._centred = Y - (np.array(total) / np.maximum(number, 1)).T[moods.user]
        self._kept = self._persistence(counted)

    def before(
        self, source: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"]
    ) -> Float[np.ndarray, "asked affect"]:
        """That of the latest mood of each source before a step; 0 where there is none.

        Args:
            source: rows of the table of users; nobody where negative.
            step: before which they are looked at.
        """
        if not len(self._centred):
            return np.zeros((len(source), self._centred.shape[1]))
        row = self._moods.before(source, step)
        age = (step - self._moods.step[row] - 1).clip(min=0)
        return np.asarray(self._centred[row] * np.where(row >= 0, self._kept**age, 0.0)[:, None])

    def _persistence(self, counted: np.ndarray) -> float:
        """The correlation of moods with those of the step before, over all people; 1 where none follow each other."""
        user, step = self._moods.user, self._moods.step
        follows = np.flatnonzero(counted[1:] & (np.diff(user) == 0) & (np.diff(step) == 1)) + 1
        now, then = self._centred[follows, :PAD].ravel(), self._centred[follows - 1, :PAD].ravel()
        spread = float(np.sqrt((now @ now) * (then @ then)))
        return float(np.clip(now @ then / spread, 0.0, 1.0)) if spread else 1.0


def _pairs(timeline: Timeline, moods: Moods, sight: np.ndarray | None) -> _Pairs:
    e, users = timeline.events, max(len(timeline.users), 1)
    key, of_row = np.unique(e.pair_target.astype(np.int64) * users + e.pair_source, return_inverse=True)
    step = np.asarray(e.step["pair"])
    seen = np.ones(len(step), bool) if sight is None else sight
    return _Pairs(key % users, key // users, of_row, step, moods.at(e.pair_target, step), seen)


def _explained(moods: Moods, felt: Deviations) -> tuple[np.ndarray, np.ndarray]:
    """Of every mood pleasure, arousal, dominance [axes, moods], and what foresees them alone [axes, moods, 2]."""
    last = felt.before(moods.user, moods.step).T
    return moods.own.T.astype(float), np.stack([np.ones_like(last), last], 2)


def _used(moods: Moods, until: int | None) -> np.ndarray:
    """Which moods are to be explained."""
    use: np.ndarray = moods.told & (moods.before(moods.user, moods.step) >= 0)
    return use if until is None else use & (moods.step < until)


def _blocks(moods: Moods, pairs: _Pairs, used: np.ndarray) -> tuple[_Seen, list[_Block]]:
    """Everybody of whom there is enough to go by, in blocks of about equal sizes, and the rows of pairs that count."""
    users = int(max(moods.user.max(initial=-1), pairs.target.max(initial=-1))) + 1
    mine = np.flatnonzero(used)
    number, width = (np.bincount(of, minlength=users) for of in (moods.user[mine], pairs.target))
    first_mood, first_pair = np.cumsum(number) - number, np.cumsum(width) - width
    who = np.flatnonzero((number >= FEWEST) & (width > 0))
    size = np.stack([_rounded(number[who]), _rounded(width[who])], 1)
    order = np.lexsort(size.T)
    who, size = who[order], size[order]
    rank, place = np.full(users, len(who)), np.full(len(moods.user), -1)
    rank[who], place[mine] = np.arange(len(who)), np.arange(len(mine)) - first_mood[moods.user[mine]]
    counts = np.flatnonzero(pairs.sight & (rank[pairs.target[pairs.of_row]] < len(who)) & (place[pairs.felt] >= 0))
    counts = counts[stable_order(rank[pairs.target[pairs.of_row[counts]]])]
    seen = _Seen(pairs.of_row[counts], pairs.step[counts], pairs.felt[counts])
    person = rank[pairs.target[seen.pair]]
    blocks = []
    for begin, end in _cuts(size):
        here, (rows, columns) = who[begin:end], size[begin].tolist()
        first, last = np.searchsorted(person, [begin, end])
        some = slice(int(first), int(last))
        target = pairs.target[seen.pair[some]]
        at = (person[some] - begin, place[seen.felt[some]], seen.pair[some] - first_pair[target])
        own = _ranges(first_mood[here], number[here], rows)
        blocks.append(
            _Block(np.where(own >= 0, mine[own], -1), _ranges(first_pair[here], width[here], columns), some, at)
        )
    return seen, blocks


def _rounded(size: np.ndarray) -> np.ndarray:
    """Up to the next power of √2, so that there are few sizes."""
    rounded: np.ndarray = np.ceil(2 ** (np.ceil(2 * np.log2(size)) / 2)).astype(np.int64)
    return rounded


def _cuts(size: Int[np.ndarray, "people 2"]) -> Iterator[tuple[int, int]]:
    """From where to where people of one size go, so many of them that their regressions are a block."""
    other = np.flatnonzero((size[1:] != size[:-1]).any(1)) + 1
    for begin, end in pairwise([0, *other.tolist(), len(size)]):
        most = max(1, BLOCK // (PAD * int(size[begin:end].prod(1).max(initial=1))))
        yield from ((first, min(first + most, end)) for first in range(begin, end, most))


def _ranges(first: np.ndarray, number: np.ndarray, length: int) -> Int[np.ndarray, "people length"]:
    """The rows of each, -1 behind them."""
    along = np.arange(length)
    return np.where(along < number[:, None], first[:, None] + along, -1)


def _regression(block: _Block, d: np.ndarray, y: np.ndarray, known: np.ndarray) -> Regression:
    """The regressions of a block, with these deviations in the neighbours' places."""
    there = block.moods >= 0
    X = np.zeros((len(there), PAD, there.shape[1], block.pairs.shape[1]))
    person, mood, pair = block.place
    X[person, :, mood, pair] = d[block.seen]
    outcome = np.where(there, y[:, block.moods], 0.0).swapaxes(0, 1)
    causes = np.where(there[..., None], known[:, block.moods], 0.0).swapaxes(0, 1)
    return regression(outcome, X, causes, there.sum(1))


def _weights(
    blocks: list[_Block], pairs: int, d: np.ndarray, y: np.ndarray, known: np.ndarray, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight and its standard deviation of every pair; 0 and infinite where there is too little to go by."""
    weight, sd = np.zeros(pairs), np.full(pairs, np.inf)
    for block in blocks:
        found, there = posterior(_regression(block, d, y, known), ratio), block.pairs >= 0
        weight[block.pairs[there]], sd[block.pairs[there]] = found.mean[there], found.sd[there]
    return weight, sd


def _strangers(
    network: np.ndarray, pairs: _Pairs, asked: np.ndarray, shuffles: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """For each shuffle somebody in the place of each asked pair's source: no neighbour of the target; -1 where all are.

    The n-th stranger of a target stands n places and all neighbours before them from where the network begins.
    """
    people = stable_order(network)
    place = np.argsort(people)
    targets, of = np.unique(pairs.target[asked], return_inverse=True)
    begin, end = (np.searchsorted(network[people], network[targets], side) for side in ("left", "right"))
    mine = np.isin(pairs.target, targets)
    whose = np.concatenate([np.arange(len(targets)), np.searchsorted(targets, pairs.target[mine])])
    known = place[np.concatenate([targets, pairs.source[mine]])]
    order = np.lexsort((known, whose))
    whose, known = whose[order], known[order]
    number = np.bincount(whose, minlength=len(targets))
    first = np.cumsum(number) - number
    alone = end - begin == number  # all of the network are neighbours: anybody of the log
    begin, end = np.where(alone, 0, begin), np.where(alone, len(people), end)
    span = len(people) + 1
    before = whose * span + known - begin[whose] - (np.arange(len(known)) - first[whose])  # strangers before each
    free = (end - begin - number)[of]
    for _ in range(shuffles):
        drawn = rng.integers(0, np.maximum(free, 1))
        passed = np.searchsorted(before, of * span + drawn, side="right") - first[of]
        source = np.full(len(pairs.source), -1)
        source[asked] = np.where(free > 0, people[np.where(free > 0, begin[of] + drawn + passed, 0)], -1)
        yield source
