"""A step taken in parts is the step: the same states, the same gradients."""

from copy import deepcopy

import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch, parts

EXACT = {"atol": 1e-10, "rtol": 1e-10}


@pytest.fixture
def precise(model):
    return deepcopy(model).double().requires_grad_(True)


def said(model, timeline, vectors):
    """Forecasts, recognitions and states along a timeline, and the gradients of a sum of them."""
    group = timeline.group()
    state = model.network.initial(len(group.users), group.pairs)
    unrolled = list(model.unroll(Batch(group, dtype=torch.float64), vectors, state))
    out = [part for u in unrolled for part in (u.forecast, u.recognition, *u.state)]
    model.zero_grad()
    sum((part * torch.arange(part.numel()).reshape(part.shape).cos()).sum() for part in out).backward()
    return out, {
        name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None
    }


@pytest.mark.parametrize("kept", [0, 100])
@pytest.mark.parametrize("size", [1, 4, 9])
@pytest.mark.parametrize("seed", [0, 1])
def test_parts_of_any_size_give_the_same_states_and_gradients(world, precise, monkeypatch, size, kept, seed):
    timeline, vectors = world(seed=seed)
    whole, slopes = said(precise, timeline, vectors.double())
    monkeypatch.setattr(parts, "PART", size)
    monkeypatch.setattr(parts, "KEPT", kept)
    for mine, theirs in zip(said(precise, timeline, vectors.double())[0], whole, strict=True):
        assert_close(mine, theirs, **EXACT)
    found = said(precise, timeline, vectors.double())[1]
    assert found.keys() == slopes.keys()
    for name, slope in slopes.items():
        assert_close(found[name], slope, **EXACT)


def test_parts_hold_every_user_and_pair_once_in_their_order(world, monkeypatch):
    view = max(Batch(world(seed=1)[0].group()).steps(), key=lambda step: len(step.both.pair)).both
    monkeypatch.setattr(parts, "PART", 4)
    some = parts.parts(view)
    assert len(some) > 2
    assert_close(torch.cat([part.view.user for part in some]), view.user)
    assert_close(torch.cat([part.view.pair for part in some]), view.pair)
    begun = 0
    for part in some:
        mine, here = part.view, slice(begun, begun + len(part.view.pair))
        most = max(torch.bincount(mine.target).tolist(), default=0)
        assert len(mine.user) + len(mine.pair) <= 4 + 1 + most
        assert_close(mine.near[mine.source], view.near[view.source[here]])
        assert_close(mine.user[mine.target], view.user[view.target[here]])
        told = mine.spoke >= 0
        assert_close(told, view.spoke[here] >= 0)
        assert_close(part.speakers[mine.spoke[told]], view.spoke[here][told])
        begun += len(mine.pair)


def test_a_view_whose_pairs_stand_in_no_order_stays_whole(world, monkeypatch):
    view = next(step.seen for step in Batch(world(seed=1)[0].group()).steps() if len(step.seen.target.unique()) > 1)
    monkeypatch.setattr(parts, "PART", 1)
    assert len(parts.parts(view)) > 1
    assert len(parts.parts(view._replace(target=view.target.flip(0)))) == 1
