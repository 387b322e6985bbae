"""A timeline as a graph of variables: what each person felt in each step, and which of them hang together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from emotide.timeline import Timeline
from emotide.train.sequences import posts_at

KINDS = ("temporal", "met", "near")
TEMPORAL, MET, NEAR = range(len(KINDS))
WIDEST, LONGEST = 256, 7  # principal components of a post, earlier variables of a user: the most that can be asked for


@dataclass(frozen=True)
class Edges:
    """Factors between two variables, sorted by target."""

    source: Int[np.ndarray, " edges"]  # variable, never of a later step than the target
    target: Int[np.ndarray, " edges"]  # variable
    kind: Int[np.ndarray, " edges"]  # of KINDS
    gap: Float[np.ndarray, " edges"]  # steps between the two
    share: Float[np.ndarray, " edges"]  # 1 / (factors of the sort that the target has)
    rank: Int[np.ndarray, " edges"]  # 1 for the user's variable before, 2 for the one before that; 0 between two users

    def where(self, kept: Bool[np.ndarray, " edges"] | Int[np.ndarray, " kept"]) -> "Edges":
        """Some of them: a mask, or rows in the order wanted."""
        return Edges(*(getattr(self, name)[kept] for name in Edges.__annotations__))


@dataclass(frozen=True)
class Variables:
    """One variable per user and step with a post or a label of the space, sorted by step."""

    step: Int[np.ndarray, " variables"]
    user: Int[np.ndarray, " variables"]
    label: Int[np.ndarray, " variables"]  # category, -1 for none
    taught: Bool[np.ndarray, " variables"]  # whether the label is of the training part
    learned: Bool[
        np.ndarray, " variables"
    ]  # whether training may look at it: no later than its network's training part
    vectors: Float[np.ndarray, "variables components"]  # principal components of the user's posts of the step
    counts: Float[np.ndarray, "variables 3"]  # log(1 + posts, contacts made, contacts received) in the step
    earlier: Float[np.ndarray, "variables components"]  # principal components of the user's last posts before
    since: Float[np.ndarray, "variables 2"]  # log(1 + steps since the user's variable before), whether there was none
    edges: Edges  # with the step seen: contacts of the step, and all neighbours
    silent: Edges  # with nothing of the step seen: neighbours known from before
    label_row: Int[np.ndarray, " labels"]  # label of the space -> variable


def variables(timeline: Timeline, vectors: Float[np.ndarray, "posts width"], space: str) -> Variables:
    """The variables of a log and the factors between them, for a space of categories.

    A user's variable hangs together with the LONGEST before it, and with one of each neighbour: of a neighbour who was
    in touch with the user in the step, the one of this step if there is one; of any other, the last before the step.
    """
    e, labels = timeline.events, timeline.labels[space]
    asked = np.union1d(_key(e.step["post"], e.post_user), _key(labels.step, labels.user))
    step, user = asked >> 32, asked & 0xFFFFFFFF
    label_row = np.searchsorted(asked, _key(labels.step, labels.user))
    label, taught = np.full(len(asked), -1), np.zeros(len(asked), bool)
    label[label_row], taught[label_row] = labels.latest, labels.split == 0
    network = timeline.users["network_row"].to_numpy()[user]
    last = np.full(len(timeline.networks), -1)
    np.maximum.at(last, network[taught], step[taught])
    learned = step <= last[network]
    now, before = posts_at(timeline, vectors, step, user)
    project = _components(now[learned & now.any(1)])
    active = _key(e.step["active"], e.active_user)
    order = np.argsort(active)
    place = order[np.searchsorted(active, asked, sorter=order)]
    temporal, since = _temporal(step, user)
    return Variables(
        step, user, label, taught, learned, project(now), np.log1p(e.active_counts[place]), project(before), since,
        _joined(temporal, _social(timeline, step, user, seen=True)),
        _joined(temporal, _social(timeline, step, user, seen=False)),
        label_row,
    )  # fmt: skip


def _key(step: np.ndarray, user: np.ndarray) -> np.ndarray:
    key: np.ndarray = step.astype(np.int64) << 32 | user
    return key


def _components(posts: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A function from vectors to their principal components, each of variance 1 over these posts; none where no posts.

    A row of zeros, which is no post, stays one.
    """
    if len(posts) < 2:
        return lambda vectors: np.zeros((len(vectors), 0), np.float32)
    mean = posts.mean(0)
    _, size, axes = np.linalg.svd(posts - mean, full_matrices=False)
    kept = size[:WIDEST] > 1e-4 * size[0]
    scaled = axes[:WIDEST][kept].T * (np.sqrt(len(posts)) / size[:WIDEST][kept])

    def project(vectors: np.ndarray) -> np.ndarray:
        found: np.ndarray = ((vectors - mean) @ scaled * vectors.any(1, keepdims=True)).astype(np.float32)
        return found

    return project


