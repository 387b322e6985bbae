"""A few labels sharpen a reading in closed form (DESIGN 3.5)."""

import pytest
import torch
from torch.testing import assert_close

from emotide.model.sharpen import sharpened, taken


@pytest.fixture
def world():
    """Affect vectors of three moods, whose places the reading of before has half wrong."""
    torch.manual_seed(0)
    truth = torch.arange(600) % 3
    centre = torch.tensor([[2.0, 0, 0, 1], [-2.0, 0, 1, 0], [0, 2.5, 0, -1]])
    Y = centre[truth] + torch.randn(600, 4)
    before = (Y @ torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [-1, 0, 0, 0]]).T / 2).softmax(1)
    return Y, truth, before


def right(reading, Y, truth):
    return float((reading.scores(Y).argmax(1) == truth).float().mean())


def test_few_labels_help_and_more_help_more(world):
    Y, truth, before = world
    start = float((before.argmax(1) == truth).float().mean())
    found = []
    for n in (0, 12, 150):
        target = torch.eye(3)[truth[:n]]
        reading = sharpened(Y, before, Y[:n], target, torch.ones(n), dimensional=False)
        found.append(right(reading, Y[150:], truth[150:]))
    assert start < 0.5
    assert found[0] == pytest.approx(start, abs=0.15)
    assert found[0] + 0.1 < found[1] < found[2]
    assert found[2] > 0.85


def test_categories_are_linear_discriminants(world):
    """With next to no worth of before, it is what scikit-learn's solver finds with the same shrinkage."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    Y, truth, _ = world
    flat = torch.full((1, 3), 1 / 3)
    reading = sharpened(Y[:1], flat, Y.repeat(200, 1), torch.eye(3)[truth].repeat(200, 1), torch.ones(120_000), False)
    twin = LinearDiscriminantAnalysis(solver="lsqr").fit(Y.numpy(), truth.numpy())
    agree = (reading.scores(Y).argmax(1).numpy() == twin.predict(Y.numpy())).mean()
    assert agree > 0.97


def test_dimensions_are_least_squares_each_by_its_own_labels(world):
    Y, _, _ = world
    real = Y @ torch.tensor([[0.5, 0.2, 0, 0], [0, 0, -0.4, 0.1]]).T + torch.tensor([1.0, -1.0])
    target = real[:300].clone()
    target[::2, 0] = float("nan")
    before = torch.zeros(600, 2)
    reading = sharpened(Y, before, Y[:300], target, torch.ones(300), dimensional=True)
    assert float((reading.scores(Y[300:]) - real[300:]).abs().mean()) < 0.15
    again = sharpened(Y, before, Y[:0], target[:0], torch.ones(0), dimensional=True)
    assert_close(again.scores(Y), before)


def test_it_is_kept_beside_the_weights():
    kept = {
        "sharpened.my.space.weight": torch.ones(4, 2),
        "sharpened.my.space.bias": torch.zeros(2),
        "W": torch.ones(1),
    }
    found = taken(kept)
    assert list(found) == ["my.space"]
    assert_close(found["my.space"].scores(torch.ones(1, 4)), torch.full((1, 2), 4.0))
    assert list(kept) == ["W"]
