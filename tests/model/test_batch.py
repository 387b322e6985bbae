"""A batch made for some steps at a time is the batch made at once."""

import numpy as np
import pytest
import torch

from emotide.model import Batch, batch
from emotide.timeline import TimelineConfig, compile_timeline


@pytest.fixture
def group(tables):
    rng, names = np.random.default_rng(0), [f"u{k}" for k in range(9)]

    def one():
        return names[rng.integers(len(names))]

    when = [int(k) for k in rng.integers(0, 12, 60)]
    timeline = compile_timeline(
        tables(
            posts=[(f"p{k}", one(), step) for k, step in enumerate(when[:30])],
            interactions=[(one(), one(), step, "like") for step in when],
            labels=[(one(), step, "joy" if k % 2 else "fear") for k, step in enumerate(when[:25])],
        ),
        TimelineConfig(step="1h", max_neighbours=3),
    )
    return timeline.group()


def leaves(value):
    if value is None:
        return []
    if isinstance(value, torch.Tensor | int):
        return [value]
    return [leaf for part in (value.values() if isinstance(value, dict) else value) for leaf in leaves(part)]


@pytest.mark.parametrize("size", [1, 20, 50])
def test_pages_of_any_size_show_the_same_steps(group, monkeypatch, size):
    whole = list(Batch(group).steps())
    monkeypatch.setattr(batch, "PAGE", size)
    paged = Batch(group)
    assert len(whole) == group.steps
    for first, last in ((0, None), (3, 7), (2, 3)):
        steps = list(paged.steps(first, last))
        assert len(steps) == len(whole[first:last])
        for mine, theirs in zip(steps, whole[first:last], strict=True):
            assert mine.reports.keys() == theirs.reports.keys()
            for one, other in zip(leaves(mine), leaves(theirs), strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_without_forecasts_a_step_shows_what_is_seen_alone(group):
    for whole, alone in zip(Batch(group).steps(), Batch(group).steps(forecasts=False), strict=True):
        assert not any(len(column) for column in leaves(alone.silent))
        whole = whole._replace(silent=alone.silent, both=whole.seen)
        for one, other in zip(leaves(alone), leaves(whole), strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_no_page_holds_more_than_its_steps(group, monkeypatch):
    monkeypatch.setattr(batch, "PAGE", 1)
    held = [step.seen.pair.untyped_storage().nbytes() for step in Batch(group).steps()]
    assert held == [8 * n for n in np.diff(group.bounds["pair"])]


def test_the_steps_of_a_group_between_two_hold_its_rows_and_copy_none(group):
    part = group.between(3, 7)
    assert (part.first_step, part.steps) == (group.first_step + 3, 4)
    rows = slice(group.bounds["pair"][3], group.bounds["pair"][7])
    np.testing.assert_array_equal(part.events.pair_source, group.events.pair_source[rows])
    assert np.shares_memory(part.events.pair_kinds, group.events.pair_kinds)
    for name, bounds in part.bounds.items():
        np.testing.assert_array_equal(np.diff(bounds), np.diff(group.bounds[name])[3:7])
