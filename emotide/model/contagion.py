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

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.model.chance import p_values
from emotide.model.moods import Moods
from emotide.model.shrinkage import Posterior, likeliest, posterior, regression
from emotide.timeline import Timeline

PAD = 3
FEWEST = 8  # moods of a person, below which nothing is said about who moves them


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


class _Person(NamedTuple):
    """One person's moods and the deviations of the neighbours in sight."""

    moods: np.ndarray  # rows of the moods
    pairs: slice  # of the table of pairs
    X: np.ndarray  # [axes, moods, pairs]


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
        shuffles: how often strangers are dealt.
        seed: of the strangers.
        until: only moods before this step are looked at.
        sight: the rows of the timeline's pairs in which the source can move the target; all by default.
    """
    pairs = _pairs(timeline, moods, sight)
    y, known = _explained(moods, until)
    users = _used(moods, len(timeline.users), until)
    people = _people(moods, pairs, users, pairs.source, until)
    solved, ratio = _solved(people, y, known)
    weight, sd = _gathered(people, solved, len(pairs.source))
    judged, null = np.isfinite(sd), [np.zeros(0)]
    rng = np.random.default_rng(seed)
    for source in _strangers(timeline, pairs, rng, shuffles):
        others = _people(moods, pairs, users, source, until)
        dealt = _solved(others, y, known, ratio)[0]
        other, other_sd = _gathered(others, dealt, len(pairs.source))
        null.append((abs(other) / other_sd)[judged & (source >= 0)])
    p = p_values(abs(weight) / sd, np.concatenate(null))
    return Contagion(pairs.source, pairs.target, weight, sd, np.where(judged, p, 1.0), pairs.of_row, pairs.sight)


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
    pairs = _pairs(timeline, moods, sight)
    y, known = _explained(moods, since)
    whole = _people(moods, pairs, _used(moods, len(timeline.users), None), pairs.source, since)
    whole = [person for person in whole if (moods.step[person.moods] < since).sum() >= FEWEST]
    early = [moods.step[person.moods] < since for person in whole]
    people = [_Person(w.moods[e], w.pairs, w.X[:, e]) for w, e in zip(whole, early, strict=True)]
    rows, alone, together = [np.zeros(0, int)], [np.zeros((0, PAD))], [np.zeros((0, PAD))]
    for person, then, found in zip(whole, early, _solved(people, y, known)[0], strict=True):
        moved = person.X @ found.mean
        for said, foretold in ((np.zeros_like(moved), alone), (moved, together)):
            here, left = known[:, person.moods], y[:, person.moods] - said
            own = np.linalg.pinv(here[:, then]) @ left[:, then, None]
            foretold.append(((here @ own)[..., 0] + said)[:, ~then].T)
        rows.append(person.moods[~then])
    return Foreseen(np.concatenate(rows), np.concatenate(alone), np.concatenate(together))


def deviations(
    moods: Moods, source: Int[np.ndarray, " asked"], step: Int[np.ndarray, " asked"], until: int | None = None
) -> Float[np.ndarray, "asked affect"]:
    """How far the latest mood of each source before a step lay from the source's mean; 0 where there is none.

    A mood k steps old counts ρ^(k-1), with ρ the correlation of a mood with that of the step before.

    Args:
        moods: of everybody.
        source: rows of the table of users; nobody where negative.
        step: before which they are looked at.
        until: means and ρ are of the moods before this step.
    """
    if not len(moods.user):
        return np.zeros((len(source), moods.Y.shape[1]))
    counted = np.ones(len(moods.user), bool) if until is None else moods.step < until
    total = np.zeros((int(moods.user.max()) + 1, moods.Y.shape[1]))
    np.add.at(total, moods.user[counted], moods.Y[counted])
    number = np.bincount(moods.user[counted], minlength=len(total))
    centred = moods.Y - (total / np.maximum(number, 1)[:, None])[moods.user]
    row = moods.before(source, step)
    age = (step - moods.step[row] - 1).clip(min=0)
    kept = np.where(row >= 0, _persistence(moods, centred, counted) ** age, 0.0)
    return np.asarray(centred[row] * kept[:, None])


def _persistence(moods: Moods, centred: np.ndarray, counted: np.ndarray) -> float:
    """The correlation of moods with those of the step before, over all people; 1 where none follow each other."""
    follows = np.flatnonzero(counted[1:] & (np.diff(moods.user) == 0) & (np.diff(moods.step) == 1)) + 1
    now, then = centred[follows, :PAD].ravel(), centred[follows - 1, :PAD].ravel()
    spread = float(np.sqrt((now @ now) * (then @ then)))
    return float(np.clip(now @ then / spread, 0.0, 1.0)) if spread else 1.0


def _pairs(timeline: Timeline, moods: Moods, sight: np.ndarray | None) -> _Pairs:
    e, users = timeline.events, max(len(timeline.users), 1)
    key, of_row = np.unique(e.pair_target.astype(np.int64) * users + e.pair_source, return_inverse=True)
    step = np.asarray(e.step["pair"])
    seen = np.ones(len(step), bool) if sight is None else sight
    return _Pairs(key % users, key // users, of_row, step, moods.at(e.pair_target, step), seen)


def _explained(moods: Moods, until: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Of every mood pleasure, arousal, dominance [axes, moods], and what foresees them alone [axes, moods, 2]."""
    last = deviations(moods, moods.user, moods.step, until)[:, :PAD].T
    return moods.own.T.astype(float), np.stack([np.ones_like(last), last], 2)


