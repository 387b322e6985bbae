"""Beliefs against all states counted one by one."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.bench.rivals.propagation import Propagation, evidence

NAMES = 3
TREES = {
    "one factor": [(0, 1)],
    "chain": [(0, 1), (1, 2), (2, 3), (3, 4)],
    "star": [(1, 0), (0, 2), (3, 0), (0, 4)],
    "forest": [(0, 1), (3, 2), (3, 4)],
    "no factor": [],
}


def counted(edges, local, potential):
    """The marginals of variables and of factors, from the definition: every state of all variables, weighed."""
    one, two = torch.zeros_like(local), torch.zeros_like(potential)
    for state in product(range(NAMES), repeat=len(local)):
        score = sum(local[k, y] for k, y in enumerate(state))
        score += sum(potential[k, state[a], state[b]] for k, (a, b) in enumerate(edges))
        weight = np.exp(float(score))
        for k, y in enumerate(state):
            one[k, y] += weight
        for k, (a, b) in enumerate(edges):
            two[k, state[a], state[b]] += weight
    return one / one.sum(1, keepdim=True), two / two.sum((1, 2), keepdim=True)


def drawn(edges, variables=5, seed=0):
    torch.manual_seed(seed)
    ends = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2)
    local = torch.randn(variables, NAMES, dtype=torch.float64)
    return ends[:, 0], ends[:, 1], local, torch.randn(len(edges), NAMES, NAMES, dtype=torch.float64)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_on_a_tree_beliefs_are_exact(name, damping):
    source, target, local, potential = drawn(TREES[name])
    graph = Propagation(source, target, local, damping)
    for _ in range(60 if damping else 5):
        graph.sweep(potential.exp())
    one, two = counted(TREES[name], local, potential)
    assert_close(graph.beliefs(), one)
    assert_close(graph.pair_beliefs(potential.exp()), two)


def test_with_a_loop_beliefs_are_near():
    edges = [(0, 1), (1, 2), (2, 0)]
    source, target, local, potential = drawn(edges, variables=3)
    graph = Propagation(source, target, local, 0.2)
    for _ in range(100):
        graph.sweep((0.3 * potential).exp())
    one, _ = counted(edges, local, 0.3 * potential)
    assert not torch.equal(graph.beliefs(), one)
    assert_close(graph.beliefs(), one, atol=0.02, rtol=0)


def test_evidence_is_a_label_and_nothing_else():
    edges = TREES["chain"]
    source, target, local, potential = drawn(edges)
    told = evidence(torch.tensor([-1, 2, -1, -1, 0]), NAMES, local)
    graph = Propagation(source, target, local)
    graph.replace(local + told)
    for _ in range(5):
        graph.sweep(potential.exp())
    one, two = counted(edges, local + told, potential)
    assert_close(graph.beliefs(), one)
    assert_close(graph.pair_beliefs(potential.exp()), two)
    assert graph.beliefs()[1].tolist() == [0, 0, 1]


def test_factors_may_be_passed_in_parts():
    """Messages along the first factors, then along the others, meet where one flood of messages does."""
    source, target, local, potential = drawn(TREES["chain"])
    parts, whole = Propagation(source, target, local), Propagation(source, target, local)
    for _ in range(10):
        parts.sweep(potential.exp(), 0, 2)
        parts.sweep(potential.exp(), 2)
        whole.sweep(potential.exp())
    assert_close(parts.beliefs(), whole.beliefs())
    one = Propagation(source, target, local)
    one.sweep(potential.exp(), 0, 1)
    assert_close(one.beliefs()[2:], local[2:].softmax(1))
