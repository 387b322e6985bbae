"""Nothing is known before it happened: a forecast does not move when its own step or anything later changes."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.model import Batch
from emotide.model.trace import every_report

CUTS = [1, 3, 6, 9]


def readings(model, group, vectors, shown):
    """{(step, user): (forecast, recognition)} by row of the timeline's users."""
    found = {}
    state = model.network.initial(len(group.users), group.pairs)
    for said in model.unroll(Batch(group), vectors, state, shown=shown):
        for k, i in enumerate(said.step.silent.user.tolist()):
            found[said.step.number, int(group.users[i])] = (said.forecast[k], said.recognition[k])
    return found


def relabelled(group, since):
    """The group with all labels of step `since` and later changed."""
    labels = {}
    for space, known in group.labels.items():
        later = (known.step >= since)[:, None]
        labels[space] = dataclasses.replace(known, target=np.where(later, np.roll(known.target, 1, 1), known.target))
    return dataclasses.replace(group, labels=labels)


@pytest.mark.parametrize("t", CUTS)
@pytest.mark.parametrize("shown", [None, every_report])
def test_posts_and_labels_of_the_step_and_later_move_no_forecast_of_it(world, model, t, shown):
    timeline, vectors = world()
    group = timeline.group()
    moved = vectors.clone()
    late = torch.from_numpy((timeline.posts["step"] >= t).to_numpy())
    moved[late] += torch.randn(int(late.sum()), vectors.shape[1])
    before, after = readings(model, group, vectors, shown), readings(model, relabelled(group, t), moved, shown)
    assert before.keys() == after.keys()
    for (step, user), (forecast, recognition) in before.items():
        if step <= t:
            assert torch.equal(forecast, after[step, user][0])
        if step < t:
            assert torch.equal(recognition, after[step, user][1])
    changed = [key for key in before if key[0] == t and not torch.equal(before[key][1], after[key][1])]
    assert changed or not (timeline.posts["step"] == t).any()  # the recognition of the step does see its posts


@pytest.mark.parametrize("t", CUTS)
def test_labels_of_a_step_do_not_move_its_own_recognition(world, model, t):
    timeline, vectors = world()
    group = timeline.group()
    before, after = (
        readings(model, group, vectors, every_report),
        readings(model, relabelled(group, t), vectors, every_report),
    )
    for key in before:
        if key[0] <= t:
            assert torch.equal(before[key][0], after[key][0])
            assert torch.equal(before[key][1], after[key][1])
    later = [key for key in before if key[0] > t and not torch.equal(before[key][0], after[key][0])]
    assert later or t == 9  # once known, they do matter


@pytest.mark.parametrize("t", CUTS)
@pytest.mark.parametrize("seed", range(3))
def test_contacts_and_ties_of_the_step_and_later_move_no_forecast_of_it(world, small_rows, model, t, seed):
    log, other = small_rows(), small_rows(seed=50 + seed)
    changed = {name: list(rows) for name, rows in log.items()}
    early = [row for row in log["interactions"] if row[2] < t]
    changed["interactions"] = early + [row for row in other["interactions"] if row[2] >= t]
    hub = [(f"x{name}", "xa", t, "like", {"network": "x"}) for name in "bcd"]  # more at once than neighbours may stay
    changed["interactions"] += hub
    changed["ties"] = [
        *log["ties"],
        ("xd", "xa", t, None, {"network": "x"}),
        ("yb", "yc", t + 1, None, {"network": "y"}),
    ]
    before, after = (
        readings(model, timeline.group(), vectors, every_report) for timeline, vectors in (world(log), world(changed))
    )
    compared = 0
    for key in before:
        if key[0] <= t:
            assert_close(before[key][0], after[key][0])
            compared += 1
        if key[0] < t:
            assert_close(before[key][1], after[key][1])
    assert compared > 2


def test_with_reports_hidden_nothing_depends_on_labels(world, model):
    timeline, vectors = world()
    group = timeline.group()
    before, after = readings(model, group, vectors, None), readings(model, relabelled(group, 0), vectors, None)
    assert all(torch.equal(a, b) for key in before for a, b in zip(before[key], after[key], strict=True))


def test_labels_that_are_not_shown_are_not_fed_back(world, model):
    timeline, vectors = world()
    group = timeline.group()

    def train_alone(space, reports):
        return reports.train

    before = readings(model, group, vectors, train_alone)
    labels = {
        space: dataclasses.replace(
            known, target=np.where((known.split > 0)[:, None], np.roll(known.target, 1, 1), known.target)
        )
        for space, known in group.labels.items()
    }
    after = readings(model, dataclasses.replace(group, labels=labels), vectors, train_alone)
    assert all(torch.equal(a, b) for key in before for a, b in zip(before[key], after[key], strict=True))
