"""Gradient steps on flat parameters are those of AdamW on each; what nobody asks of stays as it is."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from emotide.train import TrainConfig
from emotide.train.flat import Descent, Flat, adamw
from emotide.train.profile import profile_step

CONFIG = TrainConfig(learning_rate=0.05, weight_decay=0.1, clip=0.3)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.ModuleDict({"f": nn.Linear(3, 4), "g": nn.Linear(4, 2), "unused": nn.Linear(2, 2)})
        self.readings = nn.ModuleDict({"bias": nn.ParameterList([torch.ones(2), torch.ones(3)])})

    def forward(self, x):
        return self.network["g"](self.network["f"](x).tanh()) + self.readings["bias"][0]


def test_steps_are_those_of_adamw_on_each_parameter():
    torch.manual_seed(0)
    model = Whole()
    plain, start = deepcopy(model), deepcopy(model.state_dict())
    flat = Flat(model)
    descent = Descent(flat, adamw(flat, CONFIG), CONFIG.clip)
    optimizer = torch.optim.AdamW(plain.parameters(), CONFIG.learning_rate, weight_decay=CONFIG.weight_decay)
    for k in range(5):
        x = torch.randn(6, 3) * 10**k
        descent.step(model(x).square().mean())
        optimizer.zero_grad()
        plain(x).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), CONFIG.clip)
        optimizer.step()
        for (name, got), wanted in zip(model.named_parameters(), plain.parameters(), strict=True):
            assert_close(got, wanted)
            assert torch.equal(got, start[name]) == ("unused" in name or name == "readings.bias.1")


def test_an_encoder_that_learns_does_so_at_a_rate_of_its_own():
    """AdamW's first step goes as far as its rate, whatever the gradient."""
    model = nn.ModuleDict({"encoder": nn.Linear(1, 1, bias=False), "network": nn.Linear(1, 1, bias=False)})
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    flat = Flat(model)
    config = TrainConfig(learning_rate=0.05, tune_encoder=0.002, weight_decay=0.0)
    Descent(flat, adamw(flat, config), 1.0).step(model["network"](model["encoder"](torch.ones(1, 1))).sum())
    moved = {name: float((weight.detach() - before[name]).abs()) for name, weight in model.named_parameters()}
    assert moved == pytest.approx({"encoder.weight": 0.002, "network.weight": 0.05}, rel=1e-3)


def test_released_parameters_share_no_memory_and_a_mean_moves_towards_another():
    one, other = Whole(), Whole()
    flat, target = Flat(one), Flat(other)
    before = [parameter.detach().clone() for parameter in one.parameters()]
    flat.towards(target, 0.25)
    for old, new, end in zip(before, one.parameters(), other.parameters(), strict=True):
        assert_close(new.detach(), 0.75 * old + 0.25 * end.detach())
    flat.release()
    places = [parameter.untyped_storage().data_ptr() for parameter in one.parameters()]
    assert len(set(places)) == len(places)
    assert all(p.untyped_storage().nbytes() == p.numel() * 4 for p in one.parameters())


def test_a_profile_says_where_the_time_goes_and_leaves_the_model_as_it_is(spoken, untrained):
    timeline, vectors = spoken(users=3, steps=12)
    model = untrained(timeline, 4)
    before = deepcopy(model.state_dict())
    shares = profile_step(model, timeline, vectors, TrainConfig(window=4, least_window=4, updates=2))
    assert sum(shares.values()) == pytest.approx(1)
    assert {"f_AT", "f_A", "f_G", "f_H", "f_Y", "backward", "optimizer", "batch building"} <= set(shares)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
