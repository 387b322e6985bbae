"""The measurements of many workers, on networks small enough for a test; what needs Ray is tested in tests/cluster."""

import json

import numpy as np
import pytest

from emotide.bench import BENCHES
from emotide.bench.scale import costs, equal, joined, traffic
from emotide.cluster.cost import Cost, Load, plan, state_bytes
from emotide.model import NetworkConfig


def silent(*told):
    """Nobody listens."""


def test_parts_are_equal_to_one_process(monkeypatch, tmp_path):
    monkeypatch.setattr(equal, "USERS", 40)
    monkeypatch.setattr(equal, "PARTS", (2,))
    found = equal.run(tmp_path, [0], silent, silent)
    assert 0 < found["max_abs_diff"]["2"] < 1e-5
    assert found["max_abs_diff"]["2"] == max(found["states"]["2"], found["gradients"]["2"])


def test_traffic_is_less_where_communities_are_kept_together(monkeypatch, tmp_path):
    monkeypatch.setattr(traffic, "USERS", 1500)
    monkeypatch.setattr(traffic, "PARTS", (2,))
    found = traffic.run(tmp_path, [0], silent, silent)["traffic"]
    assert found["hash"]["2"]["cut_sights"] == pytest.approx(0.5, abs=0.05)
    assert found["community"]["2"]["cut_sights"] < found["hash"]["2"]["cut_sights"]
    assert found["community"]["2"]["kilobytes"] < found["hash"]["2"]["kilobytes"]
    json.dumps(found)


def test_the_cost_model_finds_the_costs_that_made_the_seconds():
    true, rng = Cost(0.01, 2e-5, 3e-6), np.random.default_rng(0)
    loads = [Load(int(a), float(b), float(c)) for a, b, c in rng.integers(10, 10**5, (6, 3))]
    found = Cost.fitted(loads, [true.seconds(load) for load in loads])
    np.testing.assert_allclose(found, true, rtol=1e-6)
    free = Cost.fitted(loads, [2e-5 * load.active for load in loads])
    assert min(free) >= 0
    np.testing.assert_allclose(free.per_active, 2e-5, rtol=1e-6)


def test_a_plan_adds_up():
    cost, config = Cost(0.0, 1e-3, 1e-4), NetworkConfig()
    load = Load(10, 3600e3, 0.0)
    made = plan(cost, config, load, 1e6, 1e7, 10, 0.5, 100.0, balance=1.0)
    assert made.hours == pytest.approx(0.1)
    assert made.gigabytes == pytest.approx(state_bytes(config, 1e6, 1e7) / 1e10)
    assert plan(cost, config, load, 1e6, 1e7, 20, 0.5, 100.0, 1.0).hours == pytest.approx(0.05)
    assert costs.internet(cost)["workers"] == costs.INTERNET["workers"]


def test_what_is_told_stands_where_it_is_looked_for():
    parts = {"equal": {"max_abs_diff": {"2": 1e-7}}, "kills": {"kills": 10, "lost": 0, "seconds": 1.0}}
    found = joined(parts)
    assert found["max_abs_diff"] == {"2": 1e-7}
    assert (found["kills"], found["lost"]) == (10, 0)
    assert set(BENCHES["scale"].parts) == {"equal", "kills", "workers", "traffic", "costs", "hosts"}
