"""Posts hidden in training: which, how many, and that a network so trained reads people of whom little is seen."""

import numpy as np
import pytest
import torch

from emotide.model import Batch
from emotide.train.config import TrainConfig
from emotide.train.hiding import USUAL, hidden_share, hiding, thinned


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_row_is_hidden_with_that_chance_and_all_else_stays(spoken, share):
    torch.manual_seed(0)
    timeline, _ = spoken()
    steps = [step for step in Batch(timeline.group()).steps() if len(step.seen.post)]
    rows, kept = 0, 0
    for _ in range(40):
        for before, after in zip(steps, thinned(steps, share), strict=True):
            rows, kept = rows + len(before.seen.post), kept + len(after.seen.post)
            shown = {(int(p), int(o)) for p, o in zip(after.seen.post, after.seen.owner, strict=True)}
            assert shown <= {(int(p), int(o)) for p, o in zip(before.seen.post, before.seen.owner, strict=True)}
            assert torch.equal(after.both.post, after.seen.post)
            assert torch.equal(after.both.owner, after.seen.owner)
            assert torch.equal(after.seen.counts, before.seen.counts)
            assert torch.equal(after.both.user, before.both.user)
            assert after.reports is before.reports
    assert kept / rows == pytest.approx(1 - share, abs=4 * np.sqrt(0.25 / rows))


def test_some_windows_hide_any_share_and_the_others_nothing():
    rng = np.random.default_rng(0)
    shares = np.array([hidden_share(0.5, rng) for _ in range(2000)])
    assert (shares == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert shares[shares > 0].mean() == pytest.approx(0.5, abs=0.05)
    assert not any(hidden_share(0.0, rng) for _ in range(50))


def test_the_usual_share_where_it_is_wanted_and_none_is_set():
    assert hiding(TrainConfig(), True).hidden == USUAL
    assert hiding(TrainConfig(), False).hidden == 0
    assert hiding(TrainConfig(hidden=0.2), True).hidden == hiding(TrainConfig(hidden=0.2), False).hidden == 0.2
