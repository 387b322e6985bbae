import numpy as np
import pytest

from emotide.errors import BadInput
from emotide.recommend.demand import clusters, topic_values, wanted

VALUES = np.array([[1.0, 3.0, 0.0], [0.0, 2.0, 9.0], [5.0, 5.0, 1.0]])
BELONGS = np.array([[True, True, False], [False, True, True]])


def test_a_topic_is_worth_the_mean_of_its_items():
    assert topic_values(VALUES, BELONGS).tolist() == [[2.0, 1.5], [1.0, 5.5], [5.0, 3.0]]


def test_groups_tell_means_shares_and_size():
    mean, share, n = wanted(topic_values(VALUES, BELONGS), np.array([0, 0, -1]), 2, 2)
    assert mean[0].tolist() == [1.5, 3.5]
    assert share[0].tolist() == [0.5, 0.5]
    assert np.isnan(mean[1]).all()
    assert n.tolist() == [2, 0]


def test_a_small_group_tells_nothing():
    mean, share, n = wanted(topic_values(VALUES, BELONGS), np.array([0, 1, 1]), 2, 2)
    assert np.isnan(mean[0]).all()
    assert np.isnan(share[0]).all()
    assert not np.isnan(mean[1]).any()
    assert n.tolist() == [1, 2]
    with pytest.raises(BadInput, match="one user or more"):
        wanted(VALUES, np.zeros(3, int), 1, 0)


def test_clusters_are_found_largest_first():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], [10, 40, 20])
    H = np.eye(3)[truth] * 5 + 0.1 * rng.normal(size=(70, 3))
    got = clusters(H, 3)
    assert [set(got[truth == k]) for k in range(3)] == [{2}, {0}, {1}]
    assert clusters(np.zeros((5, 2)), 3).tolist() == [0] * 5
