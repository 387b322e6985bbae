"""The parts of `bench recommend`, on very short lives, and the arithmetic of their figures."""

import numpy as np
import pytest

from emotide.bench import run_bench
from emotide.bench.recommend import guard, latency, paper, town
from emotide.bench.recommend.incarmusic import _order, factorised
from emotide.bench.recommend.lives import Lived, lived
from emotide.bench.recommend.lives import town as town_of


def ask(name: str) -> dict:
    return run_bench(name, None, 2, lambda line: None, lambda done, total, what: None)


def test_in_a_town(monkeypatch):
    for name, short in (("MOMENTS", 16), ("TURN", 8), ("SPAN", 2)):
        monkeypatch.setattr(town, name, short)
    found = ask("recommend.town")
    assert set(found["reward"]) == set(town.POLICIES)
    assert all(0 <= mean <= 1 for mean, _ in found["reward"].values())
    assert found["reward"]["oracle"][0] > found["reward"]["random"][0]
    assert found["share_of_oracle"][0] < 1
    assert found["gain_over_no_state"] is not None
    assert list(found["regret"]["ours"]) == ["2", "4", "6", "8", "10", "12", "14", "16"]
    assert set(found["moments_to_recover"]) == {"ours"}
    assert list(found["by_sway"]) == ["0", "1", "2", "4"]
    assert found["by_sway"]["2"]["gain_over_no_state"] == found["gain_over_no_state"]


def test_the_papers_form_and_each_addition(monkeypatch):
    monkeypatch.setattr(paper, "MOMENTS", 4)
    found = ask("recommend.paper")
    assert list(found["step_by_step"]) == list(paper.STEP_BY_STEP)
    assert set(found["gain_of"]) == set(paper.OTHERS)
    assert {getattr(paper.PAPER, name) for name in ("replay", "target", "double", "averaged", "products")} == {False}
    last = paper.PAPER
    for change in paper.STEP_BY_STEP.values():
        last = last.model_copy(update=change)
    assert last == paper.IMPROVED


def test_the_guard_holds_where_without_it_rules_would_be_broken(monkeypatch):
    monkeypatch.setattr(guard, "MOMENTS", 14)
    monkeypatch.setattr(guard, "WEIGHTS", (0.0,))
    found = ask("recommend.guard")
    assert found["violations"] == 0
    assert found["would_be_violations"] > 0
    assert found["decisions"] == 2 * 14 * 100
    assert set(found["curve"]) == {"free_0", "guard_0", "esmr_0"}


def test_latency_of_few_items(monkeypatch):
    for name, value in (("SIZES", {"1e3": 1000}), ("ASKED", 5), ("UPDATES", 5)):
        monkeypatch.setattr(latency, name, value)
    monkeypatch.setitem(latency.SIZES, "1e5", 1200)
    found = ask("recommend.latency")
    assert found["1e3"][0] <= found["1e3"][1]
    assert found["updates_per_second"] > 0
    assert 0 <= found["lost_1e3"] < 0.5


def test_oracle_and_chance_bracket_what_learns():
    world = town_of(3)
    found = {name: lived(name, world, 30) for name in ("oracle", "popular", "random")}
    assert found["oracle"].end() > found["popular"].end() > found["random"].end() - 0.05
    np.testing.assert_array_equal(found["oracle"].clicked, lived("oracle", world, 30).clicked)
    np.testing.assert_allclose(np.mean(found["oracle"].clicked), np.mean(found["oracle"].best), atol=0.03)


def test_recovery_is_the_first_span_that_earns_as_much(monkeypatch):
    monkeypatch.setattr(town, "TURN", 40)
    monkeypatch.setattr(town, "SPAN", 10)
    one, best = Lived(clicked=[0.5] * 40 + [0.1] * 15 + [0.5] * 25), Lived(clicked=[0.8] * 80)
    mean, _ = town._recovery([one], [best])
    assert mean == 25  # 15 poor moments, then a whole span of good ones
    never = Lived(clicked=[0.5] * 40 + [0.1] * 40)
    assert town._recovery([never], [best])[0] == 40


def test_factors_find_a_table_of_rank_one():
    rng = np.random.default_rng(0)
    user, item = (place.ravel() for place in np.indices((20, 15)))
    table = (rng.normal(size=20)[:, None] * 3 * rng.normal(size=15)).ravel()
    known = rng.random(300) < 0.8
    told, plain = (factorised(user, item, table, known, rank, 0)[~known] for rank in (2, 0))
    assert np.corrcoef(told, table[~known])[0, 1] > 0.8 > np.corrcoef(plain, table[~known])[0, 1]


def test_order_is_of_pairs_of_one_person():
    said, rating = np.array([1.0, 2.0, 3.0, 9.0]), np.array([1.0, 3.0, 2.0, 0.0])
    group = np.array([[0], [0], [0], [1]])
    assert _order(said, rating, group) == pytest.approx(2 / 3)
    assert _order(np.zeros(4), rating, group) == 0.5
