"""Shortcut plans: which layer may feed which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.errors import BadInput, UnknownName
from emotide.nn import ShortcutPlan
from emotide.nn.shortcuts import PLANS

DEPTHS = st.integers(1, 12)


@given(st.sampled_from(sorted(PLANS)), DEPTHS)
def test_every_named_plan_skips_layers_and_stays_in_the_stack(name, depth):
    plan = ShortcutPlan.named(name, depth)
    assert plan.depth == depth
    for i, j in plan.shortcuts:
        assert i >= 0
        assert j <= depth + 1
        assert j - i >= 2  # the stack itself joins j - 1 to j
    assert len(set(plan.shortcuts)) == len(plan.shortcuts)


@given(DEPTHS)
def test_dense_holds_every_shortcut_there_is_and_regular_every_second_layer(depth):
    every = {(i, j) for i in range(depth + 2) for j in range(depth + 2) if j - i >= 2}
    assert set(ShortcutPlan.named("dense", depth).shortcuts) == every
    assert set(ShortcutPlan.named("regular", depth).shortcuts) == {
        (i, j) for i, j in every if j - i == 2 and i % 2 == 0
    }
    assert ShortcutPlan.named("none", depth).shortcuts == ()


@given(DEPTHS, st.lists(st.tuples(st.integers(-3, 14), st.integers(-3, 14)), max_size=8))
def test_a_plan_is_refused_exactly_when_a_shortcut_skips_nothing_or_leaves_the_stack(depth, shortcuts):
    right = all(i in range(depth + 2) and j in range(depth + 2) and j - i >= 2 for i, j in shortcuts)
    if right and len(set(shortcuts)) == len(shortcuts):
        assert ShortcutPlan(depth, tuple(shortcuts)).shortcuts == tuple(shortcuts)
    else:
        with pytest.raises(BadInput):
            ShortcutPlan(depth, tuple(shortcuts))


@given(DEPTHS, st.data())
def test_into_names_the_sources_of_a_layer_and_their_places_in_the_plan(depth, data):
    every = [(i, j) for i in range(depth + 2) for j in range(i + 2, depth + 2)]
    plan = ShortcutPlan(depth, tuple(data.draw(st.permutations(every))[: len(every) // 2 + 1]))
    found = [(k, i, layer) for layer in range(depth + 2) for k, i in plan.into(layer)]
    assert sorted(found) == [(k, i, j) for k, (i, j) in enumerate(plan.shortcuts)]


def test_an_unknown_plan_is_named_with_the_known_ones():
    with pytest.raises(UnknownName, match="did you mean 'regular'\\? known: dense, none, regular"):
        ShortcutPlan.named("regluar", 3)
