"""Labels merged per user and step."""

import numpy as np
import pytest

from emotide.errors import BadInput, UnknownName
from emotide.timeline import TimelineConfig, compile_timeline

HOURLY = TimelineConfig(step="1h")


def mood(tables, *labels, **more):
    timeline = compile_timeline(tables(labels=labels), HOURLY, **more)
    return timeline, timeline.labels["mood"]


def test_shares_latest_and_weight_of_several_labels_in_one_step(tables):
    timeline, got = mood(
        tables,
        ("ana", 0.1, "joy"), ("ana", 0.2, "anger"), ("ana", 0.3, "joy"),
        ("bo", 0.1, "joy", {"weight": 3.0}), ("bo", 0.5, "fear", {"weight": 1.0}),
        ("ana", 4, "fear"),
    )  # fmt: skip
    assert timeline.spaces == {"mood": ["anger", "fear", "joy"]}
    assert timeline.dimensional == []
    assert got.step.tolist() == [0, 0, 4]
    assert got.user.tolist() == [0, 1, 0]
    np.testing.assert_allclose(got.target, [[1 / 3, 0, 2 / 3], [0, 1 / 4, 3 / 4], [0, 1, 0]], rtol=1e-6)
    assert got.latest.tolist() == [2, 2, 1]
    assert got.weight.tolist() == [1, 2, 1]  # mean of the weights
    assert {str(array.dtype) for array in (got.target, got.weight)} == {"float32"}
    assert {str(array.dtype) for array in (got.step, got.user, got.latest)} == {"int32"}


@pytest.mark.parametrize(("said", "latest"), [
    ("joy anger", "anger"),  # equally frequent: the one reported last
    ("anger joy", "joy"),
    ("joy joy anger", "joy"),  # the most frequent goes before the last
    ("anger joy joy anger fear", "anger"),  # among the most frequent, the one reported last
    ("anger joy anger joy fear", "joy"),
])  # fmt: skip
def test_latest_is_the_most_frequent_and_among_equals_the_last(tables, said, latest):
    timeline, got = mood(tables, *((("ana", k / 100, name)) for k, name in enumerate(said.split())))
    assert timeline.spaces["mood"][int(got.latest[0])] == latest


def test_coordinates_are_means_by_weight_of_what_is_given(tables):
    timeline, got = mood(
        tables,
        ("ana", 0.1, {"pleasure": 0.5, "arousal": 1.0}), ("ana", 0.2, {"pleasure": -0.5}, {"weight": 3.0}),
        ("bo", 0.1, {"arousal": -1.0}),
    )  # fmt: skip
    assert timeline.spaces == {"mood": ["arousal", "pleasure"]}
    assert timeline.dimensional == ["mood"]
    np.testing.assert_allclose(got.target, [[1.0, (0.5 - 1.5) / 4], [-1.0, np.nan]])
    assert got.latest.tolist() == [-1, -1]
    assert got.weight.tolist() == [2, 1]


def test_labels_of_no_weight_teach_nothing_and_spoil_nothing(tables):
    none = {"weight": 0.0}
    _, got = mood(
        tables, ("ana", 0, "joy", none), ("ana", 0.1, "anger", none), ("ana", 1, "joy", none), ("ana", 1, "anger")
    )
    assert got.target.tolist() == [[0.5, 0.5], [1, 0]]
    assert got.weight.tolist() == [0, 0.5]
    _, got = mood(tables, ("ana", 0, {"p": 0.5}, none), ("ana", 1, {"p": 1.0, "q": 1.0}, none), ("ana", 1, {"p": 0.0}))
    np.testing.assert_array_equal(got.target, [[0.5, np.nan], [0.0, np.nan]])


def test_spaces_stand_apart(tables):
    labels = [("ana", 0, "joy"), ("ana", 0, "good", {"space": "polarity"}), ("bo", 1, {"p": 0.5}, {"space": "pad"})]
    timeline = compile_timeline(tables(labels=labels), HOURLY)
    assert timeline.spaces == {"mood": ["joy"], "pad": ["p"], "polarity": ["good"]}
    assert timeline.dimensional == ["pad"]
    assert [len(labels.step) for labels in timeline.labels.values()] == [1, 1, 1]


def test_names_are_in_the_order_wanted_and_an_unknown_one_is_told(tables):
    timeline, got = mood(tables, ("ana", 0, "joy"), names={"mood": ["joy", "fear", "anger"]})
    assert timeline.spaces["mood"] == ["joy", "fear", "anger"]
    assert got.target.tolist() == [[1, 0, 0]]
    with pytest.raises(UnknownName, match="of space 'mood' 'joi' is not known; did you mean 'joy'"):
        mood(tables, ("ana", 0, "joi"), names={"mood": ["joy", "fear"]})
    with pytest.raises(UnknownName, match="'valence' is not known"):
        mood(tables, ("ana", 0, {"valence": 0.1}), names={"mood": ["pleasure"]})


def test_a_space_of_categories_and_coordinates_at_once_is_refused(tables):
    with pytest.raises(BadInput, match="space 'mood': some have a category, some only coordinates"):
        mood(tables, ("ana", 0, "joy"), ("ana", 1, {"pleasure": 0.3}))


def test_several_categories_at_once_hold_side_by_side(tables):
    post = {"post_id": "p"}
    labels = [
        ("ana", 0, "joy", {"weight": 0.5} | post), ("ana", 0, "anger", {"weight": 0.5} | post),
        ("bo", 0, "joy", {"weight": 0.8}), ("bo", 0, "fear", {"weight": 0.2}),
        ("cy", 0, "joy"), ("cy", 0, "fear"), ("cy", 0.5, "joy"), ("cy", 0.6, "anger", {"weight": 4.0}),
        ("di", 0, "joy", {"weight": 0.0}),
    ]  # fmt: skip
    _, got = mood(tables, *labels, multi=["mood"])
    expected = [[1, 0, 1], [0, 0.25, 1], [4 / 7, 2 / 7, 3 / 7], [0, 0, 1]]
    np.testing.assert_allclose(got.target, expected, rtol=1e-6)
    np.testing.assert_allclose(got.weight, [1, 1, 7 / 3, 0], rtol=1e-6)  # a report of two emotions is one report
    assert got.latest.tolist() == [2, 2, 0, 2]
    _, shares = mood(tables, *labels)
    np.testing.assert_allclose(shares.target[:2], [[0.5, 0, 0.5], [0, 0.2, 0.8]], rtol=1e-6)
