"""FLOP counted are those by hand; the products alone are those of the step; shares are right."""

from pathlib import Path

import pytest
import torch

from emotide.bench.speed import gemm, timing
from emotide.bench.speed.gemm import Bare, Steps, busy_timeline, products_of, share
from emotide.nn import Residual
from emotide.nn.products import ROWS


def test_flop_of_a_layer_there_and_back():
    layer, x = torch.nn.Linear(3, 5), torch.randn(7, 3, requires_grad=True)
    found, flop = products_of(lambda: layer(x))
    assert flop == 2 * 7 * 3 * 5
    assert [(p.left[0], p.right[0]) for p in found] == [((7, 3), (3, 5))]
    assert found[0].right[1] == (1, 3)  # the weight lies transposed
    found, flop = products_of(lambda: layer(x).sum().backward())
    assert flop == 3 * 2 * 7 * 3 * 5  # forward, and the gradients of weight and input
    assert len(found) == 3


def test_flop_of_a_network_of_stacked_layers():
    rows, net = 11, Residual((4, 6), 2, width=8, depth=3, stack=2)
    found, flop = products_of(lambda: net(torch.randn(rows, 4), torch.randn(rows, 6)))
    assert flop == 2 * rows * ((4 + 6) * 16 + 2 * 3 * 8 * 8 + 2 * 8 * 2)
    assert [p.left[0] for p in found] == [(rows, 10), *[(rows, 8)] * 8]  # each of two networks: three layers, the last


def test_bare_products_are_the_same_products():
    net = Residual((4,), 2, width=8, depth=2, stack=2).double()
    found, flop = products_of(lambda: net(torch.randn(11, 4).double()).sum().backward())
    again, bare_flop = products_of(Bare(found))
    assert bare_flop == flop
    assert again == found
    assert {p.dtype for p in again} == {torch.float64}


def test_products_of_many_rows_that_are_cut_and_added_in_place_count():
    rows, net = ROWS + 5, Residual((4,), 2, width=8, depth=1)
    _, flop = products_of(lambda: net(torch.randn(rows, 4, requires_grad=True)).sum().backward())
    assert flop == 3 * 2 * rows * (4 * 8 + 8 * 8 + 8 * 2)


def test_share_is_the_ratio_of_two_rates():
    assert share(100, [2.0, 2.0, 9.0], 100, [1.0, 1.0, 1.0]) == 0.5
    assert share(100, [2.0], 50, [1.0]) == 1.0


def test_everybody_is_active_and_in_touch_with_five():
    timeline, users = busy_timeline(100), 100
    for step in (0, 1):
        active, pairs = ((timeline.events.step[kind] == step).sum() for kind in ("active", "pair"))
        assert (active, pairs) == (users, 5 * users)
    assert timeline.events.pair_known.sum() == 5 * users  # all of them in the second step
    assert (timeline.labels[gemm.SPACE].split == 0).all()


def test_a_step_is_measured(monkeypatch):
    monkeypatch.setattr(gemm, "USERS", 60)
    monkeypatch.setattr(gemm, "SQUARE", 50)
    monkeypatch.setattr(timing, "THREADS", 1)
    done = []
    found = gemm.run(Path(), [0], lambda line: None, lambda *told: done.append(told))
    assert set(found) == {"train", "infer", "how"}
    rows = {"active": 60, "pairs": 300, "active_forecast": 60, "pairs_forecast": 300}
    assert found["how"]["rows"] == rows
    for kind in ("train", "infer"):
        one = found["how"][kind]
        seconds = {name: values["median"] for name, values in one["seconds"].items()}
        assert found[kind] == one["share"] == pytest.approx(seconds["products"] / seconds["step"], rel=0.01)
        assert one["flop"] == one["products_flop"]
        assert one["gflop_s"]["step"] == pytest.approx(one["flop"] / seconds["step"] / 1e9, rel=0.01)
    assert found["how"]["train"]["flop"] > 3 * found["how"]["infer"]["flop"]
    square = found["how"]["square"]
    assert square["gflop_s"] == pytest.approx(2 * 50**3 / square["seconds"]["median"] / 1e9, rel=0.01)
    assert [told[:2] for told in done if told[0] == told[1]] == [(12, 12), (12, 12), (12, 12), (6, 6)]
    short = found["how"]["bfloat16"]
    assert 0 < short["mean_abs_diff"] < 0.02 < short["scores_sd"]
    assert short["infer_ratio"] > 0


def test_training_learns_and_inference_does_not():
    steps = Steps(60)
    before = {name: weight.clone() for name, weight in steps.model.named_parameters()}
    steps.infer()
    assert all(torch.equal(weight, before[name]) for name, weight in steps.model.named_parameters())
    steps.train()
    moved = {name.split(".")[1] for name, weight in steps.model.named_parameters() if not weight.equal(before[name])}
    assert {"f_AT", "f_A", "f_G", "f_H", "f_Y"} <= moved