def _used(moods: Moods, users: int, until: int | None) -> list[np.ndarray]:
    """For each user the rows of the moods that are to be explained."""
    use = moods.told & (moods.before(moods.user, moods.step) >= 0)
    if until is not None:
        use &= moods.step < until
    rows = np.flatnonzero(use)
    return np.split(rows, np.searchsorted(moods.user[rows], np.arange(1, users)))


def _people(
    moods: Moods, pairs: _Pairs, used: Sequence[np.ndarray], source: np.ndarray, until: int | None
) -> list[_Person]:
    """Everybody of whom there is enough to go by, with the moods of `source` (one a pair) in the neighbours' places."""
    seen = deviations(moods, source[pairs.of_row], pairs.step, until)[:, :PAD]
    row_order = np.argsort(pairs.of_row, kind="stable")  # by target, since the pairs are
    slots = np.searchsorted(pairs.target, np.arange(len(used) + 1))
    rows = np.searchsorted(pairs.of_row[row_order], slots)
    place = np.full(len(moods.user), -1)
    people = []
    for user, mine in enumerate(used):
        if len(mine) < FEWEST or slots[user] == slots[user + 1]:
            continue
        place[mine] = np.arange(len(mine))
        here = row_order[rows[user] : rows[user + 1]]
        here = here[(place[pairs.felt[here]] >= 0) & pairs.sight[here]]
        X = np.zeros((PAD, len(mine), slots[user + 1] - slots[user]))
        X[:, place[pairs.felt[here]], pairs.of_row[here] - slots[user]] = seen[here].T
        people.append(_Person(mine, slice(int(slots[user]), int(slots[user + 1])), X))
    return people


def _solved(
    people: Sequence[_Person], y: np.ndarray, known: np.ndarray, ratio: float | None = None
) -> tuple[list[Posterior], float]:
    """Everybody's weights, under the likeliest ratio or a given one."""
    regressions = [regression(y[:, person.moods], person.X, known[:, person.moods]) for person in people]
    ratio = likeliest(regressions) if ratio is None else ratio
    return [posterior(each, ratio) for each in regressions], ratio


def _gathered(people: Sequence[_Person], solved: Sequence[Posterior], pairs: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight and its standard deviation of every pair; 0 and infinite where there is too little to go by."""
    weight, sd = np.zeros(pairs), np.full(pairs, np.inf)
    for person, found in zip(people, solved, strict=True):
        weight[person.pairs], sd[person.pairs] = found.mean, found.sd
    return weight, sd


def _strangers(timeline: Timeline, pairs: _Pairs, rng: np.random.Generator, shuffles: int) -> list[np.ndarray]:
    """For each shuffle somebody in the place of each pair's source: no neighbour of the target; -1 where all are."""
    network = timeline.users["network_row"].to_numpy()
    dealt = np.full((shuffles, len(pairs.source)), -1)
    bounds = np.flatnonzero(np.diff(pairs.target, prepend=-1, append=-1))
    for start, end in pairwise(bounds.tolist()):
        target = pairs.target[start]
        strange = np.ones(len(network), bool)
        strange[pairs.source[start:end]] = strange[target] = False
        near = strange & (network == network[target])
        chosen = np.flatnonzero(near if near.any() else strange)
        if len(chosen):
            dealt[:, start:end] = rng.choice(chosen, (shuffles, end - start))
    return list(dealt)
