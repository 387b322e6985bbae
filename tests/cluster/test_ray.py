"""On Ray: the same readings whoever dies meanwhile, the same model with the workers who are left."""

from copy import deepcopy

import numpy as np
import pytest
from torch.testing import assert_close

from emotide.cluster.fitting import ClusterFit
from emotide.cluster.states import ClusterTrace, in_order, run_states, write_parts
from emotide.cluster.workers import Crew
from emotide.model.trace import SHOWN, trace
from emotide.train.config import TrainConfig
from emotide.train.fit import fit
from tests.cluster.conftest import QUIET

pytest.importorskip("ray")
CONFIG = TrainConfig(epochs=2, window=25, least_window=25, updates=2, reports=0.0, behaviour=0.0, batch_events=10**9)
pytestmark = QUIET


def test_a_worker_that_is_killed_costs_nothing(ray, network, model, tmp_path):
    timeline, vectors = network(seed=8)
    write_parts(timeline, vectors, 2, tmp_path)
    killed = []

    def kill(crew, first):
        if first in (20, 40) and first not in killed:
            killed.append(first)
            ray.kill(crew.actors[len(killed) - 1])

    with Crew(ray, tmp_path, 2) as crew:
        said = run_states(crew, model, 50, "known", tmp_path / "states", horizon=2, meanwhile=kill)
        assert crew.losses == len(killed) == 2
    found = in_order(timeline, said)
    expected = trace(model, timeline, vectors, SHOWN["known"], horizon=2)
    network_of = timeline.users["network_row"].to_numpy()[expected.user]
    order = np.lexsort((expected.user, expected.step, expected.horizon, network_of))
    for name in ("user", "step", "horizon"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name)[order])
    np.testing.assert_allclose(found.Y, expected.Y[order], atol=1e-5, rtol=1e-5)


def test_training_goes_on_with_the_workers_who_are_left(ray, network, model, tmp_path):
    timeline, vectors = network(networks="x", seed=9)
    expected = deepcopy(model)
    history = fit(expected, timeline, vectors, CONFIG)
    crews = []

    def kill(crew):
        crews.append(crew.parts)
        if crew.parts == 2:
            ray.kill(crew.actors[1])

    mine = deepcopy(model)
    found = ClusterFit(workers=2, meanwhile=kill)(mine, timeline, vectors, CONFIG, tmp_path)
    assert crews == [2, 1]
    assert [row["updates"] for row in found.rows] == [row["updates"] for row in history.rows]
    for name, value in expected.state_dict().items():
        assert_close(mine.state_dict()[name], value, atol=2e-4, rtol=1e-3)


def test_a_trace_on_workers_is_the_trace(ray, network, model):
    timeline, vectors = network(networks="x", seed=2)
    found = ClusterTrace(workers=2, partition="hash")(model, timeline, vectors, None, 1)
    expected = trace(model, timeline, vectors, None, 1)
    np.testing.assert_array_equal(found.user, expected.user)
    np.testing.assert_allclose(found.Y, expected.Y, atol=1e-5, rtol=1e-5)
