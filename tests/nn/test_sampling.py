"""Sampling without replacement: chances are exact, and Horvitz-Thompson sums unbiased, by going over all samples."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from emotide.nn import SegmentAttention
from emotide.nn.sampling import best, inclusion, sample, systematic

SIZES = st.lists(st.floats(0.01, 10), min_size=1, max_size=8)
OWNERS = st.lists(st.integers(1, 4), min_size=1, max_size=3)  # how many rows each owner has


def every_sample(chance, order):
    """Each sample that this order can give, and how likely it is: u lies between two neighbouring steps of it."""
    ends = torch.cat([chance[order].cumsum(0) % 1, chance[order][chance[order] < 1].cumsum(0) % 1])
    steps = sorted({0.0, 1.0, *ends.tolist()})
    for low, high in itertools.pairwise(steps):
        if high - low > 1e-9:
            yield systematic(chance, order, (low + high) / 2), high - low


def orders(owner):
    """All orders in which the rows of one owner stand side by side, owners ascending."""
    rows = [[k for k, one in enumerate(owner) if one == each] for each in sorted(set(owner))]
    for parts in itertools.product(*(itertools.permutations(each) for each in rows)):
        yield torch.tensor([k for part in parts for k in part])


@settings(deadline=None)
@given(SIZES, st.data())
def test_chances_are_in_proportion_to_sizes_but_never_above_one_and_sum_to_the_budget(sizes, data):
    budget = data.draw(st.integers(1, len(sizes)))
    size = torch.tensor(sizes, dtype=torch.float64)
    chance = inclusion(size, budget)
    assert bool((chance > 0).all())
    assert bool((chance <= 1).all())
    assert_close(float(chance.sum()), float(budget))
    rest = chance < 1
    if rest.any():  # one factor for all that are not sure, and too much for those that are
        factor = float((chance / size)[rest].mean())
        assert_close((chance / size)[rest], torch.full_like(size[rest], factor))
        assert bool((factor * size[~rest] >= 1 - 1e-9).all())


@settings(deadline=None, max_examples=40)
@given(OWNERS, st.data())
def test_every_row_is_taken_as_often_as_its_chance_says_and_the_number_of_rows_never_changes(owners, data):
    owner = [k for k, rows in enumerate(owners) for _ in range(rows)]
    budget = data.draw(st.integers(1, len(owner)))
    size = torch.tensor(data.draw(st.lists(st.floats(0.01, 10), min_size=len(owner), max_size=len(owner))))
    chance = inclusion(size, budget)
    for order in itertools.islice(orders(owner), 12):
        often, total = torch.zeros(len(owner), dtype=torch.float64), 0.0
        for taken, likely in every_sample(chance, order):
            assert len(taken) == budget
            assert len(taken.unique()) == budget
            often[taken] += likely
            total += likely
        assert_close(total, 1.0, atol=1e-6, rtol=0)
        assert_close(often, chance, atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=30)
@given(OWNERS, st.integers(0, 3), st.integers(0, 2**31))
def test_everybody_has_a_row_where_shares_sum_to_one_and_the_budget_reaches(owners, more, seed):
    owner = torch.tensor([k for k, rows in enumerate(owners) for _ in range(rows)])
    drawn = torch.rand(len(owner), generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.01
    share = drawn / torch.zeros(len(owners), dtype=torch.float64).index_add(0, owner, drawn)[owner]
    chance = inclusion(share, min(len(owners) + more, len(owner)))
    for k in range(5):
        taken = sample(chance, owner, torch.Generator().manual_seed(seed + k))
        assert set(owner[taken].tolist()) == set(range(len(owners)))


def test_numerator_and_denominator_of_the_attention_sum_are_unbiased_over_all_samples():
    torch.manual_seed(0)
    made = SegmentAttention(5, (3,), 6, keys=4, heads=2).double()
    owner, budget = torch.tensor([0, 0, 0, 0, 1, 1, 1]), 4
    owners, rows = torch.randn(2, 5).double(), torch.randn(7, 3).double()
    key, value = made.row(rows).detach().tensor_split((8,), 1)
    query = made.query(owners).detach()[owner]
    score = (query * key).unflatten(1, (2, 4)).sum(2).div(2).exp()  # √4; exp of the scores, not yet divided by a sum
    terms = {"denominator": score, "numerator": made.weighed(score, value)}
    truth = {name: torch.zeros(2, term.shape[1]).double().index_add(0, owner, term) for name, term in terms.items()}
    share = torch.tensor([0.4, 0.3, 0.2, 0.1, 0.6, 0.3, 0.1], dtype=torch.float64)
    chance = inclusion(share, budget)
    full = made(owners, owner, rows).detach()
    mean = {name: torch.zeros_like(sums) for name, sums in truth.items()}
    ratio, square, ways = torch.zeros_like(full), torch.zeros_like(full), list(orders(owner.tolist()))
    for order in ways:
        for taken, likely in every_sample(chance, order):
            found = {
                name: torch.zeros_like(truth[name]).index_add(0, owner[taken], term[taken] / chance[taken][:, None])
                for name, term in terms.items()
            }
            for name in mean:
                mean[name] += found[name] * likely / len(ways)
            got = made(owners, owner[taken], rows[taken], chance=chance[taken]).detach()
            assert_close(got, found["numerator"] / found["denominator"].repeat_interleave(3, 1))
            ratio += got * likely / len(ways)
            square += (got - full).square() * likely / len(ways)
    for name in truth:
        assert_close(mean[name], truth[name], atol=1e-7, rtol=0)
    bias = (ratio - full).square().mean()  # of the ratio of the two, whose chances know nothing of the attention
    assert 1e-6 < float(bias) < 0.25 * float(square.mean())


def test_the_ratio_has_no_bias_where_sizes_are_the_attention_itself():
    weight = torch.tensor([0.4, 0.25, 0.2, 0.1, 0.05], dtype=torch.float64)
    value, chance = torch.tensor([1.0, -3.0, 2.0, 7.0, 0.5]).double(), inclusion(weight, 2)
    mean = 0.0
    for taken, likely in every_sample(chance, torch.arange(5)):
        share = weight[taken] / chance[taken]
        mean += float((share * value[taken]).sum() / share.sum()) * likely
    assert math.isclose(mean, float((weight * value).sum()), abs_tol=1e-9)


@pytest.mark.parametrize(
    ("budget", "taken"), [(1, [1]), (2, [1, 3]), (3, [1, 3, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_everybodys_best_comes_before_any_second_best(budget, taken):
    score, owner = torch.tensor([0.3, 0.6, 0.1, 0.5, 0.01]), torch.tensor([0, 0, 0, 1, 2])
    assert best(score, owner, budget).tolist() == taken
