"""Train, dev and test: by the log's column, or by time, never at random."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotide.timeline import TimelineConfig, compile_timeline

HOURLY = TimelineConfig(step="1h")


def test_by_time_seventy_fifteen_fifteen(tables):
    labels = compile_timeline(tables(labels=[("ana", hour, "joy") for hour in range(20)]), HOURLY).labels["mood"]
    assert labels.split.tolist() == [0] * 14 + [1] * 3 + [2] * 3


def test_the_instants_are_divided_whoever_was_there(tables):
    """One instant is never divided, and two networks are cut at the same time."""
    rows = [(f"u{k}", hour, "joy", {"network": "xy"[k % 2]}) for hour in range(10) for k in range(1 + 5 * (hour == 3))]
    labels = compile_timeline(tables(labels=rows), HOURLY).labels["mood"]
    by_step = {int(step): set(labels.split[labels.step == step].tolist()) for step in np.unique(labels.step)}
    assert by_step == {step: {0 if step < 7 else 1 if step < 8 else 2} for step in range(10)}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=40))
def test_nothing_of_train_comes_after_dev_nor_of_dev_after_test(tables, hours):
    labels = compile_timeline(tables(labels=[(f"u{k}", hour, "joy") for k, hour in enumerate(hours)]), HOURLY).labels[
        "mood"
    ]
    for earlier, later in ((0, 1), (1, 2), (0, 2)):
        before, after = labels.step[labels.split == earlier], labels.step[labels.split == later]
        assert not len(before) or not len(after) or before.max() < after.min()
    instants = len(set(hours))
    assert len(np.unique(labels.step[labels.split == 0])) == int(0.7 * instants)


@pytest.mark.parametrize("step", ["1h", "turn"])
def test_by_the_column_of_the_labelled_post(tables, step):
    splits = ["test", "train", "dev", "train"]
    posts = [(f"p{k}", "ana", k, {"split": split}) for k, split in enumerate(splits)]
    labels = [("ana", k, "joy", {"post_id": f"p{k}"}) for k in range(4)]
    timeline = compile_timeline(tables(posts=posts, labels=labels), TimelineConfig(step=step))
    assert timeline.labels["mood"].split.tolist() == [2, 0, 1, 0]
    assert timeline.posts["train"].to_list() == [False, True, False, True]


def test_one_step_of_several_splits_belongs_to_the_last(tables):
    posts = [("p0", "ana", 0, {"split": "train"}), ("p1", "ana", 0.5, {"split": "test"})]
    labels = [("ana", 0, "joy", {"post_id": "p0"}), ("ana", 0.5, "joy", {"post_id": "p1"})]
    assert compile_timeline(tables(posts=posts, labels=labels), HOURLY).labels["mood"].split.tolist() == [2]


def test_text_vectors_learn_from_nothing_after_the_training_part(tables):
    timeline = compile_timeline(
        tables(posts=[(f"p{k}", "bo", k) for k in range(10)], labels=[("ana", hour, "joy") for hour in range(10)]),
        HOURLY,
    )
    assert timeline.posts["train"].to_list() == [True] * 7 + [False] * 3


def test_without_labels_every_post_may_teach(tables):
    assert compile_timeline(tables(posts=[("p", "a", 0), ("q", "a", 9)]), HOURLY).posts["train"].all()


@pytest.mark.parametrize("labels", [[], [("ana", 0, "joy"), ("ana", 1, "joy")]])
def test_contacts_of_a_dialogue_without_a_turn_come_before_everything(tables, labels):
    posts = [("p0", "ana", 0), ("p1", "bo", 1)]
    met = [("cy", "ana", 1, "wave", {"network": "y"})]
    timeline = compile_timeline(tables(posts=posts, interactions=met, labels=labels), TimelineConfig(step="turn"))
    silent = timeline.users.with_row_index("row").filter(pl.col("network") == "y")["row"].to_list()
    held = np.isin(timeline.events.contact_source, silent)
    assert timeline.events.contact_split[held].tolist() == [0]
