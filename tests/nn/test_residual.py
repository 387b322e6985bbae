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
    """One row through one member of the stack: h_j = silu(W_j h_{j-1}) + Σ g_ij h_i, from docs/paper.md."""
    width = net.hidden.shape[-1]
    own = slice(member * width, (member + 1) * width)
    h = [u @ net.first[:, own] + net.first_bias[own]]
    for j in range(1, net.depth + 1):
        inner = h[j - 1] @ net.hidden[j - 1, member] + net.hidden_bias[j - 1, member, 0]
        if net.normalised:
            inner = inner / (sum(x * x for x in inner) / width + 1e-6).sqrt()
        h.append(inner / (1 + torch.exp(-inner)))
        for gate, (i, to) in zip(net.gates, net.plan.shortcuts, strict=True):
            if to == j:
                h[j] = h[j] + gate * h[i]
    return h[net.depth] @ net.last[member] + net.last_bias[member, 0]


@pytest.mark.parametrize("plan", ["none", "regular", "dense"])
@pytest.mark.parametrize("depth", [1, 2, 6])  # at 6, more sources arrive than are added one by one
@pytest.mark.parametrize("stack", [1, 3])
@pytest.mark.parametrize("rows", [0, 1, 4])
@pytest.mark.parametrize("normalised", [False, True])
def test_output_is_the_literal_stack_of_layers(plan, depth, stack, rows, normalised):
    torch.manual_seed(depth)
    net = network(depth, plan, stack, normalised=normalised)
    parts = torch.randn(rows, 3).double(), torch.randn(rows, 2).double()
    out = net(*parts)
    assert out.shape == ((stack, rows, 4) if stack > 1 else (rows, 4))
    for member in range(stack):
        for row in range(rows):
            got = out[member, row] if stack > 1 else out[row]
            assert_close(got, literal(net, torch.cat([part[row] for part in parts]), member))


@given(st.integers(1, 6), st.data())
def test_any_plan_is_the_literal_stack_of_layers(depth, data):
    every = [(i, j) for i in range(depth) for j in range(i + 1, depth + 1)]
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


@pytest.mark.parametrize("normalised", [False, True])
def test_gradients_reach_a_gathered_table_and_every_parameter(normalised):
    net = network(2, "dense", stack=2, inputs=(3, 2), normalised=normalised)
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


@pytest.mark.parametrize("depth", [4, 16, 64])
def test_shortcuts_carry_signal_and_gradient_at_any_depth_where_a_plain_stack_loses_them(depth):
    gradient, signal = {}, {}
    for plan in ("none", "regular", "dense"):
        torch.manual_seed(0)
        net = Residual((8,), 1, 16, depth, ShortcutPlan.named(plan, depth))
        out = net(torch.randn(64, 8))
        out.mean().backward()
        gradient[plan], signal[plan] = float(net.first.grad.norm()), float(out.detach().std())
    for plan in ("regular", "dense"):
        assert 0.01 < gradient[plan] < 10
        assert 0.05 < signal[plan] < 5
    if depth >= 16:
        assert gradient["none"] < 1e-4 * gradient["regular"]


@given(st.integers(1, 64), st.data())
def test_any_plan_starts_with_neither_signal_nor_gradient_exploding(depth, data):
    count = data.draw(st.integers(1, 2 * depth))
    ends = st.tuples(st.integers(0, depth), st.integers(0, depth)).filter(lambda e: e[0] != e[1]).map(sorted)
    drawn = data.draw(st.lists(ends.map(tuple), min_size=count, max_size=count))
    net = Residual((8,), 4, 16, depth, ShortcutPlan(depth, tuple(set(drawn))))
    out = net(torch.randn(32, 8))
    out.square().mean().backward()
    assert float(out.detach().std()) < 5
    assert float(net.first.grad.norm()) < 50


def test_gates_start_as_the_mean_of_what_arrives_and_joined_layers_share_one_variance():
    torch.manual_seed(0)
    net = Residual((3,), 2, 40, 5, ShortcutPlan(5, ((0, 1), (0, 4), (1, 4), (2, 4))))
    assert_close(net.gates, torch.tensor([1, 1 / 3, 1 / 3, 1 / 3]))
    bound = 1.7 / 40**0.5
    largest = net.hidden.abs().amax((1, 2, 3))
    for layer in (1, 2, 3, 4, 5):
        whole = bound / 2**0.5 if layer in (1, 4) else bound
        assert 0.98 * whole < largest[layer - 1] <= whole


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    net = network(2, inputs=(3,), dropout=0.5)
    u = torch.randn(6, 3).double()
    assert not torch.equal(net(u), net(u))
    net.eval()
    assert_close(net(u)[0], literal(net, u[0], 0))


def test_dropout_leaves_a_chain_of_shortcuts_whole():
    net = network(3, ShortcutPlan(3, ((0, 3),)), inputs=(3,), dropout=0.999)
    with torch.no_grad():
        net.hidden_bias.zero_()
        net.hidden.zero_()
    u = torch.randn(6, 3).double()
    whole = net.gates[0] * (u @ net.first + net.first_bias)
    assert_close(net(u), whole @ net.last[0] + net.last_bias[0])


def test_a_plan_of_another_depth_is_refused():
    with pytest.raises(ValueError, match="a plan of depth 3 was given to a network of depth 2"):
        Residual((3,), 4, depth=2, plan=ShortcutPlan.named("dense", 3))
