import numpy as np
import pytest

from emotide.errors import BadInput
from emotide.recommend import QConfig, Recommender, shortlist
from emotide.recommend.shortlist import Shortlist

rng = np.random.default_rng(0)


def made(items: int = 3000, **changed: object) -> Recommender:
    got = Recommender.new(4, rng.normal(size=(items, 6)), QConfig(width=16, **changed))
    got.network.measured.fill_(True)
    return got


def test_the_best_by_q_is_nearly_always_on_the_list():
    one, H = made(products=True), rng.normal(size=(20, 4)).astype(np.float32)
    chosen = Shortlist(one, 300).best(H, 1)[:, 0]
    scores = one.scores(H)
    lost = scores.max(1) - scores[np.arange(20), chosen]
    assert lost.mean() < 0.02 * (scores.max(1) - scores.mean(1)).mean()


def test_a_list_of_all_is_exact_and_the_barred_are_not_on_it():
    one, H = made(60), rng.normal(size=(7, 4)).astype(np.float32)
    one.candidates[:20] = False
    held = Shortlist(one, 100)
    assert np.array_equal(np.sort(held.picked(H), 1), np.tile(np.arange(20, 60), (7, 1)))
    scores = one.scores(H)
    scores[:, :20] = -np.inf
    np.testing.assert_array_equal(held.best(H, 3), np.argsort(-scores, axis=1)[:, :3])


def test_the_list_is_the_exact_top_of_the_stand_in():
    one, H = made(), rng.normal(size=(3, 4)).astype(np.float32)
    held = Shortlist(one, 50)
    near = held.slopes(H) @ one.items.numpy().T
    for row, picked in zip(near, held.picked(H), strict=True):
        assert set(picked) == set(np.argsort(-row)[:50])


def test_where_q_is_linear_the_stand_in_is_q():
    one, H = made(products=True), rng.normal(size=(3, 4)).astype(np.float32)
    one.network.f.last.data.zero_()  # what is left is u(H) · a
    near = Shortlist(one, 50).slopes(H) @ one.items.numpy().T
    scores = one.scores(H)
    for row in range(3):
        assert np.corrcoef(near[row], scores[row])[0, 1] > 0.9999


def test_above_the_limit_an_index_is_asked(monkeypatch):
    pytest.importorskip("faiss")
    one, H = made(3000, products=True), rng.normal(size=(10, 4)).astype(np.float32)
    exact = Shortlist(one, 100).picked(H)
    monkeypatch.setattr(shortlist, "EXACT", 100)
    monkeypatch.setattr(shortlist, "LISTS", 16)
    monkeypatch.setattr(shortlist, "LOOKED", 16)
    held = Shortlist(one, 100)
    assert held.index is not None
    assert all(set(a) == set(b) for a, b in zip(exact, held.picked(H), strict=True))  # all lists were looked at


def test_an_empty_list_reads_well():
    with pytest.raises(BadInput, match="one item or more, 0 came"):
        Shortlist(made(10), 0)
