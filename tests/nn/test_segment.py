"""Sums and softmaxes over segments against loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from emotide.nn import segment_softmax, segment_sum

SEGMENTS = 5
ROWS = st.lists(st.tuples(st.floats(-30, 30), st.integers(0, SEGMENTS - 1)), max_size=20)


def columns(rows):
    scores = torch.tensor([score for score, _ in rows], dtype=torch.float64)
    return scores, torch.tensor([segment for _, segment in rows], dtype=torch.long)


@given(ROWS)
def test_softmax_is_exp_over_the_sum_of_its_segment(rows):
    scores, segment = columns(rows)
    got = segment_softmax(scores, segment, SEGMENTS)
    assert got.shape == (len(rows),)
    for k, (score, owner) in enumerate(rows):
        total = sum(math.exp(other - score) for other, theirs in rows if theirs == owner)
        assert got[k].item() == pytest.approx(1 / total, rel=1e-9)


@given(ROWS)
def test_sum_is_the_sum_of_its_segment_and_zero_where_there_is_none(rows):
    scores, segment = columns(rows)
    wide = torch.stack([scores, -2 * scores], 1)
    for values in (scores, wide):
        got = segment_sum(values, segment, SEGMENTS)
        for owner in range(SEGMENTS):
            mine = [k for k, (_, theirs) in enumerate(rows) if theirs == owner]
            assert_close(got[owner], sum((values[k] for k in mine), torch.zeros_like(got[owner])))


@settings(max_examples=30)
@given(ROWS.filter(len), st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    scores, segment = columns(rows)
    order = torch.tensor(random.sample(range(len(rows)), len(rows)))
    assert_close(
        segment_softmax(scores, segment, SEGMENTS)[order], segment_softmax(scores[order], segment[order], SEGMENTS)
    )
    assert_close(segment_sum(scores, segment, SEGMENTS), segment_sum(scores[order], segment[order], SEGMENTS))


def test_huge_scores_do_not_overflow():
    scores = torch.tensor([1e30, 1e30, -1e30, 3e38, -3e38, 1000.0, 999.0])
    segment = torch.tensor([0, 0, 0, 1, 2, 3, 3])
    got = segment_softmax(scores, segment, 4)
    e = math.e
    assert_close(got, torch.tensor([0.5, 0.5, 0.0, 1.0, 1.0, e / (e + 1), 1 / (e + 1)]))


def test_gradients():
    segment = torch.tensor([1, 0, 1, 3, 1])
    scores = torch.randn(5).double().requires_grad_()
    values = torch.randn(5, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: segment_softmax(s, segment, 4), (scores,))
    assert torch.autograd.gradcheck(lambda v: segment_sum(v, segment, 4), (values,))
