"""The measurements: which there are, what they need, and the arithmetic of their figures."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from emotide.bench import BENCHES, ingest, run_bench, social_evolution
from emotide.bench.bench import converted, gathered, spread
from emotide.bench.social_evolution import _bootstrap
from emotide.errors import BadInput, UnknownName


def ask(name, data=None, seeds=1):
    said = []
    return run_bench(name, data, seeds, said.append, lambda done, total, what: None), said


def test_list():
    found, said = ask("list")
    assert set(found) == set(BENCHES) >= {"fanchuan", "ingest", "meld", "social_evolution"}
    assert all(found.values())
    assert said == []


def test_an_unknown_name():
    with pytest.raises(UnknownName, match="bench 'medl' is not known; did you mean 'meld'"):
        ask("medl")


@pytest.mark.parametrize("name", [name for name, bench in BENCHES.items() if bench.needs])
@pytest.mark.parametrize("given", [True, False])
def test_a_data_set_that_is_not_there(tmp_path, monkeypatch, name, given):
    monkeypatch.setenv("EMOTIDE_DATA", str(tmp_path))
    with pytest.raises(BadInput, match=f"{tmp_path}: bench {name} needs the data set .* --data or set EMOTIDE_DATA"):
        ask(name, tmp_path if given else None)


def test_the_command(command, tmp_path):
    assert set(command("bench", "list", "--json").json) == set(BENCHES)
    told = command("bench", "meld", "--data", tmp_path)
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(f"emotide: {tmp_path}: bench meld needs the data set 'meld'")


def test_a_folder_without_the_files_of_the_set(tmp_path):
    (tmp_path / "meld").mkdir()
    with pytest.raises(BadInput, match=r"train_sent_emo\.csv: no such file"):
        ask("meld", tmp_path)


def test_taking_in(monkeypatch):
    monkeypatch.setattr(ingest, "USERS", 50)
    monkeypatch.setattr(ingest, "ROWS", 2000)
    found, said = ask("ingest", seeds=2)
    assert (found["users"], found["interactions"]) == (50, 2000)
    for name in ("ingest_seconds", "compile_seconds"):
        mean, sd = found[name]
        assert mean > 0
        assert sd >= 0
    assert [line.split(":")[0] for line in said] == ["seed 0", "seed 1"]


def test_interactions_of_a_power_law(monkeypatch):
    monkeypatch.setattr(ingest, "USERS", 50)
    monkeypatch.setattr(ingest, "ROWS", 5000)
    rows = ingest._interactions(0)
    assert rows.columns == ["source_id", "target_id", "time", "kind"]
    assert (rows["source_id"] != rows["target_id"]).all()
    assert rows.equals(ingest._interactions(0))
    assert not rows.equals(ingest._interactions(1))
    counts = rows["source_id"].value_counts(sort=True)
    assert counts["source_id"][0] == "u0"
    assert counts["count"][0] > 5 * 5000 / 50
    span = rows["time"].max() - rows["time"].min()
    assert 0.99 * 60 < span / 86_400 < 60


def test_spread_is_mean_and_standard_deviation():
    assert spread([1.0, 3.0]) == [2.0, 1.0]
    assert spread([0.12344, 0.12344]) == [0.1234, 0.0]
    assert spread([1.0, None]) is None
    assert spread([None]) is None
    assert spread([]) is None


def test_gathered_is_by_method_task_and_metric():
    def scores(f1):
        return {"f1": f1, "n": 7}

    runs = [
        {
            "recognition": scores(f1),
            "forecast": scores(f1 / 2),
            "baselines": {"majority": {"recognition": scores(0.1), "forecast": scores(None)}},
        }
        for f1 in (0.4, 0.6)
    ]
    assert gathered(runs, ("f1",)) == {
        "ours": {"recognition": {"f1": [0.5, 0.1]}, "forecast": {"f1": [0.25, 0.05]}},
        "majority": {"recognition": {"f1": [0.1, 0.0]}, "forecast": {"f1": None}},
    }


@pytest.fixture
def few_draws(monkeypatch):
    monkeypatch.setattr(social_evolution, "RESAMPLES", 200)


def people(rng, number=40, reports=15):
    """Reports of people who are often, or seldom, distressed."""
    user = np.repeat(np.arange(number), reports)
    truth = rng.random(len(user)) < np.where(user % 4, 0.2, 0.7)
    return truth, user


@pytest.mark.usefixtures("few_draws")
def test_bootstrap_of_a_perfect_forecast_and_of_noise():
    rng = np.random.default_rng(0)
    truth, user = people(rng)
    noise = rng.random(len(truth))
    found = _bootstrap(truth, truth + 0.01 * noise, noise, user)
    assert found["auc_ours"] == 1
    assert found["interval"]["ours"] == [1, 1]
    assert found["auc_history_logistic"] == round(roc_auc_score(truth, noise), 4)
    low, high = found["interval"]["history_logistic"]
    assert low < 0.5 < high
    low, high = found["interval"]["difference"]
    assert 0.3 < low < 1 - found["auc_history_logistic"] < high < 0.7


@pytest.mark.usefixtures("few_draws")
def test_bootstrap_draws_people_not_reports():
    """Of twins who say all the same, the interval is that of one report a person: literal draws of whole people."""
    rng = np.random.default_rng(1)
    one = rng.random(30) < 0.4
    ours, rival = one + rng.normal(0, 0.8, 30), rng.random(30)
    user = np.arange(30)
    single = _bootstrap(one, ours, rival, user)
    many = _bootstrap(*(np.repeat(part, 9) for part in (one, ours, rival, user)))
    assert many["interval"] == single["interval"]
    draws, rng = [], np.random.default_rng(0)
    while len(draws) < 200:
        drawn = rng.integers(0, 30, 30)
        if 0 < one[drawn].sum() < 30:
            draws.append(roc_auc_score(one[drawn], ours[drawn]))
    assert single["interval"]["ours"] == np.quantile(draws, [0.025, 0.975]).round(4).tolist()


@pytest.mark.usefixtures("few_draws")
def test_one_and_the_same_forecast_differs_by_nothing():
    truth, user = people(np.random.default_rng(2))
    guess = np.random.default_rng(3).random(len(truth))
    assert _bootstrap(truth, guess, guess, user)["interval"]["difference"] == [0, 0]


def test_without_one_distressed_report_there_is_no_auc():
    user = np.arange(5)
    for truth in (np.zeros(5, bool), np.ones(5, bool)):
        with pytest.raises(BadInput, match="reports of both kinds"):
            _bootstrap(truth, user, user, user)


def test_converted_is_a_log_that_goes_away(tmp_path):
    (tmp_path / "emobank.csv").write_text("id,split,V,A,D,text\nA_1_9,train,3.0,1,5.0,hm\n")
    with converted("emobank", tmp_path) as log:
        assert log.store.counts()["posts"] == 1
        place = Path(log.store.url.removeprefix("sqlite:///"))
        assert place.exists()
    assert not place.parent.exists()
