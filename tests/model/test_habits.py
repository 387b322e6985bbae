"""What was known of two people before a step, counted by hand."""

import numpy as np
import pytest

from emotide.model.habits import BACK, EACH, OWN, PAIR, REACHED, SPANS, THERE, Habits
from emotide.timeline import TimelineConfig, compile_timeline


@pytest.fixture(scope="module")
def contacts():
    rng = np.random.default_rng(3)
    drawn = [(*rng.choice(6, 2, replace=False), int(rng.integers(12))) for _ in range(80)]
    return sorted({(f"u{i}", f"u{j}", int(step)) for i, j, step in drawn}, key=lambda row: row[2])


@pytest.fixture(scope="module")
def group(tables, contacts):
    rows = [(i, j, float(step), "like") for i, j, step in contacts]
    posts = [(f"p{k}", f"u{k % 3}", float(k)) for k in range(9)]
    return compile_timeline(tables(interactions=rows, posts=posts), TimelineConfig(step="1h")).group()


def literal(steps, step):
    """EACH numbers about things that happened at these steps, before this one."""
    past = [s for s in steps if s < step]
    since = step - max(past) if past else 1000
    return [np.log1p(len(past)), np.log1p(since) / 4, 1 / since] + [
        np.log1p(sum(s >= step - span for s in past)) for span in SPANS
    ]


def test_counts_and_times_are_those_of_a_slow_count(group, contacts):
    habits = Habits(group)
    asked = [(i, j, step) for i in range(6) for j in range(6) if i != j for step in (0, 1, 5, 12)]
    source, target, step = (np.array(column) for column in zip(*asked, strict=True))
    told = habits.of(source, target, step)
    assert told.shape == (len(asked), PAIR)
    for row, (i, j, t) in zip(told, asked, strict=True):
        made = [s for a, _, s in contacts if a == f"u{i}"]
        reached = [s for _, b, s in contacts if b == f"u{j}"]
        pair = [s for a, b, s in contacts if (a, b) == (f"u{i}", f"u{j}")]
        back = [s for a, b, s in contacts if (a, b) == (f"u{j}", f"u{i}")]
        for at, steps in ((0, made), (REACHED, reached), (THERE, pair), (BACK, back)):
            np.testing.assert_allclose(row[at : at + EACH], literal(steps, t), rtol=1e-5)
    own = habits.own(np.array([1]), np.array([6]))[0]
    assert own.shape == (OWN,)
    np.testing.assert_allclose(own[:EACH], literal([1, 4, 7], 6), rtol=1e-5)


def test_nothing_of_the_step_or_later_is_known(tables, group, contacts):
    early = [(i, j, float(step), "like") for i, j, step in contacts if step < 6]
    late = [("u0", "u5", 6.0, "like"), ("u5", "u0", 11.0, "like")]
    posts = [(f"p{k}", f"u{k % 3}", float(k)) for k in range(6)]
    other = compile_timeline(tables(interactions=early + late, posts=posts), TimelineConfig(step="1h")).group()
    i, j = (grid.ravel() for grid in np.meshgrid(range(6), range(6)))
    step = np.full(36, 6)
    np.testing.assert_array_equal(Habits(group).of(i, j, step), Habits(other).of(i, j, step))
    np.testing.assert_array_equal(Habits(group).own(np.arange(6), step[:6]), Habits(other).own(np.arange(6), step[:6]))
    assert (Habits(group).rows(i, j, 6) >= 0).tolist() == (Habits(other).rows(i, j, 6) >= 0).tolist()


def test_a_pair_has_a_row_from_the_step_after_it_met(tables):
    group = compile_timeline(tables(interactions=[("a", "b", 0, "x"), ("a", "c", 2, "x")]), TimelineConfig(step="1h"))
    habits, a = Habits(group.group()), np.array([0, 0])
    found = [habits.rows(a, np.array([1, 2]), step).tolist() for step in (0, 1, 2, 3)]
    assert [[row >= 0 for row in rows] for rows in found] == [
        [False, False],
        [True, False],
        [True, False],
        [True, True],
    ]
    e = group.group().events
    of_pair = {(int(i), int(j)): int(row) for row, i, j in zip(e.pair, e.pair_source, e.pair_target, strict=True)}
    assert found[3] == [of_pair[0, 1], of_pair[0, 2]]


def test_the_population_of_pairs_is_weighed_to_its_size(group, contacts):
    source, target, happened, weight = Habits(group).population(8, 400, np.random.default_rng(0))
    real = {(i, j) for i, j, step in contacts if step == 8}
    drawn = {(f"u{i}", f"u{j}") for i, j, h in zip(source, target, happened, strict=True) if h}
    assert drawn == real
    assert weight.sum() == pytest.approx(6 * 5, abs=len(real))
    assert len(set(zip(source, target, strict=True))) == len(source)
    assert (source != target).all()
