"""Off-policy estimates against a log whose true values are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotide.errors import BadInput
from emotide.recommend.off_policy import effective, gained, off_policy

MOODS, ITEMS = 3, 5
rng = np.random.default_rng(0)
TRUE = rng.uniform(0.1, 0.9, (MOODS, ITEMS))
LOGGED = rng.dirichlet(np.full(ITEMS, 3.0), MOODS) * 0.8 + 0.2 / ITEMS
POLICY = rng.dirichlet(np.full(ITEMS, 0.5), MOODS)
VALUE = (POLICY * TRUE).sum(1).mean()


def logged(n: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    mood = rng.integers(0, MOODS, n)
    item = (rng.random((n, 1)) > LOGGED[mood].cumsum(1)).sum(1)
    reward = (rng.random(n) < TRUE[mood, item]).astype(float)
    return mood, item, reward, LOGGED[mood, item], POLICY[mood, item]


def judged(n: int, seed: int, model: np.ndarray):
    mood, item, reward, p, chance = logged(n, seed)
    return off_policy(reward, p, chance, model[mood, item], (POLICY[mood] * model[mood]).sum(1))


@pytest.mark.parametrize("name", ["ips", "snips", "dr"])
def test_the_true_value_is_found_and_intervals_hold_it(name):
    found = [judged(400, seed, TRUE + 0.1)[name] for seed in range(150)]
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(
        VALUE, abs=4 * values.std() / np.sqrt(150) + (0.004 if name == "snips" else 0)
    )
    held = np.mean([one.low <= VALUE <= one.high for one in found])
    assert 0.88 <= held <= 0.99


def test_doubly_robust_is_right_when_either_is():
    right, wrong = judged(20_000, 1, TRUE)["dr"], judged(20_000, 1, np.zeros((MOODS, ITEMS)))["dr"]
    assert wrong.value == pytest.approx(judged(20_000, 1, TRUE)["ips"].value)  # no model: it is IPS
    assert right.high - right.low < 0.8 * (wrong.high - wrong.low)  # a true one narrows it
    mood, item, reward, p, chance = logged(20_000, 1)
    off = np.clip(p * 1.5, 0, 1)  # wrong propensities, a true model
    got = off_policy(reward, off, chance, TRUE[mood, item], (POLICY[mood] * TRUE[mood]).sum(1))
    assert got["dr"].value == pytest.approx(VALUE, abs=0.02)
    assert abs(got["ips"].value - VALUE) > 0.1


def test_the_logged_policy_itself_is_the_mean_reward():
    _, _, reward, p, _ = logged(500, 2)
    for one in off_policy(reward, p, p).values():
        assert one.value == pytest.approx(reward.mean())


def test_a_gain_over_another_policy_is_found_and_its_interval_holds_it():
    other, held, values = np.roll(POLICY, 1, axis=1), 0, []
    truth = VALUE - (other * TRUE).sum(1).mean()
    for seed in range(150):
        mood, item, reward, p, chance = logged(400, seed)
        got = gained(reward, p, chance, other[mood, item])
        held += got.low <= truth <= got.high
        values.append(got.value)
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / np.sqrt(150) + 0.008)
    assert 0.88 <= held / 150 <= 0.99
    same = gained(reward, p, chance, chance)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_rows_that_weights_are_worth():
    _, _, _, p, chance = logged(300, 3)
    assert effective(p, p) == pytest.approx(300)
    alone = np.zeros(300)
    alone[7] = 1.0
    assert effective(p, alone) == pytest.approx(1)
    assert 1 < effective(p, chance) < 300


def test_rows_of_a_person_are_drawn_together():
    _, _, reward, p, chance = logged(300, 3)
    twice = [np.concatenate([side, side]) for side in (reward, p, chance)]
    alone, person = off_policy(*twice), off_policy(*twice, group=np.tile(np.arange(300), 2))
    once = off_policy(reward, p, chance)
    said = {"alone": alone, "person": person, "once": once}
    width = {name: one["ips"].high - one["ips"].low for name, one in said.items()}
    assert width["person"] == pytest.approx(width["once"], rel=0.15)
    assert width["alone"] == pytest.approx(width["once"] / np.sqrt(2), rel=0.15)


@given(st.integers(1, 30), st.integers(0, 10**6))
def test_snips_stays_among_the_rewards(n, seed):
    _, _, reward, p, chance = logged(n, seed)
    one = off_policy(reward, p, chance)["snips"]
    assert -1e-9 <= one.low <= one.high <= 1 + 1e-9
    assert -1e-9 <= one.value <= 1 + 1e-9


def test_what_cannot_be_judged_reads_well():
    one = np.ones(2)
    with pytest.raises(BadInput, match="no feedback"):
        off_policy(one[:0], one[:0], one[:0])
    with pytest.raises(BadInput, match="feedback 2 has a propensity of nan"):
        off_policy(one, np.array([0.5, np.nan]), one)
    with pytest.raises(BadInput, match=r"feedback 1 has a propensity of 0\.0"):
        off_policy(one, np.zeros(2), one)
    with pytest.raises(BadInput, match="chance"):
        off_policy(one, one, 2 * one)
