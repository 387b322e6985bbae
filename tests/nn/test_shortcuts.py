"""Shortcut plans: which layer may feed which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.errors import BadInput, UnknownName
from emotide.nn import ShortcutPlan
from emotide.nn.shortcuts import PLANS

DEPTHS = st.integers(1, 12)


def every(depth):
    return [(i, j) for i in range(depth + 1) for j in range(i + 1, depth + 1)]


@given(st.sampled_from(sorted(PLANS)), DEPTHS)
def test_every_named_plan_leads_forward_and_stays_in_the_stack(name, depth):
    plan = ShortcutPlan.named(name, depth)
    assert plan.depth == depth
    assert set(plan.shortcuts) <= set(every(depth))
    assert len(set(plan.shortcuts)) == len(plan.shortcuts)
    assert ShortcutPlan.of(name, depth) == plan == ShortcutPlan.of(plan.shortcuts, depth)


@given(DEPTHS)
def test_dense_holds_every_shortcut_there_is_and_none_none(depth):
    assert set(ShortcutPlan.named("dense", depth).shortcuts) == set(every(depth))
    assert ShortcutPlan.named("none", depth).shortcuts == ()


def test_regular_is_a_chain_around_the_first_layer_and_then_around_every_two():
    chains = {1: [(0, 1)], 2: [(0, 1)], 3: [(0, 1), (1, 3)], 6: [(0, 1), (1, 3), (3, 5)]}
    for depth, chain in chains.items():
        assert list(ShortcutPlan.named("regular", depth).shortcuts) == chain


@given(DEPTHS, st.lists(st.tuples(st.integers(-3, 14), st.integers(-3, 14)), max_size=8))
def test_a_plan_is_refused_exactly_when_a_shortcut_skips_nothing_leaves_the_stack_or_comes_twice(depth, shortcuts):
    if set(shortcuts) <= set(every(depth)) and len(set(shortcuts)) == len(shortcuts):
        assert sorted(ShortcutPlan.of(tuple(shortcuts), depth).shortcuts) == sorted(shortcuts)
    else:
        with pytest.raises(BadInput):
            ShortcutPlan.of(tuple(shortcuts), depth)


@given(DEPTHS, st.data())
def test_into_names_the_sources_of_every_layer_in_the_order_of_the_plan(depth, data):
    drawn = data.draw(st.permutations(every(depth)))
    plan = ShortcutPlan(depth, tuple(drawn[: len(drawn) // 2 + 1]))
    assert len(plan.into) == depth + 1
    assert [(i, j) for j, sources in enumerate(plan.into) for i in sources] == list(plan.shortcuts)
    assert set(plan.shortcuts) == set(drawn[: len(drawn) // 2 + 1])
    assert plan.joined == sorted({j for _, j in plan.shortcuts})
    assert plan == ShortcutPlan(depth, plan.shortcuts[::-1])


def test_an_unknown_plan_is_named_with_the_known_ones():
    with pytest.raises(UnknownName, match="did you mean 'regular'\\? known: dense, none, regular"):
        ShortcutPlan.named("regluar", 3)
