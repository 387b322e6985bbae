"""Autoencoders begin at principal components and learn what these cannot tell."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from emotide.vectors.autoencoder import LearningConfig, principal, shares
from emotide.vectors.image import SIZE, ImageVectors, edges, fit_images
from emotide.vectors.sequence import SequenceAutoencoder, fit_sequences, stretches, summary

from .conftest import LIMITS


def discs(count: int, seed: int) -> np.ndarray:
    """Pictures of one soft disc, anywhere: two numbers tell all of each, and no few directions do."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0.2, 0.8, (2, count, 1, 1))
    place = (np.arange(SIZE) + 0.5) / SIZE
    distance = (place[None, None] - x) ** 2 + (place[None, :, None] - y) ** 2
    return (255 * np.exp(-distance / 0.02)[..., None] * [1, 0.7, 0.3]).astype(np.uint8)


def bursts(count: int, seed: int, steps: int = 16) -> list[np.ndarray]:
    """Sequences in which one input swells and fades, when and how fast differs."""
    rng = np.random.default_rng(seed)
    time = np.arange(steps)[:, None]
    middle, width = rng.uniform(3, 13, count), rng.uniform(1, 3, count)
    tilt = np.array([1.0, -0.5, 0.25])
    return [(np.exp(-((time - m) ** 2) / w**2) * tilt).astype(np.float32) for m, w in zip(middle, width, strict=True)]


@pytest.mark.parametrize(("examples", "size", "width"), [(40, 30, 5), (10, 200, 5)])
def test_principal_directions_are_those_of_scikit_learn(examples, size, width):
    x = np.random.default_rng(0).normal(size=(examples, size)) * np.linspace(3, 0.1, size)
    trusted = PCA(width, svd_solver="full").fit(x)
    mean, found = principal(torch.from_numpy(x).float(), width, 0)
    np.testing.assert_allclose(mean, trusted.mean_, atol=1e-5)
    np.testing.assert_allclose(np.abs((found.numpy() * trusted.components_).sum(1)), 1, atol=1e-4)


@pytest.mark.parametrize(("examples", "size"), [(0, 20), (1, 20), (3, 20), (50, 4)])
def test_directions_fill_up_where_examples_are_few(examples, size):
    x = torch.randn(examples, size, generator=torch.Generator().manual_seed(0))
    mean, found = principal(x, 8, seed=1)
    assert found.shape == (8, size)
    lengths = found.norm(dim=1)
    assert ((lengths - 1).abs() < 1e-4).sum() == min(8, size)
    assert (found @ found.T - torch.diag(lengths**2)).abs().max() < 1e-4
    assert torch.equal(found, principal(x, 8, seed=1)[1])
    assert torch.isfinite(mean).all()


def test_held_out_examples_do_not_teach():
    taught, held = shares(50, LearningConfig(held_out=0.2), seed=3)
    assert len(held) == 10
    assert sorted([*taught.tolist(), *held.tolist()]) == list(range(50))


def test_without_an_epoch_the_code_is_that_of_principal_components():
    images = discs(60, 0)
    config = LearningConfig(epochs=0, summaries=(0.0,))
    _, learned = fit_images(images, 6, 0, config)
    taught, held = shares(60, config, 0)
    x = images.transpose(0, 3, 1, 2).reshape(60, -1) / 255
    both = np.concatenate([x[taught], x[taught].reshape(-1, 3, SIZE, SIZE)[..., ::-1].reshape(len(taught), -1)])
    mirrored, plain = (PCA(6, svd_solver="full").fit(examples) for examples in (both, x[taught]))

    def error(pca):
        return ((pca.inverse_transform(pca.transform(x[held])) - x[held]) ** 2).mean()

    assert learned.errors == pytest.approx([error(mirrored)], rel=1e-3)
    assert learned.principal == pytest.approx(error(plain), rel=1e-3)
    assert learned.best == 0


def test_images_of_two_causes_are_told_better_than_by_principal_components():
    config = LearningConfig(epochs=12, patience=12, learning_rate=3e-3)
    told = []
    network, learned = fit_images(discs(400, 0), 4, 0, config, lambda *row: told.append(row))
    assert learned.errors[learned.best] < 0.5 * learned.principal
    assert told[-1] == (len(learned.errors) - 1, 12, "image autoencoder")
    new = discs(50, 1)
    _, again = ImageVectors(network, learned, LIMITS).pictures(new)
    error = ((again / 255.0 - new / 255.0) ** 2).mean()
    assert error < 0.6 * learned.principal
    assert error < 0.2 * ((new / 255.0 - discs(400, 0).mean(0) / 255.0) ** 2).mean()


