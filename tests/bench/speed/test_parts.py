"""The other parts on tiny sizes, and the one object that all of them make."""

from pathlib import Path

import pytest
from torch import nn

from emotide.bench import BENCHES, run_bench
from emotide.bench.small_task import parameters
from emotide.bench.speed import cells, joined, meld, startup, tgn, timing


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr(timing, "THREADS", 1)


def ask(name):
    said, done = [], []
    return run_bench(name, Path("nowhere"), 1, said.append, lambda *told: done.append(told)), said, done


def test_cells_of_as_many_parameters(monkeypatch):
    monkeypatch.setattr(cells, "STEPS", 2)
    monkeypatch.setattr(cells, "ROWS", 3)
    found, said, done = ask("speed.cells")
    how = found["how"]
    assert how["parameters"]["deep"] == parameters(cells.Deep())
    for name in ("lstm", "gru"):
        assert how["parameters"][name] == pytest.approx(how["parameters"]["deep"], rel=0.01)
        medians = [how["seconds"][side]["median"] for side in ("deep", name)]
        assert found["seconds_ratio"][name] == pytest.approx(medians[0] / medians[1], rel=0.01)
    assert len(said) == 1
    assert done[-1][:2] == (18, 18)


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3)])
def test_the_nearest_size(kind, gates):
    def size(units):
        return parameters(kind(cells.UNITS, units))

    assert size(7) == gates * 7 * (7 + cells.UNITS + 2)
    assert cells.nearest(kind, size(50)) == 50
    assert cells.nearest(kind, size(50) + 10) == 50


def test_start_up_in_processes_of_their_own(monkeypatch, tmp_path):
    marks = {name: tmp_path / name for name in startup.CALLS}
    calls = {name: f"open({str(mark)!r}, 'a').write('x')" for name, mark in marks.items()}
    monkeypatch.setattr(startup, "CALLS", calls)
    found, said, _ = ask("speed.startup")
    assert set(found) == {"help", "import", "python", "how"}
    for name, mark in marks.items():
        assert mark.read_text() == "x" * 8  # seven, and one before
        assert found["how"][name]["runs"] == 7
        assert found[name] == pytest.approx(found["how"][name]["median"], rel=0.01)
    assert len(said) == 1


def test_help_is_started_as_the_command_is(capfd):
    startup._started(startup.CALLS["help"].replace("main()", "print('x'); main()"), 0)
    assert capfd.readouterr().out == ""  # the help itself is not shown


def test_epochs_are_timed_from_one_to_the_next(monkeypatch):
    now, heard = iter([100.0, 103.0, 107.0]), []
    monkeypatch.setattr(meld.time, "perf_counter", lambda: next(now))
    epochs = meld.Epochs(lambda *told: heard.append(told))
    for done in (1, 2, 3):
        epochs(done, 3, "loss")
    assert epochs.seconds == [3.0, 4.0]
    assert [told[0] for told in heard] == [1, 2, 3]


def test_the_object_of_all_parts():
    ratios = {"train_ratio": 5.0, "infer_ratio": 4.0, "rss_ratio": 0.5, "events": 7}
    streams = {
        name: {"how": {f"{name}_{batch}": ratios for batch in tgn.BATCHES}, "machine": {"threads": 1}}
        for name in tgn.STREAMS
    }
    found = joined(
        {
            "tgn": tgn.joined(streams),
            "gemm": {"train": 0.5, "infer": 0.6, "how": {"rows": {}}},
            "cells": {"seconds_ratio": {"lstm": 2.0, "gru": 1.0}, "how": {}},
            "meld": {"seconds": 60.0, "epoch_ratio": 2.0, "how": {}},
            "startup": {"help": 0.1, "import": 0.05, "how": {}},
            "million": {"users": 7, "events": 70},
        }
    )
    names = ("synthetic_200", "synthetic_2000", "college_200", "college_2000")
    assert found["tgn"] == {
        "train_ratio": dict.fromkeys(names, 5.0),
        "infer_ratio": dict.fromkeys(names, 4.0),
        "rss_ratio": dict.fromkeys(names, 0.5),
    }
    assert found["gemm_share"] == {"train": 0.5, "infer": 0.6}
    assert found["meld_seconds"] == 60.0
    assert found["startup"] == {"help": 0.1, "import": 0.05}
    assert found["million"] == {"users": 7, "events": 70}
    assert found["how"]["tgn"]["synthetic_200"] == ratios
    assert set(found["how"]) == {"tgn", "gemm", "cells", "meld", "startup"}


def test_a_part_that_was_left_out_is_left_out():
    assert joined({"startup": {"help": 0.1, "how": {"x": 1}}}) == {
        "startup": {"help": 0.1},
        "how": {"startup": {"x": 1}},
    }
    assert tgn.joined({}) == {"train_ratio": {}, "infer_ratio": {}, "rss_ratio": {}, "how": {"machine": {}}}


def test_parts_run_alone():
    speed = BENCHES["speed"]
    assert {"tgn", "gemm", "cells", "million", "meld", "startup"} <= set(speed.parts)
    assert set(speed.parts["tgn"].parts) == {"synthetic", "college"}
    assert speed.parts["meld"].needs == "meld"
    assert speed.parts["tgn"].parts["college"].needs == "college_msg"