def _temporal(step: np.ndarray, user: np.ndarray) -> tuple[Edges, np.ndarray]:
    """Edges from the variables of the same user before each, and how long ago the last of them was."""
    order = np.lexsort((step, user))
    since = np.stack([np.zeros(len(step)), np.ones(len(step))], 1).astype(np.float32)
    sources, targets, ranks = [], [], []
    for rank in range(1, LONGEST + 1):
        source, target = order[:-rank], order[rank:]
        same = user[source] == user[target]
        sources.append(source[same])
        targets.append(target[same])
        ranks.append(np.full(int(same.sum()), rank))
        if rank == 1:
            since[target[same]] = np.stack([np.log1p(step[target[same]] - step[source[same]]), np.zeros(same.sum())], 1)
    source, target, rank_of = np.concatenate(sources), np.concatenate(targets), np.concatenate(ranks)
    gap = (step[target] - step[source]).astype(np.float32)
    return Edges(source, target, np.full(len(source), TEMPORAL), gap, np.ones(len(source), np.float32), rank_of), since


def _social(timeline: Timeline, step: np.ndarray, user: np.ndarray, seen: bool) -> Edges:
    """Edges from a variable of each neighbour in sight; with nothing of the step `seen`, of those known from before."""
    e = timeline.events
    asked = _key(step, user)
    target = np.searchsorted(asked, _key(e.step["pair"], e.pair_target)).clip(max=len(asked) - 1)
    held = asked[target] == _key(e.step["pair"], e.pair_target)
    if not seen:
        held &= e.pair_known
    pair = np.flatnonzero(held)
    target, now, neighbour = target[pair], e.step["pair"][pair].astype(np.int64), e.pair_source[pair].astype(np.int64)
    spoke = e.pair_kinds[pair, : e.pair_kinds.shape[1] // 2].any(1)
    met = np.asarray(spoke & seen)
    order = np.lexsort((step, user))
    by_user = user[order] << 32 | step[order]
    place = np.searchsorted(by_user, (neighbour << 32 | now) + met) - 1  # the last before the step, or at it where met
    source = order[place.clip(min=0)]
    found = (place >= 0) & (user[source] == neighbour)
    source, target, met = source[found], target[found], met[found]
    ends = np.stack([np.minimum(source, target), np.maximum(source, target)], 1)
    _, first = np.unique(ends, axis=0, return_index=True)  # two who were in touch in a step, either way: one factor
    source, target, met = source[first], target[first], met[first]
    count = np.bincount(target, minlength=len(asked))[target]
    gap = (step[target] - step[source]).astype(np.float32)
    kind = np.where(met, MET, NEAR)
    return Edges(source, target, kind, gap, (1 / count).astype(np.float32), np.zeros(len(source), int))


def _joined(*parts: Edges) -> Edges:
    """All edges, by the step of their target, which is the order of the variables."""
    whole = Edges(*(np.concatenate([getattr(part, name) for part in parts]) for name in Edges.__annotations__))
    return whole.where(np.argsort(whole.target, kind="stable"))
