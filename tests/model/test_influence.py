"""Who moved whom: readings with and without one neighbour, and a null model that keeps networks apart."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from emotide.model import Batch
from emotide.model.influence import _dealt_anew, influences
from emotide.model.trace import every_report


def without_pair(view, k):
    """The view with its k-th pair gone."""
    kept = torch.arange(len(view.pair)) != k
    columns = ("pair", "source", "target", "pair_elapsed", "kinds", "spoke", "back", "chance")
    return view._replace(**{name: getattr(view, name)[kept] for name in columns})


@pytest.mark.parametrize("space", ["ekman", "pad"])
@pytest.mark.parametrize("shown", [None, every_report])
def test_effect_and_strength_are_the_change_of_the_reading_when_the_pair_is_taken_away(world, model, space, shown):
    timeline, vectors = world()
    found = influences(model, timeline, vectors, space, shown, shuffles=2)
    group, net, row = timeline.group(), model.network, 0
    state = net.initial(len(group.users), group.pairs)
    for followed in model.follow(Batch(group), vectors, state, shown=shown):
        view, before = followed.step.seen, followed.before
        for k in range(len(view.pair)):
            i, j = int(view.user[view.target[k]]), int(view.near[view.source[k]])
            H = net.advance(before, without_pair(view, k), vectors).H[view.target[k]]
            M, X = before.M[i][None], followed.X[view.target[k]][None]
            Y, Y_without = (net.read(state_of[None], M, X) for state_of in (followed.H[view.target[k]], H))
            change = (model.readings.read(space, Y) - model.readings.read(space, Y_without)).abs()
            assert (found.source[row], found.target[row], found.step[row]) == (j, i, followed.step.number)
            pleasure = [each[0, 0].clamp(-1, 1) for each in (Y, Y_without)]
            assert_allclose(found.effect[row], pleasure[0] - pleasure[1], atol=1e-4)
            assert_allclose(found.strength[row], change.mean() / 2 if space == "pad" else change.sum() / 2, atol=1e-4)
            row += 1
    assert row == len(found.source) == len(group.events.pair)
    assert found.null.shape == (row, 2)
    assert (found.strength >= 0).all()
    if space == "ekman":
        assert found.strength.max() <= 1 + 1e-6


def test_the_pairs_are_dealt_anew_within_their_network_alone(world, model):
    timeline, _ = world()
    group = timeline.group()
    network, generator = torch.from_numpy(group.network), torch.Generator().manual_seed(0)
    owner = dict(zip(group.events.pair.tolist(), group.network[group.events.pair_target].tolist(), strict=True))
    moved, seen, asked = 0, [0, 0], [0, 0]
    for step in Batch(group).steps():
        view = step.seen
        dealt, others = _dealt_anew(view, network, generator)
        of_target = network[view.user[dealt.target]].tolist()
        assert [owner[pair] for pair in dealt.pair.tolist()] == of_target
        assert network[view.user[dealt.target]].tolist() == network[view.near[dealt.source]].tolist()
        ends = [(int(view.user[t]), int(view.near[s])) for t, s in zip(view.target, view.source, strict=True)]
        known = set(ends)
        for (target, source), s, other in zip(ends, dealt.source, others.tolist(), strict=True):
            drawn = int(view.near[s])
            assert other == (drawn not in (target, source))  # never to himself, never the same again
            here = {source for end, source in known if network[end] == network[target]} - {target, source}
            assert other or not here
            strange = {each for each in here if (target, each) not in known}
            seen[bool(strange)] += (target, drawn) not in known
            asked[bool(strange)] += 1
        kept = {
            int(pair): (int(s), float(t), k.tolist())
            for pair, s, t, k in zip(view.pair, view.source, view.pair_elapsed, view.kinds, strict=True)
        }
        for pair, s, t, k in zip(dealt.pair, dealt.source, dealt.pair_elapsed, dealt.kinds, strict=True):
            assert kept[int(pair)] == (int(s), float(t), k.tolist())  # with all that belongs to it
        moved += int((dealt.pair != view.pair).sum())
        assert torch.equal(dealt.target, view.target)
    assert moved > 20
    assert seen[False] == 0  # there was no stranger to be had
    assert seen[True] > 0.9 * asked[True] > 0  # nearly always where there was one


def test_the_same_seed_deals_the_same_and_another_seed_another(world, model):
    timeline, vectors = world()
    one, again, other = (influences(model, timeline, vectors, "ekman", shuffles=3, seed=seed) for seed in (0, 0, 1))
    assert_array_equal(one.null, again.null)
    assert_array_equal(one.strength, other.strength)
    assert not np.array_equal(one.null, other.null)


def test_a_log_without_pairs_has_no_influence(world, model):
    timeline, vectors = world({"posts": [("p", "ana", 0)], "labels": [("ana", 0, "joy", {"space": "ekman"})]})
    found = influences(model, timeline, vectors, "ekman")
    assert len(found.source) == 0
    assert found.null.shape == (0, 39)


def test_a_neighbour_who_says_nothing_new_has_no_effect(world, model):
    """Two neighbours in one and the same state, with one and the same history: taking one away changes nothing."""
    more = {"network": "n"}
    ties = [("ana", "bo", None, None, more), ("ana", "cy", None, None, more)]
    timeline, vectors = world({"posts": [("p", "ana", 1, more)], "ties": ties})
    found = influences(model, timeline, vectors, "ekman")
    assert timeline.users["user_id"][found.source].to_list() == ["bo", "cy"]
    assert_allclose(found.strength, 0, atol=1e-5)
    alone, vectors = world({"posts": [("p", "ana", 1, more)], "ties": ties[:1]})
    assert influences(model, alone, vectors, "ekman").strength[0] > 1e-3
