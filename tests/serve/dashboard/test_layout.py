"""Places of people: in the square, the same each time, tied people near each other, networks apart."""

import numpy as np

from emotide.serve.dashboard.layout import positions, sampled_layout


def ring(people):
    source = np.arange(people)
    return source, (source + 1) % people, np.ones(people)


def test_nobody_and_one_have_places():
    none = np.zeros(0, np.int64)
    assert positions(none, none, np.zeros(0), none).shape == (0, 2)
    assert positions(none, none, np.zeros(0), np.zeros(1, np.int64)).shape == (1, 2)


def test_places_are_in_the_square_and_repeat():
    place = positions(*ring(600), np.zeros(600, np.int64))
    assert place.min() >= 0
    assert place.max() <= 1
    assert np.array_equal(place, positions(*ring(600), np.zeros(600, np.int64)))


def test_the_tied_stand_nearer_than_strangers():
    block = np.repeat(np.arange(10), 60)
    rng = np.random.default_rng(0)
    source = np.arange(600).repeat(4)
    target = 60 * block[source] + rng.integers(0, 60, len(source))
    place = sampled_layout(source, target, np.ones(len(source)), 600)
    tied = np.hypot(*(place[source] - place[target]).T).mean()
    strangers = np.hypot(*(place - place[rng.permutation(600)]).T).mean()
    assert tied < 0.5 * strangers


def test_networks_do_not_overlap():
    network = np.repeat([0, 1, 2], [300, 40, 10])
    place = positions(*ring(350), network)
    boxes = [(place[network == k].min(0), place[network == k].max(0)) for k in range(3)]
    for i in range(3):
        for j in range(i):
            apart = (boxes[i][0] > boxes[j][1]) | (boxes[j][0] > boxes[i][1])
            assert apart.any()
