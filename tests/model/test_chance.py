"""P-values against draws of a null model, and how many of the findings are false."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from emotide.model.chance import p_values, q_values


def test_the_asked_value_counts_among_the_draws():
    assert_allclose(p_values(np.array([0.0, 2.0, 2.5, 9.0]), np.array([1.0, 2.0, 3.0])), [1, 0.75, 0.5, 0.25])
    assert_allclose(p_values(np.array([1.0]), np.zeros(0)), [1])


def test_as_by_benjamini_and_hochberg():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    assert_allclose(q_values(p, np.zeros(4, int)), [0.04, 0.16 / 3, 0.16 / 3, 0.5])


def test_families_know_nothing_of_each_other():
    p = np.array([0.01, 0.02, 0.9, 0.02])
    assert_allclose(q_values(p, np.array([0, 1, 0, 1])), [0.02, 0.02, 0.9, 0.02])
    assert len(q_values(np.zeros(0), np.zeros(0, int))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_findings_in_noise_are_rare(seed):
    p = np.random.default_rng(seed).random(2000)
    assert (q_values(p, np.zeros(2000, int)) <= 0.05).sum() <= 1
