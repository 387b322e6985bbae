"""`emotide evaluate --json` is exactly the object of DESIGN 5."""

import json

import pytest

CATEGORICAL = {"weighted_f1", "macro_f1", "accuracy", "auc", "nll", "ece", "n"}
DIMENSIONAL = {"ccc", "pearson", "mae", "n"}
BLIND = {"majority", "post_logistic", "lstm", "gru"}
BASELINES = {"hidden": BLIND, "known": BLIND | {"last_label", "history_logistic"}}
TASKS = ("recognition", "forecast")


@pytest.mark.parametrize("reports", ["hidden", "known"])
@pytest.mark.parametrize(("space", "metrics"), [("ekman_neutral", CATEGORICAL), ("pad", DIMENSIONAL)])
def test_the_object_has_the_shape_of_the_contract(command, town, reports, space, metrics):
    told = command(*town.ask("evaluate", "--space", space, "--reports", reports, "--json"))
    assert (told.code, told.err) == (0, "")
    found = told.json
    assert list(found) == ["split", "space", "reports", *TASKS, "baselines", "sets"]
    assert (found["split"], found["space"], found["reports"]) == ("test", space, reports)
    assert set(found["baselines"]) == BASELINES[reports]
    methods = [found, *found["baselines"].values()]
    scores = [method[task] for method in methods for task in TASKS]
    assert all(set(method) == set(TASKS) for method in methods[1:])
    assert all(set(score) == metrics for score in scores)
    assert len({score["n"] for score in scores}) == 1
    assert found["forecast"]["n"] > 0
    for score in scores:
        for name in metrics & {"weighted_f1", "macro_f1", "accuracy", "auc", "ece"}:
            assert 0 <= score[name] <= 1, name
        for name in metrics & {"ccc", "pearson"}:
            assert score[name] is None or -1 <= score[name] <= 1, name
        for name in metrics & {"nll", "mae"}:
            assert score[name] is None or score[name] >= 0, name


def test_the_three_parts_hold_every_labelled_day(command, town):
    labels = [json.loads(line) for line in (town.log / "labels.jsonl").read_text("utf-8").splitlines()]
    days = {(row["user_id"], row["time"][:10]) for row in labels if row["space"] == "ekman_neutral"}
    numbers = [
        command(*town.ask("evaluate", "--split", split, "--no-baselines", "--json")).json["recognition"]["n"]
        for split in ("train", "dev", "test")
    ]
    assert sum(numbers) == len(days)
    assert numbers[0] > 2 * numbers[1] > 0


def test_without_baselines(command, town):
    asked = town.ask("evaluate", "--no-baselines", "--json")
    assert command(*asked).json["baselines"] == {}
    # the space with the most labels is meant where none is named
    assert command(*asked).json["space"] == "ekman_neutral"


def test_known_reports_are_used_and_hidden_ones_are_not(command, town):
    found = {
        reports: command(*town.ask("evaluate", "--reports", reports, "--no-baselines", "--json")).json["forecast"]
        for reports in ("hidden", "known")
    }
    assert found["hidden"]["nll"] != found["known"]["nll"]


def test_people_get_a_table(command, town):
    told = command(*town.ask("evaluate"))
    first, header, *rows, sets, forecast_sets = told.out.splitlines()
    assert first == "split test, space ekman_neutral, reports hidden"
    assert header.split() == ["task", "method", "weighted_f1", "macro_f1", "accuracy", "auc", "nll", "ece", "n"]
    assert [row.split()[:2] for row in rows] == [
        [task, method] for task in TASKS for method in ("emotide", "majority", "post_logistic", "lstm", "gru")
    ]
    assert sets.startswith("recognition: sets for 90% held ")
    assert forecast_sets.startswith("forecast: sets for 90% held ")
