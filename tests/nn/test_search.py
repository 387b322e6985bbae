"""Gates that can close: their masks literally, and worlds in which it is known which shortcut matters."""

import math
from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from emotide.nn import Residual, ShortcutPlan
from emotide.nn.search import ClosingGates, close_gates, openness, strongest


def test_the_mask_is_that_of_the_hard_concrete_distribution():
    made, gates = ClosingGates(4, 0.0), torch.tensor([1.0, -2.0, 3.0, 4.0])
    odds = [-30.0, -1.0, 0.5, 30.0]
    with torch.no_grad():
        made.open.copy_(torch.tensor(odds) / 10)
    torch.manual_seed(5)
    u = torch.rand(4).tolist()
    torch.manual_seed(5)
    for gate, got, a, drawn in zip(gates, made(gates), odds, u, strict=True):
        mask = 1.2 / (1 + math.exp(-(math.log(drawn) - math.log(1 - drawn) + a) / (2 / 3))) - 0.1
        assert_close(got, gate * min(max(mask, 0.0), 1.0))
    made.eval()
    for gate, got, a in zip(gates, made(gates), odds, strict=True):
        assert_close(got, gate * min(max(1.2 / (1 + math.exp(-a)) - 0.1, 0.0), 1.0))
    assert made(gates)[0] == 0
    assert made(gates)[3] == 4


def test_the_pull_is_the_gradient_of_the_chance_that_a_mask_is_open():
    torch.manual_seed(0)
    pulled, free = ClosingGates(3, 0.7), ClosingGates(3, 0.0)
    for made in (pulled, free):
        torch.manual_seed(1)
        (made(torch.ones(3)) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    a = torch.full((3,), 0.2, requires_grad=True)
    (0.7 * torch.sigmoid(10 * a - 2 / 3 * math.log(0.1 / 1.1))).sum().backward()
    assert_close(pulled.open.grad - free.open.grad, a.grad)


@pytest.fixture
def learned():
    """A linear target that h_0 gives at once: the layers have nothing to add, and some shortcuts nothing to do."""
    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module("f", Residual((4,), 1, 8, 3, ShortcutPlan.named("dense", 3)))
    close_gates(net, 1.0)
    x = torch.randn(256, 4)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5], [1.0]])
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(250):
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
    return net


def test_the_shortcut_that_answers_stays_open_and_needless_ones_close(learned):
    found = openness(learned)["f"]
    assert set(found) == set(ShortcutPlan.named("dense", 3).shortcuts)
    kept = strongest({"f": found}, 3)["f"]
    reached = {0}
    for i, j in sorted(kept, key=lambda shortcut: shortcut[1]):
        if i in reached:
            reached.add(j)
    assert 3 in reached  # a chain of shortcuts leads from the input to the end
    assert sum(odds < 0 for odds in found.values()) >= 1


def test_a_network_whose_gates_close_can_be_copied_and_loaded(learned):
    copy = deepcopy(learned).eval()
    learned.eval()
    x = torch.randn(5, 4)
    assert torch.equal(copy(x), learned(x))
    assert openness(copy) == openness(learned)
    other = nn.Sequential()
    other.add_module("f", Residual((4,), 1, 8, 3, ShortcutPlan.named("dense", 3)))
    close_gates(other)
    other.load_state_dict(learned.state_dict())
    assert torch.equal(other.eval()(x), learned(x))


def test_a_network_without_shortcuts_has_nothing_to_close():
    net = nn.Sequential(Residual((4,), 1, 8, 3, ShortcutPlan.named("none", 3)))
    close_gates(net)
    assert openness(net) == {}


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.floats(-9, 9), max_size=6)), st.integers(0, 20))
def test_strongest_keeps_as_many_as_asked_and_none_weaker_than_what_it_leaves(odds, keep):
    found = {name: {(i, i + 1): value for i, value in enumerate(values)} for name, values in odds.items()}
    kept = strongest(found, keep)
    assert set(kept) == set(found)
    inside = [found[name][shortcut] for name, shortcuts in kept.items() for shortcut in shortcuts]
    outside = [v for name, each in found.items() for shortcut, v in each.items() if shortcut not in kept[name]]
    assert len(inside) == min(keep, sum(map(len, found.values())))
    assert min(inside, default=9) >= max(outside, default=-9)
