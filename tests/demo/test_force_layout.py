"""Positions must keep who belongs together together, inside the square, the same every time."""

import numpy as np
import pytest

from emotide.demo.force_layout import force_layout


def clusters() -> tuple[np.ndarray, np.ndarray]:
    pairs = [(i + base, j + base) for base in (0, 6) for i in range(6) for j in range(6) if i < j]
    source, target = np.array([*pairs, (0, 6)]).T
    return source, target


def test_two_clusters_stand_apart():
    source, target = clusters()
    place = force_layout(source, target, np.ones(len(source)), 12)
    apart = np.linalg.norm(place[:, None] - place[None], axis=2)
    inside = np.r_[apart[:6, :6][np.triu_indices(6, 1)], apart[6:, 6:][np.triu_indices(6, 1)]].mean()
    assert inside < 0.5 * apart[:6, 6:].mean()


@pytest.mark.parametrize("people", [0, 1, 2, 12])
def test_everybody_is_in_the_square_and_stays(people):
    nobody = np.zeros(0, int)
    place = force_layout(nobody, nobody, np.zeros(0), people)
    assert place.shape == (people, 2)
    assert np.isfinite(place).all()
    assert ((place >= 0) & (place <= 1)).all()
    np.testing.assert_array_equal(place, force_layout(nobody, nobody, np.zeros(0), people))


def test_nobody_stands_on_another():
    source, target = clusters()
    place = force_layout(source, target, np.ones(len(source)), 12)
    apart = np.linalg.norm(place[:, None] - place[None], axis=2) + np.eye(12)
    assert apart.min() > 0.02
