import numpy as np
import pytest

from emotide.errors import BadInput
from emotide.recommend import QConfig, Recommender, recommender, shortlist
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


def test_the_barred_are_not_picked_exactly_or_from_an_index(monkeypatch):
    pytest.importorskip("faiss")
    one, H = made(3000, products=True), rng.normal(size=(10, 4)).astype(np.float32)
    allowed = rng.random((10, 3000)) < 0.5
    exact = Shortlist(one, 100)
    near = np.where(allowed, exact.slopes(H) @ one.items.numpy().T, -np.inf)
    monkeypatch.setattr(shortlist, "EXACT", 100)
    monkeypatch.setattr(shortlist, "LISTS", 16)
    monkeypatch.setattr(shortlist, "LOOKED", 16)
    for held in (exact, Shortlist(one, 100)):
        for row, picked in zip(near, held.picked(H, allowed), strict=True):
            assert set(picked) == set(np.argsort(-row)[:100])
    few = np.zeros((10, 3000), bool)
    few[:, :3] = True
    for row in exact.picked(H, few):
        assert set(row) == {-1, 0, 1, 2}


def test_a_recommender_makes_slates_of_many_items_from_a_shortlist(monkeypatch):
    one, H = made(3000, products=True), rng.normal(size=(9, 4)).astype(np.float32)
    exclude = rng.random((9, 3000)) < 0.3
    every = one.recommend(H, 5, 0.0, exclude)
    monkeypatch.setattr(recommender, "ALL", 100)
    monkeypatch.setattr(recommender, "ROWS", 4)
    monkeypatch.setattr(shortlist, "BLOCK", 3000)
    short = one.recommend(H, 5, 0.0, exclude)
    assert (short.item == every.item).mean() > 0.8
    np.testing.assert_allclose(short.value, np.take_along_axis(one.scores(H), short.item, 1), rtol=1e-5)
    assert not np.take_along_axis(exclude, short.item, 1).any()
    assert one.take(np.full((1, 6), 9.0)).tolist() == [3000]  # a new item is on the next list
    assert 3000 in one.considered(H)[0] or one.values(H, np.full((9, 1), 3000)).max() < short.value.min()
    mixed = one.recommend(H, 5, 0.0, diversity=0.7)
    assert not np.array_equal(mixed.item, one.recommend(H, 5, 0.0).item)
    explored = one.recommend(H, 5, 1.0)
    np.testing.assert_allclose(explored.propensity, 1 / 500)  # chance draws from the shortlist


def test_an_empty_list_reads_well():
    with pytest.raises(BadInput, match="one item or more, 0 came"):
        Shortlist(made(10), 0)
