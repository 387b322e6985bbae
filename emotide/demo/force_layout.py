"""Where to draw the people of a network, so that those who move each other stand together."""

import numpy as np
from jaxtyping import Float, Int


def force_layout(
    source: Int[np.ndarray, " pairs"],
    target: Int[np.ndarray, " pairs"],
    pull: Float[np.ndarray, " pairs"],
    people: int,
    seed: int = 0,
    rounds: int = 400,
) -> Float[np.ndarray, "people 2"]:
    """Positions in the unit square: springs along pairs, everybody else pushes off (Fruchterman & Reingold 1991).

        attraction = pull · distance² / k        repulsion = k² / distance

    A weak pull to the middle keeps together what no pair joins.

    Args:
        source, target: rows of people.
        pull: how strong each spring is, 0 to 1.
        people: how many.
        seed: the same seed gives the same picture.
        rounds: of movement, each shorter than the one before.
    """
    if people == 0:
        return np.zeros((0, 2))
    place = np.random.default_rng(seed).uniform(-0.5, 0.5, (people, 2))
    spring = np.zeros((people, people))
    np.add.at(spring, (source, target), pull)
    spring = spring + spring.T
    k = people**-0.5
    for heat in np.linspace(0.1, 0.001, rounds):
        apart = place[:, None] - place[None]
        distance = np.maximum(np.sqrt((apart**2).sum(2)), 1e-3)
        force = k**2 / distance**2 - spring * distance / k
        move = (apart * force[:, :, None]).sum(1) - 1.2 * place
        length = np.maximum(np.sqrt((move**2).sum(1, keepdims=True)), 1e-9)
        place = place + move / length * np.minimum(length, heat)
    low, high = place.min(0), place.max(0)
    return np.asarray((place - low) / np.maximum(high - low, 1e-9))
