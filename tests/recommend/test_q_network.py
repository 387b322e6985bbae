import pytest
import torch
from pydantic import ValidationError
from torch.testing import assert_close

from emotide.errors import UnknownName
from emotide.nn import Gathered
from emotide.recommend import LOSSES, QConfig, QNetwork, q_network
from emotide.recommend.learn import Replayed, q_loss


def network(state: int = 3, item: int = 2, seed: int = 0) -> QNetwork:
    torch.manual_seed(seed)
    return QNetwork(state, item, QConfig(width=8)).double()


@pytest.mark.parametrize(("users", "count"), [(0, 3), (1, 1), (7, 5), (5, 13)])
def test_scores_are_the_values_of_every_pair(users, count, monkeypatch):
    monkeypatch.setattr(q_network, "TILE_ROWS", 12)
    monkeypatch.setattr(q_network, "TILE_ITEMS", 4)
    Q, H, items = network(), torch.randn(users, 3).double(), torch.randn(count, 2).double()
    scores = Q.scores(H, items)
    assert scores.shape == (users, count)
    for u in range(users):
        for i in range(count):
            assert_close(scores[u, i], Q(H[u : u + 1], items[i : i + 1])[0])


def test_rows_of_a_table_are_the_rows_themselves():
    Q, H, items = network(), torch.randn(6, 3).double(), torch.randn(4, 2).double()
    index = torch.tensor([3, 0, 0, 1, 2, 3])
    assert_close(Q(H, Gathered(items, index)), Q(H, items[index]))


def test_measured_scales_take_out_the_units():
    H, items = torch.randn(50, 3).double(), torch.randn(9, 2).double()
    reward, done = torch.randn(50).double(), torch.rand(50) < 0.3
    plain, other = network(), network()
    plain.measure(H, items, reward, done, 0.5)
    other.measure(100 * H + 7, items / 10 - 3, 5 * reward, done, 0.5)
    assert_close(other.scores(100 * H + 7, items / 10 - 3), 5 * plain.scores(H, items))


def test_what_never_varies_is_left_alone():
    Q, H, items = network(), torch.ones(4, 3).double(), torch.ones(2, 2).double()
    Q.measure(H, items, torch.full((4,), 2.0).double(), torch.ones(4, dtype=torch.bool), 0.9)
    assert torch.isfinite(Q.scores(H, items)).all()
    assert_close(Q.f.last_bias.item(), 2.0)  # all done: the value to start from is the mean reward
    Q.measure(H, items, torch.full((4,), 2.0).double(), torch.tensor([True, False, False, True]), 0.9)
    assert_close(Q.f.last_bias.item(), 2.0 / (1 - 0.9 * 0.5))  # half go on: m = 2 + 0.9 · m / 2


def test_losses_as_written():
    error = torch.tensor([-3.0, -0.5, 0.0, 2.0])
    assert_close(LOSSES["squared"](error), torch.tensor([9.0, 0.25, 0.0, 4.0]))
    assert_close(LOSSES["huber"](error), torch.tensor([2.5, 0.125, 0.0, 1.5]))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_of_the_loss_is_its_slope(loss):
    Q, items = network(), torch.randn(4, 2).double()
    H, item, m = torch.randn(5, 3).double(), torch.tensor([0, 3, 1, 1, 2]), 2 * torch.randn(5).double()
    rows = Replayed(H, item, m, H, torch.ones(5, dtype=torch.bool))
    q_loss(Q, rows, m, items, loss).backward()
    for weight in (Q.f.first, Q.f.hidden, Q.f.hidden_bias, Q.f.last, Q.f.gates):
        flat, grad = weight.data.view(-1), weight.grad.view(-1)
        for k in range(0, len(flat), max(1, len(flat) // 7)):
            slope = 0.0
            for side in (1, -1):
                flat[k] += side * 1e-6
                slope += side * q_loss(Q, rows, m, items, loss).item() / 2e-6
                flat[k] -= side * 1e-6
            assert grad[k].item() == pytest.approx(slope, abs=1e-6, rel=1e-5)


def test_an_unknown_loss_reads_well():
    with pytest.raises(UnknownName, match=r"loss 'hubert' is not known; did you mean 'huber'\? known: huber, squared"):
        QConfig(loss="hubert")


@pytest.mark.parametrize("wrong", [{"discount": 1.0}, {"epsilon": -0.1}, {"gamma": 0.9}])
def test_config_refuses(wrong):
    with pytest.raises(ValidationError):
        QConfig(**wrong)


def test_every_field_is_described():
    assert all(field.description for field in QConfig.model_fields.values())
