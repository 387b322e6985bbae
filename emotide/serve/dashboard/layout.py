"""Where thousands of people are drawn: those who move each other stand together, networks beside each other."""

import numpy as np
from jaxtyping import Float, Int

from emotide.demo.force_layout import force_layout
from emotide.timeline.sort import stable_order

SMALL = 250  # people up to whom every pair is looked at
ROUNDS = 120
STRANGERS = 6  # whom everybody is pushed from in a round, in the place of everybody


def positions(
    source: Int[np.ndarray, " pairs"],
    target: Int[np.ndarray, " pairs"],
    pull: Float[np.ndarray, " pairs"],
    network: Int[np.ndarray, " people"],
    seed: int = 0,
) -> Float[np.ndarray, "people 2"]:
    """Places in the unit square; each network has a square of its own, as large as it has people.

    Args:
        source, target: rows of people; a pair of two networks is left out.
        pull: how strong each spring is, 0 to 1.
        network: of each person, a number.
        seed: the same seed gives the same picture.
    """
    out = np.zeros((len(network), 2))
    _, network, size = np.unique(network, return_inverse=True, return_counts=True)
    people, first = stable_order(network), np.cumsum(size) - size
    place = np.empty(len(network), np.int64)
    place[people] = np.arange(len(network)) - np.repeat(first, size)
    pairs = np.flatnonzero(network[source] == network[target])
    pairs = pairs[stable_order(network[source[pairs]])]
    ends = np.searchsorted(network[source[pairs]], np.arange(len(size) + 1))
    order = stable_order(-size)
    edge = float(np.sqrt(len(network))) * 1.15
    left = top = row_height = 0.0
    for name in order:
        side = float(np.sqrt(size[name]))
        if left and left + side > edge:
            left, top, row_height = 0.0, top + row_height, 0.0
        row_height = max(row_height, side)
        own = pairs[ends[name] : ends[name + 1]]
        inside = _of_network(place[source[own]], place[target[own]], pull[own], int(size[name]), seed)
        margin = 0.0 if len(order) == 1 else 0.12
        here = people[first[name] : first[name] + size[name]]
        out[here] = np.array([left, top]) + side * (margin / 2 + (1 - margin) * inside)
        left += side
    low, high = (out.min(0), out.max(0)) if len(out) else (np.zeros(2), np.ones(2))
    return np.asarray((out - low) / max(float((high - low).max()), 1e-9))


def _of_network(
    source: Int[np.ndarray, " pairs"],
    target: Int[np.ndarray, " pairs"],
    pull: Float[np.ndarray, " pairs"],
    people: int,
    seed: int,
) -> Float[np.ndarray, "people 2"]:
    if people == 1:
        return np.full((1, 2), 0.5)
    if people <= SMALL:
        return force_layout(source, target, pull, people, seed)
    return sampled_layout(source, target, pull, people, seed)


def sampled_layout(
    source: Int[np.ndarray, " pairs"],
    target: Int[np.ndarray, " pairs"],
    pull: Float[np.ndarray, " pairs"],
    people: int,
    seed: int = 0,
) -> Float[np.ndarray, "people 2"]:
    """As `force_layout`, but each round pushes everybody from a few others dealt anew: linear in people and pairs."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-0.5, 0.5, (people, 2))
    k = people**-0.5
    for heat in np.linspace(0.08, 0.002, ROUNDS):
        move = -1.2 * place
        for _ in range(STRANGERS):
            apart = place - place[rng.permutation(people)]
            square = np.maximum((apart**2).sum(1, keepdims=True), k**2 / 16)
            move += apart / square * (k**2 * people / STRANGERS)
        along = place[target] - place[source]
        force = along * (np.sqrt((along**2).sum(1)) * pull / k)[:, None]
        for axis in range(2):
            move[:, axis] += np.bincount(source, force[:, axis], people) - np.bincount(target, force[:, axis], people)
        length = np.maximum(np.sqrt((move**2).sum(1, keepdims=True)), 1e-9)
        place = place + move / length * np.minimum(length, heat)
    ranks = _evened(place)
    return np.asarray(ranks)


def _evened(place: Float[np.ndarray, "people 2"]) -> Float[np.ndarray, "people 2"]:
    """Into the unit square, with distances from the middle half way to even density, so that no core is a blot."""
    middle = place - place.mean(0)
    radius = np.sqrt((middle**2).sum(1))
    rank = np.sqrt(radius.argsort().argsort() / max(len(radius) - 1, 1))
    wanted = 0.5 * radius / max(float(radius.max()), 1e-9) + 0.5 * rank
    return np.asarray(0.5 + 0.5 * middle / np.maximum(radius, 1e-9)[:, None] * wanted[:, None])
