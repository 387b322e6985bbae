"""Products of many rows are those of float64, whichever library makes them."""

import pytest
import torch
from torch.testing import assert_close

from emotide.nn.products import ROWS, across, added, product

EXACT = {"atol": 1e-4, "rtol": 1e-5}


@pytest.fixture(params=[0, 5, ROWS, 2 * ROWS + 3])
def drawn(request):
    """x, W, b, d in float32, x and d as columns of a wider matrix."""
    generator = torch.Generator().manual_seed(request.param)

    def real(*shape):
        return torch.randn(*shape, generator=generator)

    return real(request.param, 13)[:, 2:9], real(7, 4), real(4), real(request.param, 6)[:, 1:5]


def test_products_are_those_of_float64(drawn):
    x, weight, bias, d = drawn
    out = torch.full((len(x), 6), torch.nan)
    wanted = x.double() @ weight.double()
    assert_close(product(x, weight, out[:, 1:5]).double(), wanted, **EXACT)
    assert_close(product(x, weight, out[:, 1:5], bias).double(), wanted + bias, **EXACT)
    assert_close(added(x, weight, out[:, 1:5]).double(), 2 * wanted + bias, **EXACT)
    assert out[:, 0].isnan().all()
    assert out[:, 5].isnan().all()
    across_rows = across(x, d, torch.full((7, 4), torch.nan)).double()
    assert_close(across_rows, x.double().T @ d.double(), atol=1e-3, rtol=1e-5)
