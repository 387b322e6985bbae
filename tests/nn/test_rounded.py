"""bfloat16 inference is float32 inference to bfloat16's rounding, and forgets nothing that float32 keeps."""

import pytest
import torch
from torch.testing import assert_close

from emotide.nn import DeepLSTMCell, Gathered, SegmentAttention, rounded
from emotide.nn.products import PADDED, ROWS, added, product


@pytest.mark.parametrize("rows", [0, 1, PADDED, PADDED + 3, ROWS + 5])
def test_products_are_rounded_once(rows):
    generator = torch.Generator().manual_seed(rows)
    x, weight, bias, out = (
        torch.randn(*shape, generator=generator).bfloat16() for shape in ((rows, 7), (7, 4), (4,), (rows, 6))
    )
    exact = x.double() @ weight.double()
    near = {"atol": 0.05, "rtol": 0.01}
    assert_close(product(x, weight, out[:, 1:5]).double(), exact, **near)
    assert_close(product(x, weight, out[:, 1:5], bias).double(), exact + bias.double(), **near)
    assert_close(added(x, weight, out[:, 1:5]).double(), 2 * exact + bias.double(), atol=0.1, rtol=0.02)


@pytest.mark.parametrize("rows", [1, 40, 700])
@torch.no_grad()
def test_a_rounded_cell_moves_its_state_as_the_cell_does(rows):
    torch.manual_seed(0)
    made = DeepLSTMCell(12, (3, 5), width=16).eval()
    s, a, table = torch.randn(rows, 12).tanh(), torch.randn(rows, 3), torch.randn(4, 5)
    index = torch.arange(rows) % 4
    out = rounded(made)(s, a, Gathered(table, index))
    assert out.dtype == torch.float32
    assert_close(out, made(s, a, Gathered(table, index)), atol=0.02, rtol=0)
    assert (out != made(s, a, Gathered(table, index))).any()
    assert made.f12.first.dtype == torch.float32


@torch.no_grad()
def test_steps_too_small_for_a_bfloat16_state_still_add_up():
    torch.manual_seed(0)
    made = DeepLSTMCell(4, (2,), width=8, update_bias=-7.0).eval()  # a thousandth of what is new a step
    s, u = torch.full((3, 4), 0.9), torch.randn(3, 2)
    short, whole = s, s
    half = rounded(made)
    for _ in range(300):
        short, whole = half(short, u), made(whole, u)
    assert (whole - s).abs().mean() > 0.05
    assert_close(short, whole, atol=0.02, rtol=0)


@torch.no_grad()
def test_rounded_attention_gives_float32():
    torch.manual_seed(0)
    made = SegmentAttention(4, (6,), 8, heads=2).eval()
    owners, owner, posts = torch.randn(3, 4), torch.tensor([0, 0, 2, 2, 2]), torch.randn(5, 6)
    out = rounded(made)(owners, owner, posts)
    assert out.dtype == torch.float32
    assert_close(out, made(owners, owner, posts), atol=0.02, rtol=0)
