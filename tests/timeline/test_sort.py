"""Orders of whole numbers are numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emotide.timeline.sort import distinct, stable_order

FULL = st.integers(-(2**63), 2**63 - 1)
keys = st.sampled_from([np.int16, np.int32, np.int64]).flatmap(
    lambda kind: arrays(kind, st.integers(0, 40), elements=st.integers(-5, 5) | st.integers(0, 2**15 - 1))
) | arrays(np.int64, st.integers(0, 40), elements=FULL)


@given(keys)
def test_orders_are_those_of_the_stable_sort(key):
    np.testing.assert_array_equal(stable_order(key), np.argsort(key, kind="stable"))
    np.testing.assert_array_equal(distinct(key), np.unique(key))
    assert distinct(key).dtype == key.dtype


@pytest.mark.parametrize("above", [0, 1])
def test_keys_as_wide_as_can_be_packed_and_wider(above):
    key = np.array([2 ** (60 + above) - 1, 0, 2 ** (60 + above) - 1, 5, 0], np.int64)  # five rows take three bits
    np.testing.assert_array_equal(stable_order(key), [1, 4, 3, 0, 2])
