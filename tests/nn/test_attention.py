"""Attention over the rows of an owner against a loop over owners and rows (DESIGN 3.3, f_AT and f_G)."""

import math

import pytest
import torch
from torch.testing import assert_close

from emotide.nn import Gathered, SegmentAttention

KEYS, HEADS = 4, 3


def attention(uniform: bool = False) -> SegmentAttention:
    torch.manual_seed(0)
    made = SegmentAttention(5, (3, 2), 6, width=7, depth=2, keys=KEYS, heads=HEADS, uniform=uniform).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.7)
    return made


def drawn(owners: int, segment: list[int]):
    torch.manual_seed(1)
    rows = len(segment)
    return (
        torch.randn(owners, 5).double(),
        torch.tensor(segment, dtype=torch.long),
        torch.randn(rows, 3).double(),
        torch.randn(rows, 2).double(),
    )


def literal(
    made: SegmentAttention,
    owner: torch.Tensor,
    rows: list[tuple[torch.Tensor, torch.Tensor]],
    chances: list[float] | None = None,
) -> torch.Tensor:
    """Σ α · value with α ∝ exp(⟨query, key⟩ / √d) / chance over the rows of one owner, head by head."""
    if not rows:
        return made.empty
    keyed = [made.row(left[None], right[None])[0] for left, right in rows]
    heads = []
    for h in range(HEADS):
        mine = slice(h * KEYS, (h + 1) * KEYS)
        scores = [(made.query(owner)[mine] @ row[mine] / math.sqrt(KEYS)).exp() for row in keyed]
        scores = [score / chance for score, chance in zip(scores, chances or [1.0] * len(rows), strict=True)]
        values = [row[HEADS * KEYS :][2 * h : 2 * h + 2] for row in keyed]
        heads.append(sum(score / sum(scores) * value for score, value in zip(scores, values, strict=True)))
    return torch.cat(heads)


@pytest.mark.parametrize("segment", [[], [0], [2, 2, 0, 2, 3], [3, 3, 3]])
def test_each_owner_gets_the_weighted_sum_of_its_rows_or_what_empty_says(segment):
    made = attention()
    owners, of, left, right = drawn(4, segment)
    got = made(owners, of, left, right)
    assert got.shape == (4, 6)
    for i in range(4):
        mine = [(left[k], right[k]) for k, owner in enumerate(segment) if owner == i]
        assert_close(got[i], literal(made, owners[i], mine))


def test_weights_of_an_owner_sum_to_one_and_give_the_result():
    made = attention()
    owners, of, left, right = drawn(3, [0, 2, 2, 2])
    weight, value = made.rows(owners, of, left, right)
    assert_close(weight[0], torch.ones(HEADS).double())
    assert_close(weight[1:].sum(0), torch.ones(HEADS).double())
    assert_close(made(owners, of, left, right)[2], made.weighed(weight, value)[1:].sum(0))


def test_a_rare_row_stands_for_many():
    made = attention()
    owners, of, left, right = drawn(2, [0, 0, 0, 1])
    chance = torch.tensor([1.0, 0.25, 0.5, 0.1]).double()
    got = made(owners, of, left, right, chance=chance)
    rows = [(left[k], right[k]) for k in range(4)]
    assert_close(got[0], literal(made, owners[0], rows[:3], chance[:3].tolist()))
    assert_close(got[1], literal(made, owners[1], rows[3:]))


def test_without_attention_every_row_weighs_the_same():
    made = attention(uniform=True)
    owners, of, left, right = drawn(2, [0, 0, 0, 1])
    values = made.row(left, right)[:, HEADS * KEYS :]
    assert_close(made(owners, of, left, right), torch.stack([values[:3].mean(0), values[3]]))


def test_heads_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="7 coordinates"):
        SegmentAttention(5, (3,), 7, heads=2)


def test_the_order_of_rows_does_not_matter():
    made = attention()
    owners, of, left, right = drawn(4, [0, 1, 1, 3, 3, 3])
    order = torch.tensor([4, 0, 5, 2, 3, 1])
    assert_close(made(owners, of, left, right), made(owners, of[order], left[order], right[order]))


def test_the_order_of_owners_does_not_matter():
    made = attention()
    owners, of, left, right = drawn(4, [0, 1, 1, 3])
    order = torch.tensor([2, 0, 3, 1])
    place = torch.argsort(order)
    assert_close(made(owners, of, left, right)[order], made(owners[order], place[of], left, right))


def test_a_gathered_part_equals_gathering_first():
    made = attention()
    owners, of, _, right = drawn(4, [0, 1, 1, 3])
    table, index = torch.randn(3, 3).double(), torch.tensor([2, 0, 2, 2])
    assert_close(made(owners, of, Gathered(table, index), right), made(owners, of, table[index], right))


def test_nobody_sees_the_rows_of_another():
    made = attention()
    owners, of, left, right = drawn(4, [0, 1, 1, 3])
    moved = left.clone()
    moved[1] += 1
    before, after = made(owners, of, left, right), made(owners, of, moved, right)
    assert torch.equal(before[[0, 2, 3]], after[[0, 2, 3]])
    assert not torch.allclose(before[1], after[1])


def test_huge_scores_stay_finite():
    made = attention()
    owners, of, left, right = drawn(2, [0, 0, 1])
    got = made(owners * 1e150, of, left, right)
    assert got.isfinite().all()


def test_gradients():
    made = attention()
    owners, of, left, right = drawn(3, [0, 2, 2])
    inputs = tuple(part.requires_grad_() for part in (owners, left, right))
    assert torch.autograd.gradcheck(lambda o, a, b: made(o, of, a, b), inputs)
    made(owners, of, left, right).sum().backward()
    assert_close(made.empty.grad, torch.ones(6).double())  # owner 1 alone has no row
