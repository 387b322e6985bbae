"""Both models are asked about the same contacts in the same order; what needs no learning scores what it must."""

import numpy as np
import pytest

from emotide.bench.behaviour import events_of, recipe, simple
from emotide.bench.bench import converted
from emotide.train.behaviour import average_precision


@pytest.fixture(scope="module")
def ratings(data_dir):
    with converted("bitcoin_otc", data_dir / "bitcoin_otc") as log:
        yield log, log.timeline(recipe(0, 1e-3).timeline)


def test_the_stream_is_the_timeline_with_times_and_kinds(ratings):
    stream, timeline = events_of(*ratings), ratings[1]
    assert len(stream.time) == 35_592
    assert (np.diff(stream.time.numpy()) >= 0).all()
    assert np.bincount(stream.step)[:-1].min() >= 199  # steps of 200 events; those of one instant stay together
    assert stream.message.sum(1).eq(1).all()
    cuts = [np.bincount(stream.step[timeline.events.contact_split == part]).nonzero()[0] for part in range(3)]
    assert cuts[0].max() < cuts[1].min()
    assert cuts[1].max() < cuts[2].min()


def test_nobody_is_rated_twice_and_edgebank_sees_nothing(ratings):
    found = {method: average_precision(scores) for method, scores in simple(ratings[1], 0).items()}
    assert found["edgebank"]["random"] == pytest.approx(0.5, abs=0.01)
    assert found["recency"]["random"] > 0.6  # the popular are rated more
