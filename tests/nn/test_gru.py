"""The plain cell takes the same parts as the deep one."""

import torch
from torch.testing import assert_close

from emotide.nn import Gathered, GRUCell


def test_parts_are_one_input_and_may_be_gathered():
    torch.manual_seed(0)
    cell, s = GRUCell(4, (3, 2)), torch.randn(5, 4)
    table, index, other = torch.randn(2, 3), torch.tensor([0, 1, 1, 0, 1]), torch.randn(5, 2)
    got = cell(s, Gathered(table, index), other)
    assert_close(got, cell.cell(torch.cat([table[index], other], 1), s))
