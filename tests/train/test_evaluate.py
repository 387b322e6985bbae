"""Answers cover exactly the labels asked for, each read from what was known by then."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from emotide.model import Batch
from emotide.model.trace import every_report
from emotide.train import answers, scores
from emotide.train import evaluate as evaluation
from emotide.train.metrics import categorical, dimensional

SHOWN = {"hidden": None, "known": every_report}


@pytest.fixture(scope="module")
def two_networks(compiled, untrained):
    import torch

    rng = np.random.default_rng(0)
    rows = {"posts": [], "labels": [], "interactions": []}
    for network in "xyz":
        more = {"network": network}
        for step in range(14 if network != "z" else 3):
            user = "abc"[rng.integers(3)]
            rows["posts"].append((f"p{step}", user, step, more))
            mood = ("negative", "neutral", "positive")[rng.integers(3)]
            rows["labels"].append((user, step, mood, {"space": "polarity"} | more))
            if step % 2:
                rows["labels"].append(("a", step, {"pleasure": float(rng.uniform(-1, 1))}, {"space": "pad"} | more))
            rows["interactions"].append(("a", "b", step, "like", more))
    timeline = compiled(**rows)
    return untrained(timeline, 3).eval(), timeline, torch.randn(len(timeline.posts), 3)


@pytest.mark.parametrize("reports", ["hidden", "known"])
@pytest.mark.parametrize("split", [0, 1, 2])
@pytest.mark.parametrize("space", ["polarity", "pad"])
def test_answers_are_the_readings_of_exactly_the_labels_of_the_split(two_networks, space, split, reports, monkeypatch):
    model, timeline, vectors = two_networks
    labels, group, wanted = timeline.labels[space], timeline.group(), {}
    state = model.network.initial(len(group.users), group.pairs)
    for said in model.unroll(Batch(group), vectors, state, shown=SHOWN[reports]):
        for k, user in enumerate(said.step.silent.user.tolist()):
            read = (
                model.readings.read(space, Y[k][None])[0].detach().numpy() for Y in (said.recognition, said.forecast)
            )
            wanted[int(group.users[user]), said.step.number] = tuple(read)
    for batch in (evaluation.BATCH, 1):  # all networks at once, or one by one
        monkeypatch.setattr(evaluation, "BATCH", batch)
        got = answers(model, timeline, vectors, space, split, reports)
        assert sorted(got.row.tolist()) == np.flatnonzero(labels.split == split).tolist()
        assert len(got.row) > 1
        for row, recognition, forecast in zip(got.row, got.recognition, got.forecast, strict=True):
            recognized, foreseen = wanted[int(labels.user[row]), int(labels.step[row])]
            assert_allclose(recognition, recognized, atol=1e-5)
            assert_allclose(forecast, foreseen, atol=1e-5)


def test_known_reports_change_the_answers(two_networks):
    model, timeline, vectors = two_networks
    hidden, known = (answers(model, timeline, vectors, "polarity", 2, reports) for reports in ("hidden", "known"))
    assert_array_equal(hidden.row, known.row)
    assert not np.allclose(hidden.forecast, known.forecast)


def test_scores_are_those_of_the_latest_category_or_of_the_coordinates(two_networks):
    model, timeline, vectors = two_networks
    for space, measure in (("polarity", categorical), ("pad", dimensional)):
        found, labels = answers(model, timeline, vectors, space, 0), timeline.labels[space]
        truth = labels.target[found.row] if space == "pad" else labels.latest[found.row]
        got = scores(labels, found, space == "pad")
        assert got == {"recognition": measure(found.recognition, truth), "forecast": measure(found.forecast, truth)}
        assert got["forecast"]["n"] == len(found.row)


def test_a_split_without_labels_has_no_answers(compiled, untrained):
    import torch

    timeline = compiled(labels=[("a", 0, "positive", {"space": "polarity"})])
    split = int(timeline.labels["polarity"].split[0])
    found = answers(untrained(timeline, 3).eval(), timeline, torch.zeros(0, 3), "polarity", (split + 1) % 3)
    assert found.recognition.shape == found.forecast.shape == (0, 3)
    assert scores(timeline.labels["polarity"], found, False)["recognition"]["n"] == 0
