"""Rivals are tuned on what early stopping of the network watches, by settings that differ."""

import numpy as np
import torch
from numpy.testing import assert_allclose

from emotide.train import answers
from emotide.train.evaluate import dev_score
from emotide.train.selection import drawn, score_of

GRID = {"width": (1, 2, 3), "rate": (0.1, 0.2)}


def test_the_score_is_that_of_the_network(spoken, untrained):
    timeline, vectors = spoken(users=4, steps=20)
    model = untrained(timeline, vectors.shape[1]).eval()
    for reports in ("hidden", "known"):
        found = answers(model, timeline, vectors, "polarity", 1, reports)
        mine = score_of(timeline.labels["polarity"], found, False)
        assert_allclose(mine, dev_score(model, timeline, vectors, ["polarity"], [reports]))


def test_the_score_of_coordinates_is_that_of_the_network(compiled, untrained):
    rng = np.random.default_rng(0)
    labels = [("ana", step, {"pleasure": rng.uniform(-1, 1)}, {"space": "pad"}) for step in range(40)]
    timeline = compiled(labels=labels)
    model = untrained(timeline, 3).eval()
    found = answers(model, timeline, torch.zeros(0, 3), "pad", 1, "known")
    wanted = dev_score(model, timeline, torch.zeros(0, 3), ["pad"], ["known"])
    assert_allclose(score_of(timeline.labels["pad"], found, True), wanted)


def test_drawn_settings_start_with_the_defaults_and_differ():
    assert drawn(GRID, 1, 0) == [{}]
    found = drawn(GRID, 5, 0)
    assert found[0] == {}
    assert len({tuple(each.items()) for each in found}) == len(found) == 5
    assert all(each["width"] in GRID["width"] and each["rate"] in GRID["rate"] for each in found[1:])
    assert found == drawn(GRID, 5, 0)
    assert found != drawn(GRID, 5, 1)
    assert len(drawn(GRID, 99, 0)) == 7
