"""Generalised residual networks against a loop over rows, layers and shortcuts (DESIGN 3.1)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from emotide.nn import Gathered, Residual, ShortcutPlan


def network(depth, plan="regular", stack=1, inputs=(3, 2), outputs=4, width=5, **more) -> Residual:
    """In float64, every parameter drawn anew, so that no bias and no gate stands at its start."""
    shortcuts = plan if isinstance(plan, ShortcutPlan) else ShortcutPlan.named(plan, depth)
    made = Residual(inputs, outputs, width, depth, shortcuts, stack, **more).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.6)
    return made


def literal(net: Residual, u: torch.Tensor, member: int) -> torch.Tensor:
    """One row through one member of the stack: h_j = silu(W_j (h_{j-1} + Σ g_ij h_i)), from DESIGN 3.1."""
    width = net.hidden.shape[-1]
    own = slice(member * width, (member + 1) * width)
    h = [u @ net.first[:, own] + net.first_bias[own]]
    for j in range(1, net.depth + 2):
        fed = h[j - 1].clone()
        for gate, (i, to) in zip(net.gates, net.plan.shortcuts, strict=True):
            if to == j:
                fed += gate * h[i]
        if j == net.depth + 1:
            return fed @ net.last[member] + net.last_bias[member, 0]
        inner = fed @ net.hidden[j - 1, member] + net.hidden_bias[j - 1, member, 0]
        h.append(inner / (1 + torch.exp(-inner)))
    raise AssertionError


@pytest.mark.parametrize("plan", ["none", "regular", "dense"])
@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_output_is_the_literal_stack_of_layers(plan, depth, stack, rows):
    torch.manual_seed(depth)
    net = network(depth, plan, stack)
    parts = torch.randn(rows, 3).double(), torch.randn(rows, 2).double()
    out = net(*parts)
    assert out.shape == ((stack, rows, 4) if stack > 1 else (rows, 4))
    for member in range(stack):
        for row in range(rows):
            got = out[member, row] if stack > 1 else out[row]
            assert_close(got, literal(net, torch.cat([part[row] for part in parts]), member))


@given(st.integers(1, 4), st.data())
def test_any_plan_is_the_literal_stack_of_layers(depth, data):
    every = [(i, j) for i in range(depth + 2) for j in range(i + 2, depth + 2)]
    chosen = data.draw(st.lists(st.sampled_from(every), unique=True))
    net = network(depth, ShortcutPlan(depth, tuple(chosen)), inputs=(3,))
    u = torch.randn(1, 3).double()
    assert_close(net(u)[0], literal(net, u[0], 0))


@pytest.mark.parametrize("stack", [1, 2])
def test_a_gathered_part_equals_gathering_first(stack):
    net = network(3, "dense", stack, inputs=(3, 2, 4))
    table, plain, other = (torch.randn(rows, width).double() for rows, width in ((6, 3), (9, 2), (1, 4)))
    index, same = torch.randint(0, 6, (9,)), torch.zeros(9, dtype=torch.long)
    assert_close(net(Gathered(table, index), plain, Gathered(other, same)), net(table[index], plain, other[same]))
    assert_close(net(Gathered(table, index[:0]), plain[:0], other[same[:0]]), net(table[:0], plain[:0], other[:0]))


def test_gradients_reach_a_gathered_table_and_every_parameter():
    net = network(2, "dense", stack=2, inputs=(3, 2))
    index = torch.tensor([2, 0, 2])

    def run(table, plain):
        return net(Gathered(table, index), plain)

    inputs = (torch.randn(3, 3).double().requires_grad_(), torch.randn(3, 2).double().requires_grad_())
    assert torch.autograd.gradcheck(run, inputs)
    u = torch.randn(3, 3).double(), torch.randn(3, 2).double()
    names, parameters = zip(*net.named_parameters(), strict=True)

    def by_parameters(*values):
        return torch.func.functional_call(net, dict(zip(names, values, strict=True)), u)

    assert torch.autograd.gradcheck(by_parameters, parameters)


def test_rows_never_mix():
    net = network(3, "dense", stack=2, inputs=(3,))
    u = torch.randn(5, 3).double()
    moved = u.clone()
    moved[2] += 1
    before, after = net(u), net(moved)
    rest = [0, 1, 3, 4]
    assert_close(before[:, rest], after[:, rest], rtol=0, atol=0)
    assert (before[:, 2] != after[:, 2]).all()


def test_the_members_of_a_stack_do_not_share():
    net = network(2, stack=2, inputs=(3,))
    u = torch.randn(4, 3).double().requires_grad_()
    net(u)[0].sum().backward()
    assert (net.hidden.grad[:, 1] == 0).all()
    assert (net.last.grad[1] == 0).all()
    assert (net.hidden.grad[:, 0] != 0).any()


@pytest.mark.parametrize("depth", [16, 64])
def test_shortcuts_carry_gradients_to_the_first_layer_where_a_plain_stack_loses_them(depth):
    norm = {}
    for plan in ("none", "regular", "dense"):
        torch.manual_seed(0)
        net = Residual((8,), 1, 16, depth, ShortcutPlan.named(plan, depth))
        net(torch.randn(64, 8)).sum().backward()
        norm[plan] = float(net.first.grad.norm())
    assert norm["none"] < 1e-3
    assert norm["regular"] > 100 * norm["none"]
    assert norm["dense"] > 1


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    net = network(2, inputs=(3,), dropout=0.5)
    u = torch.randn(6, 3).double()
    assert not torch.equal(net(u), net(u))
    net.eval()
    assert_close(net(u)[0], literal(net, u[0], 0))


def test_a_plan_of_another_depth_is_refused():
    with pytest.raises(ValueError, match="a plan of depth 3 was given to a network of depth 2"):
        Residual((3,), 4, depth=2, plan=ShortcutPlan.named("dense", 3))
