"""Dropout drops the share that it is told, and keeps the mean."""

import pytest
import torch

from emotide.nn.dropout import dropout, mask


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_and_the_mean_that_is_kept(share):
    torch.manual_seed(0)
    drawn = mask(torch.zeros(1000, 333), share)
    assert abs(float((drawn == 0).float().mean()) - share) < 1 / 256
    assert abs(float(drawn.mean()) - 1) < 0.02
    assert len(drawn.unique()) == 2
    columns = (drawn == 0).float().mean(0)
    assert float((columns - share).abs().max()) < 0.08  # no column is preferred


def test_draws_follow_the_seed_and_differ():
    x = torch.ones(40, 9)
    torch.manual_seed(1)
    one, other = dropout(x, 0.5, True), dropout(x, 0.5, True)
    torch.manual_seed(1)
    assert torch.equal(one, dropout(x, 0.5, True))
    assert not torch.equal(one, other)


def test_nothing_is_dropped_outside_of_training():
    x = torch.randn(7, 3)
    assert torch.equal(dropout(x, 0.5, False), x)
    assert torch.equal(dropout(x, 0.0, True), x)
    assert mask(x[:0], 0.5).shape == (0, 3)