def test_sequences_of_two_causes_are_told_better_than_by_principal_components():
    config = LearningConfig(epochs=40, patience=40, learning_rate=5e-3)
    _, learned = fit_sequences(bursts(400, 0), 3, 16, 3, 0, config)
    assert learned.errors[learned.best] < 0.7 * learned.principal


def test_the_summary_has_as_much_as_costs_nothing():
    sequences = bursts(200, 0)
    for costs, shares_ in ((1e9, {1.0}), (1e-9, {0.0})):  # whatever it costs; never enough
        _, learned = fit_sequences(sequences, 3, 16, 3, 0, LearningConfig(epochs=0, costs=costs))
        assert {learned.summary} == shares_
    _, learned = fit_sequences(sequences, 3, 16, 3, 0, LearningConfig(epochs=0, costs=1.0))
    assert learned.errors[0] <= learned.principal or learned.summary == 0


def test_teaching_stops_where_held_out_examples_gain_nothing():
    noise = list(np.random.default_rng(0).normal(size=(60, 8, 3)).astype(np.float32))
    network, learned = fit_sequences(noise, 3, 8, 4, 0, LearningConfig(epochs=50, patience=3, learning_rate=1e-2))
    assert len(learned.losses) < 50
    assert len(learned.losses) - 1 == learned.best + 3
    assert learned.losses[learned.best] == min(learned.losses)
    assert not network.training


def test_edges_say_where_and_in_which_direction():
    x = torch.zeros(1, 3, SIZE, SIZE)
    x[..., SIZE // 2 :] = 1.0  # bright on the right: an edge that points right, in the middle cells
    found = edges(x).view(8, 8, 8)  # directions, rows, columns
    assert found.sum((1, 2)).argmax() == 0
    assert set(found[0].sum(0).topk(2).indices.tolist()) == {3, 4}
    turned = edges(x.transpose(2, 3)).view(8, 8, 8)
    assert turned.sum((1, 2)).argmax() == 2  # down


def test_the_summary_is_that_of_the_moments_that_there_are():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(2, 5, 4)).astype(np.float32))
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    found = summary(x * mask[:, :, None], mask, moments=2)
    for row, steps in ((0, 5), (1, 3)):
        moments = x[row, :steps].reshape(-1, 2).numpy()
        slow = [*moments.mean(0), *moments.std(0), *np.abs(np.diff(moments, axis=0)).mean(0)]
        np.testing.assert_allclose(found[row], slow, atol=1e-4)


def test_long_sequences_are_cut_and_their_codes_averaged():
    sequences = [np.full((n, 2), n, np.float32) for n in (3, 8, 17, 1)]
    cut = stretches(sequences, 8, 2)
    assert cut.owner.tolist() == [0, 1, 2, 2, 3]  # of 17 the last one is less than a quarter of a stretch
    assert cut.mask.sum(1).tolist() == [3, 8, 8, 8, 1]
    torch.manual_seed(0)
    network = SequenceAutoencoder(2, 8, 4)
    network.linear.start(torch.randn(20, 16), torch.randn(20, 6), 0.5, 0)
    long = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    whole, first, last = (network.vectors([part])[0] for part in (long, long[:8], long[8:]))
    np.testing.assert_allclose(whole, (8 * first + 4 * last) / 12, atol=1e-5)


def test_what_lies_beyond_the_end_moves_nothing():
    torch.manual_seed(0)
    network = SequenceAutoencoder(2, 8, 4)
    torch.nn.init.normal_(network.last.weight)
    network.linear.start(torch.randn(20, 16), torch.randn(20, 6), 0.5, 0)
    x, mask = torch.randn(1, 8, 2), torch.arange(8)[None] < 5
    other = torch.where(mask[:, :, None], x, torch.full_like(x, 7.0))
    codes = [network.encode(network.scaled(each, mask), mask) for each in (x, other)]
    torch.testing.assert_close(*codes)
