"""The report of all claims: its keys are those of the claims, its rows all figures."""

import json

import pytest

from emotide.bench import BENCHES, network
from emotide.bench.bench import Bench, Composite
from emotide.bench.kept import Runner

SCORES = {"recognition": {"weighted_f1": [0.5, 0.1], "macro_f1": [0.4, 0.1], "n": [9.0, 0.0]}}
SCORES["forecast"] = SCORES["recognition"]


def test_parts_are_benches_that_there_are():
    found = BENCHES["network"]
    assert isinstance(found, Composite)
    assert {"meld", "ablation", "factor_graph"} <= set(found.parts)
    assert all(found.parts[name] is BENCHES[name] for name in found.parts)
    assert set(network.composite({"meld": BENCHES["meld"], "ingest": BENCHES["ingest"]}).parts) == {"meld"}


def test_figures_are_under_the_names_of_their_claims():
    found = network.joined({
        "meld": {
            "hidden": {"ours": SCORES, "lstm": SCORES},
            "known": {"ours": SCORES, "last_label": SCORES},
            "calibration": {"ece": {"recognition": {"before": [0.2, 0.0], "after": [0.03, 0.0]}}},
        },
        "influence": {"influence_auc": [0.9, 0.0], "influence_null_auc": [0.5, 0.0], "more": 1},
        "memory": {"adding": 1},
        "spaces": {"polarity_gap": 1},
        "shortcuts": {"depth": {"4": {"none": [0.1, 0.0]}}, "gradient": {}},
        "factor_graph": {"town": {}},
    })  # fmt: skip
    assert found["meld"]["recognition_weighted_f1"] == {"ours": [0.5, 0.1], "lstm": [0.5, 0.1]}
    assert found["meld"]["known"]["forecast_weighted_f1"] == {"ours": [0.5, 0.1], "last_label": [0.5, 0.1]}
    assert (found["influence_auc"], found["influence_null_auc"]) == ([0.9, 0.0], [0.5, 0.0])
    assert found["ece"] == [0.03, 0.0]
    assert found["long_memory"] == {"adding": 1}
    assert found["space_transfer"] == {"polarity_gap": 1}
    assert found["shortcuts"] == {"4": {"none": [0.1, 0.0]}, "gradient": {}}
    assert "factor_graph" in found


@pytest.fixture
def reported(tmp_path):
    figures = {"data": "a | b", "seeds": [0], "town": {"auc": [0.91234, 0.001], "none": None, "picked": [1, 2, 3]}}
    bench = Bench("one", None, lambda data, seeds, say, progress: figures)
    runner = Runner(tmp_path, [0], lambda line: None, lambda done, total, what: None, tmp_path / "out")
    found = runner.figures("network", Composite("all", {"ingest": bench}, network.joined, True))
    network.report(tmp_path / "out", found, runner)
    return tmp_path / "out", figures


def test_the_report_has_everything(reported):
    out, figures = reported
    whole = json.loads((out / "report.json").read_text())
    assert whole["ingest"] == figures
    assert whole["runs"]["ingest"]["seeds"] == [0]
    assert {"seconds", "machine", "version"} <= set(whole["runs"]["ingest"])
    text = (out / "report.md").read_text()
    assert "## ingest" in text
    assert "Seeds 0; 0 s; " in text
    assert "| town · auc | 0.9123 ± 0.0010 |" in text
    assert "| town · none | – |" in text
    assert "| town · picked | 1, 2, 3 |" in text
    assert r"| data | a \| b |" in text
    assert "| seeds |" not in text
