"""A network in parts is the network: the same states, the same readings."""

import numpy as np
import pytest

from emotide.cluster.part import Part
from emotide.cluster.run import PartRun
from emotide.model.trace import SHOWN, states_before, trace

CLOSE = {"atol": 1e-5, "rtol": 1e-5}


def said(runs):
    """All that was said, by user, step and horizon."""
    return {
        (int(u), int(s), int(h)): y
        for one in runs
        for u, s, h, y in zip(one.user, one.step, one.horizon, one.Y, strict=True)
    }


@pytest.mark.parametrize("reports", ["hidden", "known"])
@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("overlapping", [True, False])
def test_states_and_readings_are_those_of_one_process(
    network, model, together, cut_at_random, parts, reports, overlapping
):
    timeline, vectors = network()
    steps = timeline.group().steps
    assert steps == 50

    def work(part, peers):
        run = PartRun(model, part, peers, reports, overlapping)
        found = [run.run(0, 20), run.run(20, steps), run.beyond(1), run.beyond(2), run.beyond(3)]
        return found, run.states()

    done = together(cut_at_random(timeline, vectors, parts), work)
    expected = trace(model, timeline, vectors, SHOWN[reports], horizon=3)
    mine, theirs = said([one for found, _ in done for one in found]), said([expected])
    assert mine.keys() == theirs.keys()
    for key, Y in theirs.items():
        np.testing.assert_allclose(mine[key], Y, **CLOSE)


def test_a_part_saved_is_the_part(network, model, together, cut_at_random, tmp_path):
    timeline, vectors = network(seed=3)
    parts = cut_at_random(timeline, vectors, 3)
    for part in parts:
        part.save(tmp_path / str(part.number))
    again = [Part.load(tmp_path / str(number)) for number in range(3)]

    def work(part, peers):
        run = PartRun(model, part, peers, "known")
        run.run(0, 50)
        return run.states()

    users = np.arange(len(timeline.users))
    H, _ = states_before(model, timeline, vectors, SHOWN["known"], users, np.full(len(users), 1000))
    for found in (together(parts, work), together(again, work)):
        rows = np.concatenate([one["user"] for one in found])
        assert sorted(rows) == users.tolist()
        np.testing.assert_allclose(np.concatenate([one["H"] for one in found]), H[rows], **CLOSE)
    assert float(np.abs(H).max()) > 0.1


def test_a_run_goes_on_from_a_checkpoint(network, model, together, cut_at_random, tmp_path):
    timeline, vectors = network(seed=4)

    def work(part, peers):
        run = PartRun(model, part, peers)
        run.run(0, 10)
        run.save(tmp_path, 10)
        run.run(10, 30)
        expected = run.states()["H"].copy()
        run.restore(tmp_path, 10)
        run.run(10, 30)
        return expected, run.states()["H"]

    for expected, again in together(cut_at_random(timeline, vectors, 2), work):
        np.testing.assert_array_equal(expected, again)
    assert not list(tmp_path.glob("*.part"))
