"""Training over parts is training: the same gradients, the same weights."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from emotide.cluster.training import PartTraining, trainable
from emotide.errors import BadInput
from emotide.model import Batch
from emotide.model.trace import every_report
from emotide.train.config import TrainConfig
from emotide.train.fit import fit
from emotide.train.loss import class_weights, window_loss

CONFIG = TrainConfig(epochs=2, window=13, least_window=13, updates=4, reports=0.0, behaviour=0.0, batch_events=10**9)


def whole(model, timeline, vectors, shown):
    """Loss, states and gradients of one process over all steps."""
    mine, classes = deepcopy(model).train(), {"ekman": class_weights(timeline, "ekman", 0.5).to(vectors)}
    group = timeline.group()
    state = mine.network.initial(len(group.users), group.pairs)
    unrolled = list(mine.unroll(Batch(group, dtype=vectors.dtype), vectors, state, shown=shown))
    loss = window_loss(mine, unrolled, vectors, classes, CONFIG)
    loss.backward()
    return float(loss.detach()), unrolled[-1].state.H.detach(), slopes(mine), classes


def slopes(model):
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("shown", [None, every_report])
@pytest.mark.parametrize("parts", [1, 2, 4])
def test_gradients_over_50_steps_are_those_of_one_process(network, model, together, cut_at_random, parts, shown):
    timeline, vectors = network(networks="x", seed=5)
    precise, vectors = deepcopy(model).double(), vectors.double()
    assert timeline.group().steps == 50
    loss, H, expected, classes = whole(precise, timeline, vectors, shown)

    def work(part, peers):
        mine = deepcopy(precise).train()
        training = PartTraining(mine, part, peers, classes, CONFIG)
        state = mine.network.initial(len(part.user), training.batch.group.pairs)
        share, after = training.window(state, 0, 50, shown)
        share.backward()
        training.cut.put(state, after)
        for parameter in mine.parameters():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            peers.summed(parameter.grad)
        return float(peers.summed(share.detach().clone())), part.user[: part.guests.users], state.H, mine

    for found, users, held, mine in together(cut_at_random(timeline, vectors, parts), work):
        assert found == pytest.approx(loss, abs=1e-8)
        assert_close(held[: len(users)].detach(), H[torch.from_numpy(users.astype(np.int64))], atol=1e-6, rtol=1e-6)
        grads = slopes(mine)
        for name, slope in expected.items():
            assert_close(grads[name], slope, atol=1e-5, rtol=1e-5)
        assert max(float(slope.abs().max()) for slope in expected.values()) > 1e-2


def test_the_borders_carry_gradients(network, model, together, cut_at_random, monkeypatch):
    """Without the way back across the borders the gradients differ: the test above can fail."""
    from emotide.cluster.borders import _Asked

    timeline, vectors = network(networks="x", seed=5)
    _, _, expected, classes = whole(model, timeline, vectors, None)
    back = _Asked.back
    monkeypatch.setattr(_Asked, "back", lambda self, slope: 0 * back(self, slope))

    def work(part, peers):
        mine = deepcopy(model).train()
        training = PartTraining(mine, part, peers, classes, CONFIG)
        share, _ = training.window(mine.network.initial(len(part.user), training.batch.group.pairs), 0, 50, None)
        share.backward()
        return peers.summed(mine.network.H_0.grad)

    found = together(cut_at_random(timeline, vectors, 2), work)[0]
    assert not torch.allclose(found, expected["network.H_0"], atol=1e-5)


@pytest.mark.parametrize("parts", [1, 3])
def test_training_over_parts_gives_the_model_of_one_process(network, model, together, cut_at_random, parts, tmp_path):
    timeline, vectors = network(networks="x", seed=6)
    mine = deepcopy(model)
    history = fit(mine, timeline, vectors, CONFIG)
    classes = {"ekman": class_weights(timeline, "ekman", CONFIG.class_weights)}

    def work(part, peers):
        made = deepcopy(model)
        return PartTraining(made, part, peers, classes, CONFIG).fit(tmp_path / str(parts)), made

    for found, made in together(cut_at_random(timeline, vectors, parts), work):
        assert [row["updates"] for row in found.rows] == [row["updates"] for row in history.rows]
        for row, expected in zip(found.rows, history.rows, strict=True):
            assert row["loss"] == pytest.approx(expected["loss"], abs=1e-4)
            assert row["dev"] == pytest.approx(expected["dev"], abs=1e-3)
        for name, value in mine.state_dict().items():
            assert_close(made.state_dict()[name], value, atol=2e-4, rtol=1e-3)
    again = together(
        cut_at_random(timeline, vectors, 2),
        lambda part, peers: PartTraining(
            deepcopy(model), part, peers, classes, CONFIG.model_copy(update={"epochs": 3})
        ).fit(tmp_path / str(parts)),
    )
    assert [len(found.rows) for found in again] == [3, 3]  # with other workers, from the epoch that was whole


def test_what_cannot_be_learned_in_parts_is_said():
    with pytest.raises(BadInput, match="behaviour"):
        trainable(CONFIG, behaviour=True)
    with pytest.raises(BadInput, match=r"train\.names"):
        trainable(CONFIG.model_copy(update={"names": 0.1}), behaviour=False)
    trainable(CONFIG, behaviour=False)
