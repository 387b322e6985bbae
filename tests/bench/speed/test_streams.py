"""Both sides read the same contacts with the same numbers, and answer the same questions."""

import numpy as np
import polars as pl
import pytest
import torch
from torch.testing import assert_close

from emotide.bench.speed import sides, streams, tgn, timing
from emotide.bench.speed.sides import Ours, Theirs, drawn_from
from emotide.train.behaviour import TRAIN, behaviour_said

EVENTS, BATCH, FEATURES = 300, 20, 6


@pytest.fixture(scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("USERS", 40), ("EVENTS", EVENTS), ("FEATURES", FEATURES)):
            patch.setattr(streams, name, value)
        yield


@pytest.fixture(scope="module")
def made(small):
    return streams.drawn()


@pytest.fixture(scope="module")
def both(small):
    with streams.synthetic() as logged:
        yield logged.cut(BATCH)


@pytest.fixture(scope="module")
def ours(both):
    group = both.timeline.group()
    return Ours(both.timeline, both.vectors, lambda run: drawn_from(group, run))


@pytest.fixture(scope="module")
def theirs(both):
    pytest.importorskip("torch_geometric")
    group = both.timeline.group()
    return Theirs(both.stream, lambda run: drawn_from(group, run))


def test_the_stream_is_drawn_by_its_seed(made):
    again, other = streams.drawn(), streams.drawn(1)
    for name in ("source", "target", "features"):
        assert np.array_equal(getattr(made, name), getattr(again, name))
        assert not np.array_equal(getattr(made, name), getattr(other, name))
    assert made.features.shape == (EVENTS, FEATURES)
    assert (made.source != made.target).all()


def test_few_do_much(made):
    counts = np.bincount(made.source, minlength=40)
    assert counts[:4].sum() > 3 * 4 * EVENTS / 40 / 2
    assert counts.argmax() < 4
    received = np.sort(np.bincount(made.target, minlength=40))
    assert received[-4:].sum() > 3 * 4 * EVENTS / 40 / 2


def test_both_sides_read_the_same_contacts_in_the_same_batches(both, made):
    events, names = both.timeline.events, both.timeline.users["user_id"]
    for end, mine, theirs in (
        (made.source, events.contact_source, both.stream.source),
        (made.target, events.contact_target, both.stream.target),
    ):
        assert np.array_equal(mine, theirs.numpy())
        assert names[theirs.tolist()].to_list() == [f"u{user}" for user in end]
    assert np.array_equal(events.step["contact"], both.stream.step)
    assert np.bincount(both.stream.step).tolist() == [BATCH] * (EVENTS // BATCH)
    assert (np.diff(both.stream.time.numpy()) == 1).all()


def test_both_sides_read_the_same_numbers_of_each_event(both, made):
    assert np.array_equal(both.stream.message.numpy(), made.features)
    posts = both.timeline.posts
    event = posts["post_id"].str.strip_prefix("p").cast(pl.Int64).to_numpy()
    assert np.array_equal(np.sort(event), np.arange(EVENTS))
    assert np.array_equal(both.vectors.numpy(), made.features[event])
    assert np.array_equal(posts["user"].to_numpy(), both.stream.source.numpy()[event])
    assert np.array_equal(posts["step"].to_numpy(), both.stream.step[event])


def test_a_stream_without_features(data_dir):
    with streams.college_msg(data_dir) as logged:
        both = logged.cut(200)
    assert both.events == 59_798
    assert both.vectors.shape == (0, streams.FEATURES)
    assert both.stream.message.shape == (59_798, 1)
    assert np.median(np.bincount(both.stream.step)) == 200


def test_ours_is_asked_what_the_model_is_asked_elsewhere(ours):
    found = ours.infer(3)
    wanted = behaviour_said(ours.model, ours.timeline, ours.vectors, TRAIN, 3).scores
    assert found.keys() == wanted.keys()
    for kind, scores in found.items():
        assert len(scores) == EVENTS
        np.testing.assert_allclose(scores, wanted[kind], rtol=1e-4, atol=1e-5)


def test_ours_learns_from_all_contacts_and_through_the_step(both):
    torch.manual_seed(1)
    one, passes = Ours(both.timeline, both.vectors, lambda run: None), []
    before = {name: weight.clone() for name, weight in one.model.named_parameters()}
    assert (one.timeline.events.contact_split == TRAIN).all()
    one.train(2, passes.append)
    assert passes == [0, 1]
    moved = {name for name, weight in one.model.named_parameters() if not torch.equal(weight, before[name])}
    assert {f"network.{module}" for module in ("f_AT", "f_A", "f_G", "f_H")} <= {
        ".".join(name.split(".")[:2]) for name in moved
    }
    assert any(name.startswith("behaviour.f_C") for name in moved)


def test_theirs_is_asked_the_same(ours, theirs):
    found = theirs.infer(3)
    assert {kind: len(scores) for kind, scores in found.items()} == {
        kind: len(scores) for kind, scores in ours.infer(3).items()
    }
    again = theirs.infer(3)  # each pass begins with nothing seen
    for kind, scores in found.items():
        assert_close(torch.from_numpy(scores), torch.from_numpy(again[kind]))


def test_state_and_neighbours_are_as_wide(ours, theirs, both):
    assert ours.model.network.config.state == theirs.model.memory.memory_dim == 100
    assert both.timeline.config.max_neighbours == theirs.model.near.size == 10
    assert sides.numbers(torch.nn.Linear(3, 5)) == 20


def test_figures_of_a_stream(both, monkeypatch):
    pytest.importorskip("torch_geometric")
    monkeypatch.setattr(timing, "THREADS", 1)
    done = []
    found = tgn.compared(both, 2, lambda *told: done.append(told), "tiny")
    assert (found["events"], found["gradient_steps"]) == (EVENTS, {"ours": 4, "tgn": 15})
    for kind in ("train", "infer"):
        mine, their = found[kind]["ours"], found[kind]["tgn"]
        assert mine["runs"] == their["runs"] == 2
        assert mine["events_s"] == pytest.approx(EVENTS / mine["median"], rel=0.01)
        assert found[f"{kind}_ratio"] == pytest.approx(their["median"] / mine["median"], rel=0.01)
    for one in found["memory"].values():
        assert 0.05 < one["libraries_gb"] <= one["peak_gb"] < 4
    memory = {side: one["peak_gb"] for side, one in found["memory"].items()}
    assert found["rss_ratio"] == pytest.approx(memory["ours"] / memory["tgn"], rel=0.01)
    assert set(found["seconds_once"]) == {"timeline", "tensors", "our_model", "their_model"}
    assert {what.split()[0] for _, _, what in done} == {"tiny"}
