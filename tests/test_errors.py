"""Errors say the same wherever they are raised."""

import pickle

import pytest

from emotide.cluster.workers import WorkersLost
from emotide.errors import BadInput, Busy, ModelMismatch, NotYet, StoreError, UnknownName


@pytest.mark.parametrize(
    "error",
    [
        BadInput("no number", "posts.csv", 3, "time"),
        UnknownName("space", "ekmann", ["ekman", "pad"]),
        UnknownName.said("space 'x' is not known"),
        StoreError("cannot be opened"),
        ModelMismatch("another version"),
        Busy(1.5),
        NotYet(2.0),
        WorkersLost([1]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_another_process_hears_the_same_error(error):
    heard = pickle.loads(pickle.dumps(error))
    assert (type(heard), str(heard), vars(heard)) == (type(error), str(error), vars(error))
