"""Small tasks: the epoch chosen on dev, test read for it alone; the measurements made of them."""

import numpy as np
import pytest
import torch
from torch import nn

from emotide.bench import memory, run_bench, shortcuts
from emotide.bench.sequence_nets import NETS
from emotide.bench.small_task import Task, digits, learn, parameters, share_wrong
from emotide.nn import ShortcutPlan


def ask(name, seeds=1):
    return run_bench(name, None, seeds, lambda text: None, lambda done, total, what: None)


def test_digits_are_split_without_overlap_and_by_seed():
    task = digits(0)
    (dev, dev_label), (test, test_label) = task.dev, task.test
    taught = torch.cat([inputs for inputs, _ in task.batches()])
    assert (len(taught), len(dev), len(test)) == (1000, 400, 397)
    assert (len(dev_label), len(test_label)) == (400, 397)
    rows = {tuple(row) for part in (taught, dev, test) for row in part.tolist()}
    assert len(rows) == 1797  # no two digits are alike
    assert not torch.equal(dev, digits(1).dev[0])
    assert torch.equal(dev, digits(0).dev[0])
    assert taught.mean().abs() < 1e-4


def test_digits_as_sequences_are_the_same_pixels_step_by_step():
    flat, rows = digits(0).test[0], digits(0, (8, 8)).test[0]
    assert rows.shape == (8, 397, 8)
    assert torch.equal(rows.transpose(0, 1).reshape(397, 64), flat)
    assert all(inputs.shape[::2] == (64, 1) for inputs, _ in digits(0, (64, 1)).batches())


def test_share_wrong():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0], [5.0, 4.0]])
    assert share_wrong(scores, torch.tensor([0, 0, 1, 1])) == 0.5


def test_test_is_read_for_the_epoch_that_did_best_on_dev():
    """A single number that climbs past dev's target: the error is that of the epoch nearest to it."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    one, told = torch.ones(1, 1), []

    def error(said, target):
        told.append(float(said))
        return (said - target).abs().mean()

    def loss(said, target):
        return (said - target).square().mean()

    task = Task(lambda: [(one, 9 * one)], (one, 0.33 * one), (one, 0 * one), loss, error)
    found = learn(net, task, 0.1, 12, weight_decay=0.0)
    assert found.error == pytest.approx(0.3, abs=0.01)
    assert found.dev == pytest.approx(0.03**2, abs=1e-3)
    assert len(told) == 3  # never looked at in a worse epoch
    assert float(net.weight.detach()) > 1


def test_training_stops_when_solved():
    net, seen = nn.Linear(1, 1), []
    one = torch.ones(1, 1)

    def batches():
        seen.append(1)
        return [(one, one)]

    task = Task(
        batches, (one, one), (one, one), lambda a, b: (a - b).square().mean(), lambda a, b: (a - b).abs().mean()
    )
    learn(net, task, 0.1, 50, solved=10.0)
    assert len(seen) == 1


def test_shortcuts(monkeypatch):
    monkeypatch.setattr(shortcuts, "DEPTHS", (2, 5))
    monkeypatch.setattr(shortcuts, "EPOCHS", 1)
    monkeypatch.setattr(shortcuts, "NAMED_RATES", (2e-3,))
    monkeypatch.setattr(shortcuts, "SEARCHED_RATES", (2e-3,))
    found = ask("shortcuts", 2)
    assert found["seeds"] == [0, 1]
    for depth in (2, 5):
        for figures in (found["depth"][str(depth)], found["gradient"][str(depth)]):
            assert set(figures) == {"none", "regular", "dense", "searched"}
        for mean, sd in found["depth"][str(depth)].values():
            assert 0 < mean < 0.95
            assert sd >= 0
        kept = found["shortcuts"][str(depth)]
        assert kept["dense"] == [depth * (depth + 1) // 2] * 2
        assert all(k in (round(depth / 2), depth, min(2 * depth, kept["dense"][0])) for k in kept["searched"])
        net = shortcuts._network(ShortcutPlan.named("none", depth), 0)
        assert found["parameters"][str(depth)] == parameters(net) == 64 * 32 + 32 + depth * 33 * 32 + 330
    assert found["gradient"]["5"]["none"] < found["gradient"]["5"]["regular"]
    assert np.isfinite(found["seconds"])


@pytest.mark.parametrize("length", [4, 9, 200])
def test_adding_marks_one_number_of_each_half_and_asks_for_their_sum(length):
    task = memory.adding(length, 3)
    for inputs, total in (task.dev, task.test, *list(task.batches())[:2]):
        number, marked = inputs.unbind(2)
        assert inputs.shape[0] == length
        assert ((number >= 0) & (number < 1)).all()
        assert (marked[: length // 2].sum(0) == 1).all()
        assert (marked[length // 2 :].sum(0) == 1).all()
        assert set(marked.unique().tolist()) == {0.0, 1.0}
        for row in range(3):
            said = sum(float(number[t, row]) for t in range(length) if marked[t, row] == 1)
            assert float(total[row, 0]) == pytest.approx(said, rel=1e-5)
    assert torch.equal(task.dev[0], memory.adding(length, 3).dev[0])
    assert not torch.equal(task.dev[0], memory.adding(length, 4).dev[0])
    assert not torch.equal(task.dev[0], task.test[0])


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (8, 10), (1, 10)])
def test_the_rivals_have_as_many_parameters(inputs, outputs):
    deep, *others = (parameters(make(inputs, outputs, None)) for make in NETS.values())
    assert all(abs(other / deep - 1) < 0.03 for other in others)


@pytest.mark.parametrize("name", list(NETS))
def test_a_remembering_net_keeps_the_first_step_for_a_hundred_where_the_usual_start_forgets(name):
    def felt(remember):
        return float(memory._first_step(name, 100, 100.0 if remember else None, 0))

    assert felt(True) > 1e-5
    assert felt(True) > 100 * felt(False)


def test_memory(monkeypatch):
    monkeypatch.setattr(memory, "LENGTHS", (6, 8))
    monkeypatch.setattr(memory, "EPOCHS", 1)
    monkeypatch.setattr(memory, "UPDATES", 2)
    monkeypatch.setattr(memory, "DIGIT_EPOCHS", 1)
    monkeypatch.setattr(memory, "DIGITS", {"rows": (8, 8)})
    monkeypatch.setattr(memory, "DEPTHS", (2, 16))
    monkeypatch.setattr(memory, "GRID", [(3e-3, False), (1e-2, True)])
    found = ask("memory", 2)
    assert list(found["adding"]) == ["6", "8"]
    for figures in (*found["adding"].values(), *found["digits"].values()):
        assert set(figures) == {"deep", "lstm", "gru"}
        assert all(mean > 0 and sd >= 0 for mean, sd in figures.values())
    assert found["how"]["adding"]["seeds"] == [0, 1]
    assert set(found["how"]["adding"]["rate_and_remembering"]) == {"deep", "lstm", "gru"}
    assert len(found["gradient"]["length"]["8"]) == 6
    depth = found["gradient"]["depth"]
    assert depth["16"]["none"] < 1e-3 * depth["16"]["regular"]
    assert depth["2"]["none"] > 1e-3 * depth["2"]["regular"]
