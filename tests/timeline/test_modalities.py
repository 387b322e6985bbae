"""A row a post and modality: what is there has a row, what is not has none, and nothing else of the timeline moves."""

import numpy as np
import pytest

from emotide.timeline import TimelineConfig, by_modality, compile_timeline

NAMES = ("text", "image", "audio")
POSTS = [
    ("p0", "ana", 0, {"network": "x"}),
    ("p1", "ana", 0.5, {"network": "x"}),
    ("p2", "bo", 0.1, {"network": "y"}),
    ("p3", "bo", 2, {"network": "x"}),
]
PRESENT = {"p0": "text image", "p1": "", "p2": "audio", "p3": "text image audio"}


@pytest.fixture
def timeline(tables):
    return compile_timeline(tables(posts=POSTS, ties=[("ana", "bo", 0, None)]), TimelineConfig(step="1h"))


@pytest.fixture
def present(timeline):
    return np.array([[name in PRESENT[post].split() for name in NAMES] for post in timeline.posts["post_id"]])


def rows(timeline, networks=None):
    """(step, user, post, modality) of each row of posts, by name."""
    group = timeline.group(networks)
    users, posts = timeline.users["user_id"].to_list(), timeline.posts
    row = zip(group.events.step["post"], group.users[group.events.post_user], group.events.post, strict=True)
    return sorted((int(t), users[i], posts["post_id"][int(k)], posts["modality"][int(k)]) for t, i, k in row)


def test_what_is_there_has_a_row(timeline, present):
    found = by_modality(timeline, present, NAMES)
    assert rows(found) == [
        (0, "ana", "p0", "image"),
        (0, "ana", "p0", "text"),
        (0, "bo", "p2", "audio"),
        (2, "bo", "p3", "audio"),
        (2, "bo", "p3", "image"),
        (2, "bo", "p3", "text"),
    ]
    before = timeline.posts["post_id"].gather(found.posts["post"])
    assert before.to_list() == found.posts["post_id"].to_list()


def test_networks_and_steps_are_cut_as_before(timeline, present):
    found = by_modality(timeline, present, NAMES)
    names = found.networks["network"].to_list()
    assert rows(found, [names.index("y")]) == [(0, "bo", "p2", "audio")]
    assert found.group().bounds["post"].tolist() == [0, 3, 3, 6]


def test_posts_written_are_counted_once_each(timeline, present):
    found = by_modality(timeline, present, NAMES)
    assert (found.events.active_counts == timeline.events.active_counts).all()
    assert found.labels is timeline.labels


def test_of_nothing_there_are_no_rows(timeline):
    found = by_modality(timeline, np.zeros((len(POSTS), 3), bool), NAMES)
    assert len(found.posts) == len(found.events.post) == 0
    assert found.group().steps == timeline.group().steps
