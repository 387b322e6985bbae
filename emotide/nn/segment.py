"""Sums and softmaxes over segments of rows: the rows of one owner, or the pairs of one target, wherever they stand."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def segment_sum(
    values: Float[Tensor, "rows *width"], segment: Int[Tensor, " rows"], segments: int
) -> Float[Tensor, "segments *width"]:
    """Σ of the rows of each segment; zero where a segment has none."""
    return values.new_zeros(segments, *values.shape[1:]).index_add(0, segment, values)


def segment_softmax(
    scores: Float[Tensor, "rows *heads"], segment: Int[Tensor, " rows"], segments: int
) -> Float[Tensor, "rows *heads"]:
    """exp(score) over its sum in the segment, computed without overflow; every head by itself."""
    wide = segment.reshape(-1, *(1 for _ in scores.shape[1:])).expand_as(scores)
    top = scores.new_full((segments, *scores.shape[1:]), -torch.inf).scatter_reduce(0, wide, scores.detach(), "amax")
    weight = (scores - top.index_select(0, segment)).exp()
    return weight / segment_sum(weight, segment, segments).index_select(0, segment)
