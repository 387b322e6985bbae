"""Measurements in parts: kept, found again, left out, joined."""

import json
from functools import partial

import numpy as np
import pytest

from emotide.bench import _named, kept
from emotide.bench.bench import Bench, Composite
from emotide.bench.kept import Runner, code_version
from emotide.errors import BadInput, UnknownName


@pytest.fixture
def world(tmp_path):
    """A composite of three parts, one of them of a data set; and what was run."""
    ran = []

    def measure(name, data, seeds, say, progress):
        ran.append(name)
        return {"name": name, "seeds": seeds}

    def bench(name, needs=None):
        return Bench(name, needs, partial(measure, name))

    inner = Composite("two", {"b": bench("b"), "c": bench("c", "set")}, lambda found: {"both": found})
    whole = Composite("all", {"a": bench("a"), "inner": inner}, lambda found: found | {"parts": len(found)})
    said = []

    def runner(seeds=(0, 1), out=tmp_path / "out"):
        return Runner(tmp_path, list(seeds), said.append, lambda done, total, what: None, out)

    return whole, runner, ran, said


def test_parts_are_measured_and_joined(world, tmp_path):
    whole, runner, ran, said = world
    (tmp_path / "set").mkdir()
    found = runner(out=None).figures("x", whole)
    assert found["a"] == {"name": "a", "seeds": [0, 1]}
    assert set(found["inner"]["both"]) == {"b", "c"}
    assert found["parts"] == 2
    assert ran == ["a", "b", "c"]
    assert said == []
    assert list(tmp_path.iterdir()) == [tmp_path / "set"]


def test_what_is_kept_is_not_run_again(world, tmp_path, monkeypatch):
    whole, runner, ran, said = world
    (tmp_path / "set").mkdir()
    first = runner()
    found = first.figures("x", whole)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"x.a.json", "x.inner.b.json", "x.inner.c.json"}
    record = json.loads((tmp_path / "out" / "x.inner.b.json").read_text())
    assert record == first.records["x.inner.b"]
    assert record["seeds"] == [0, 1]
    assert record["figures"] == {"name": "b", "seeds": [0, 1]}
    assert record["seconds"] >= 0
    assert record["machine"]["cores"] >= 1
    (tmp_path / "out" / "x.inner.b.json").unlink()  # as if interrupted before
    again = runner()
    assert again.figures("x", whole) == found
    assert ran == ["a", "b", "c", "b"]
    assert sum("kept in" in line for line in said) == 2
    assert set(again.records) == {"x.a", "x.inner.b", "x.inner.c"}
    runner(seeds=(0,)).figures("x.a", whole.parts["a"])
    assert ran[4:] == ["a"]
    monkeypatch.setattr(kept, "code_version", lambda run: "another")
    runner().figures("x.inner", whole.parts["inner"])
    assert ran[5:] == ["b", "c"]


def test_a_part_without_its_data_set_is_left_out_and_alone_an_error(world, tmp_path):
    whole, runner, _, said = world
    found = runner(out=None).figures("x", whole)
    assert set(found["inner"]["both"]) == {"b"}
    assert said == [f"x.inner.c is left out: the data set 'set' is not at {tmp_path}"]
    with pytest.raises(BadInput, match=r"bench x\.inner\.c needs the data set 'set' there"):
        runner().figures("x.inner.c", whole.parts["inner"].parts["c"])
    only = Composite("one", {"c": whole.parts["inner"].parts["c"]}, dict)
    with pytest.raises(BadInput, match="bench y needs the data set 'set' there"):
        runner().figures("y", only)


def test_figures_are_the_same_measured_and_kept(world):
    _, runner, _, _ = world
    bench = Bench("depths", None, lambda *asked: {4: np.float32(0.5), 8: np.arange(3)[1], "seeds": (0, 1)})
    wanted = {"4": 0.5, "8": 1, "seeds": [0, 1]}
    assert runner().figures("depths", bench) == runner().figures("depths", bench) == wanted
    assert runner(out=None).figures("depths", bench) == wanted


def test_parts_that_are_shared_keep_their_names(world):
    whole, runner, _, _ = world
    shared = Composite("all", whole.parts, dict, shared=True)
    first = runner()
    first.figures("x", shared)
    assert set(first.records) == {"a", "inner.b"}


def test_the_version_is_of_the_code_that_moves_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "PACKAGE", tmp_path)
    for folder in ("nn", "bench", "bench/rivals"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "some.py").write_text("1")
    before = code_version(json.dumps)
    assert code_version(partial(json.dumps)) == before
    (tmp_path / "bench" / "some.py").write_text("2")
    assert code_version(json.dumps) == before
    assert code_version(pytest.raises) != before
    for folder in ("nn", "bench/rivals"):
        (tmp_path / folder / "some.py").write_text("2")
        assert code_version(json.dumps) != before
        (tmp_path / folder / "some.py").write_text("1")


def test_parts_have_names():
    assert _named("ablation.town.full").about == "full on town"
    with pytest.raises(UnknownName, match="part of bench 'ablation' 'twon' is not known; did you mean 'town'"):
        _named("ablation.twon")
    with pytest.raises(UnknownName, match="part of bench 'ingest' 'x' is not known"):
        _named("ingest.x")
