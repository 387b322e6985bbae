"""Shortcut plans as data of the fused network."""

import pytest
from pydantic import ValidationError

from emotide.errors import BadInput
from emotide.model import FusedNetwork, NetworkConfig
from emotide.model.fused import MODULES
from emotide.nn import Residual


def plans(network):
    return {name: part.plan.shortcuts for name, part in network.named_modules() if isinstance(part, Residual)}


def test_a_name_is_the_plan_of_every_module():
    found = plans(FusedNetwork(NetworkConfig(plan="dense", depth=3), 8, 2))
    assert found["f_H.f12"] == found["f_H.f3"] == found["f_Y"] == ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
    assert found["f_A.f12"] == found["f_P.f3"] == found["f_G.row"] == found["f_AT.row"] == ((0, 1),)
    found = plans(FusedNetwork(NetworkConfig(plan="none", depth=3), 8, 2))
    assert not any(shortcuts for name, shortcuts in found.items() if name != "next_X")


def test_given_shortcuts_hold_for_their_module_and_the_others_are_regular():
    config = NetworkConfig(depth=4, plan={"f_H": ((0, 4), (1, 3)), "f_A": ()})
    found = plans(FusedNetwork(config, 8, 2))
    assert found["f_H.f12"] == found["f_H.f3"] == ((1, 3), (0, 4))
    assert found["f_A.f12"] == ()
    assert found["f_Y"] == ((0, 1), (1, 3))
    assert found["f_G.row"] == ((0, 1),)
    again = NetworkConfig.model_validate_json(config.model_dump_json())
    assert again == config
    assert [again.plan_of(module) for module in MODULES] == [config.plan_of(module) for module in MODULES]


def test_a_plan_that_does_not_fit_is_refused():
    with pytest.raises(BadInput, match="shortcut 0 -> 3 leads around no layer of a stack of depth 2"):
        NetworkConfig(plan={"f_H": ((0, 3),)})
    with pytest.raises(BadInput, match="of a stack of depth 1"):
        NetworkConfig(plan={"f_P": ((0, 2),)})
    with pytest.raises(ValidationError):
        NetworkConfig(plan={"f_Q": ()})
    with pytest.raises(ValidationError):
        NetworkConfig(plan="regluar")
