"""The deep LSTM cell against equations 1 to 4 (DESIGN 3.2; our s~ is tanh(f3), docs/paper.md)."""

import math

import pytest
import torch
from torch.testing import assert_close

from emotide.nn import DeepLSTMCell, Gathered


def cell(**more) -> DeepLSTMCell:
    torch.manual_seed(0)
    made = DeepLSTMCell(5, (3, 2), width=6, depth=3, **more).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.6)
    return made


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_step_is_equations_1_to_4(rows):
    made = cell()
    s, a, b = torch.randn(rows, 5).double(), torch.randn(rows, 3).double(), torch.randn(rows, 2).double()
    out = made(s, a, b)
    assert out.shape == (rows, 5)
    for i in range(rows):
        f1, f2 = made.f12(s[i][None], a[i][None], b[i][None])[:, 0]
        z, r = 1 / (1 + torch.exp(-f1)), 1 / (1 + torch.exp(-f2))
        new = torch.tanh(made.f3((r * s[i])[None], a[i][None], b[i][None])[0])
        assert_close(out[i], (1 - z) * s[i] + z * new)


@pytest.mark.parametrize("gate", [-1e3, 1e3])
def test_a_shut_update_gate_passes_the_state_unchanged_and_an_open_one_replaces_it(gate):
    made = cell()
    with torch.no_grad():
        made.f12.last[0] = 0
        made.f12.last_bias[0] = gate
    s, a, b = 9 * torch.randn(4, 5).double(), torch.randn(4, 3).double(), torch.randn(4, 2).double()
    out = made(s, a, b)
    if gate < 0:
        assert torch.equal(out, s)
    else:
        assert (out.abs() <= 1).all()
        assert_close(out, made.f3(made.f12(s, a, b)[1].sigmoid() * s, a, b).tanh())


def test_influence_passes_a_shut_gate_over_a_thousand_steps_without_loss():
    made = cell()
    with torch.no_grad():
        made.f12.last[0] = 0
        made.f12.last_bias[0] = -1e3
    first = torch.randn(2, 5).double().requires_grad_()
    s = first
    for _ in range(1000):
        s = made(s, torch.randn(2, 3).double(), torch.randn(2, 2).double())
    s.sum().backward()
    assert torch.equal(first.grad, torch.ones(2, 5).double())


def test_the_cell_starts_by_remembering():
    made = DeepLSTMCell(5, (3,), update_bias=-2.0)
    assert (made.f12.last_bias[0] == -2.0).all()
    assert (made.f12.last_bias[1] == 0.0).all()


@pytest.mark.parametrize(("units", "memory"), [(1, 50.0), (5, 2.0), (7, 1000.0)])
def test_with_a_memory_the_time_constants_of_the_units_are_spread_at_equal_ratios(units, memory):
    made = DeepLSTMCell(units, (3,), memory=memory).double()
    constants = [1 + math.exp(-float(bias)) for bias in made.f12.last_bias[0, 0].detach()]  # 1 / σ(bias)
    wanted = [2 * (memory / 2) ** (k / max(units - 1, 1)) for k in range(units)]
    assert constants == pytest.approx(wanted, rel=1e-4)
    assert (made.f12.last_bias[1] == 0).all()


def test_a_unit_keeps_its_state_for_about_its_time_constant():
    torch.manual_seed(0)
    made = DeepLSTMCell(6, (3,), memory=500.0)
    s, u = torch.ones(1, 6), torch.zeros(1, 3)
    with torch.no_grad():
        made.f12.last.zero_()
        made.f3.last.zero_()  # nothing new: the state only fades
        for _ in range(100):
            s = made(s, u)
    wanted = [(1 - 1 / (2 * 250 ** (k / 5))) ** 100 for k in range(6)]
    assert_close(s[0], torch.tensor(wanted), rtol=1e-3, atol=1e-6)


def test_a_memory_of_less_than_two_steps_is_refused():
    with pytest.raises(ValueError, match=r"a memory of 1\.0 steps: 2 or more are wanted"):
        DeepLSTMCell(5, (3,), memory=1.0)


def test_gradients_reach_state_input_and_every_parameter():
    made = cell(plan=((0, 1), (0, 3)))
    s, a, b = (torch.randn(3, width).double().requires_grad_() for width in (5, 3, 2))
    assert torch.autograd.gradcheck(made, (s, a, b))
    names, parameters = zip(*made.named_parameters(), strict=True)

    def by_parameters(*values):
        return torch.func.functional_call(made, dict(zip(names, values, strict=True)), (s, a, b))

    assert torch.autograd.gradcheck(by_parameters, parameters)


def test_a_state_within_one_stays_within_one():
    made, s = cell(), torch.rand(8, 5).double() * 2 - 1
    for _ in range(50):
        s = made(s, 5 * torch.randn(8, 3).double(), torch.randn(8, 2).double())
    assert (s.abs() <= 1).all()


def test_rows_never_mix_and_their_order_does_not_matter():
    made = cell()
    s, a, b = torch.randn(6, 5).double(), torch.randn(6, 3).double(), torch.randn(6, 2).double()
    order = torch.tensor([3, 5, 0, 1, 4, 2])
    assert_close(made(s, a, b)[order], made(s[order], a[order], b[order]))
    assert_close(made(s, a, b)[:2], made(s[:2], a[:2], b[:2]))


def test_gathered_inputs_equal_gathering_first():
    made, index = cell(), torch.tensor([1, 1, 0, 2])
    s, table, b = torch.randn(4, 5).double(), torch.randn(3, 3).double(), torch.randn(4, 2).double()
    assert_close(made(s, Gathered(table, index), b), made(s, table[index], b))


def test_gradients():
    made = cell()
    inputs = tuple(torch.randn(3, width).double().requires_grad_() for width in (5, 3, 2))
    assert torch.autograd.gradcheck(made, inputs)
