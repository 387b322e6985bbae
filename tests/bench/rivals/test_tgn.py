"""The TGN that the network is measured against learns, and knows nothing of the batch that it is asked about."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from emotide.bench.rivals.tgn import Stream, tgn_scores, train_tgn
from emotide.train.candidates import Candidates

pytest.importorskip("torch_geometric")
USERS, STEPS, EACH = 12, 24, 4
TRAIN = 18 * EACH


def contacts(changed=None):
    """In every step one third of the users turns to the next; from the step `changed` on, to the last."""
    step = np.repeat(np.arange(STEPS), EACH)
    source = np.tile(np.arange(EACH), STEPS)
    target = source + EACH
    if changed is not None:
        target[step >= changed] += EACH
    tensors = [torch.from_numpy(column) for column in (source, target, step * 60)]
    return Stream(*tensors, torch.ones(len(step), 1), step, USERS)


def asked(stream, rows):
    source, target = stream.source.numpy()[rows], stream.target.numpy()[rows]
    return Candidates(source, target, stream.step[rows], {"random": source + 2 * EACH})


def better(scores):
    return float((scores["positive"] > scores["random"]).mean())


@pytest.fixture(scope="module")
def trained():
    stream = contacts()
    train, dev = asked(stream, slice(0, TRAIN)), asked(stream, slice(TRAIN, TRAIN + 3 * EACH))
    return train_tgn(stream, lambda _: train, dev, better, 5e-3, 0, 12, 12)


def test_it_finds_who_turns_to_whom(trained):
    model, best = trained
    assert best > 0.8
    assert model.near.cur_e_id == TRAIN + 3 * EACH  # as it stood after dev


def test_the_batch_that_is_asked_about_moves_nothing(trained):
    found = []
    for changed in (None, 22):
        model, stream = deepcopy(trained[0]), contacts(changed)
        rest = slice(TRAIN + 3 * EACH, None)
        same = asked(contacts(), rest)
        found.append(tgn_scores(model, stream, same)["random"])
    first = 2 * EACH  # steps 21 and 22: the change is in 22, and is known from 23 on
    np.testing.assert_allclose(found[0][:first], found[1][:first])
    assert not np.allclose(found[0][first:], found[1][first:])
