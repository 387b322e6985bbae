"""Figures as tables: plain ones in one, levels alike in one, the rest under the names of where they stand."""

import json

from emotide.terminal import show_figures

FOUND = {
    "seconds": 3.5,
    "score": [0.25, 0.5],
    "share": {"train": 0.5, "infer": None},
    "startup": {"help": 0.125},
    "tgn": {"ratio": {"a": 2.0, "b": 3}, "memory": {"a": 0.25, "b": 1}},
    "how": {"runs": {"a": 5}},
}


def test_figures_as_tables(capsys):
    show_figures(FOUND, as_json=False)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["value"], ["seconds", "3.5000"], ["score", "[0.25,", "0.5]"], [],
        ["share"], ["value"], ["train", "0.5000"], ["infer", "-"], [],
        ["startup"], ["value"], ["help", "0.1250"], [],
        ["tgn"], ["a", "b"], ["ratio", "2.0000", "3"], ["memory", "0.2500", "1"],
    ]  # fmt: skip


def test_figures_as_json_are_whole(capsys):
    show_figures(FOUND, as_json=True)
    assert json.loads(capsys.readouterr().out) == FOUND
