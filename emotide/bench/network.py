"""All that is claimed of the network, measured in one go: one JSON, and one Markdown report."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from emotide.bench.bench import Bench, Composite
from emotide.bench.kept import Runner, write

PARTS = (
    "meld", "meld_tuned", "cped", "semi", "memory", "shortcuts", "factor_graph", "influence", "spaces", "behaviour",
    "social_evolution", "fanchuan", "ablation",
)  # fmt: skip
TASKS = ("recognition", "forecast")


def composite(benches: Mapping[str, Bench | Composite]) -> Composite:
    """The parts of the network's claims among the benches there are."""
    parts = {name: benches[name] for name in PARTS if name in benches}
    return Composite("all of the network's claims; with --out a report, and what is there is kept", parts, joined, True)


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """The figures under the names of their claims; a bench that has none of its own is under its name."""
    out: dict[str, Any] = {}
    for name, figures in found.items():
        out.update(CLAIMS[name](figures) if name in CLAIMS else {name: figures})
    return out


def _meld(figures: dict[str, Any]) -> dict[str, Any]:
    """`{"meld": {"recognition_weighted_f1": {METHOD: [mean, sd]}, …, "known": {…}}, "ece": …}`."""
    by_regime = {
        reports: {
            f"{task}_{metric}": {method: scores[task][metric] for method, scores in figures[reports].items()}
            for task in TASKS
            for metric in ("weighted_f1", "macro_f1")
        }
        for reports in ("hidden", "known")
    }
    honest = figures["calibration"]
    return {
        "meld": {**by_regime["hidden"], "known": by_regime["known"]},
        "ece": honest["ece"]["recognition"]["after"],
        "calibration": honest,
    }


def _influence(figures: dict[str, Any]) -> dict[str, Any]:
    return {"influence_auc": figures["influence_auc"], "influence_null_auc": figures["influence_null_auc"],
            "influence": figures}  # fmt: skip


def _shortcuts(figures: dict[str, Any]) -> dict[str, Any]:
    """`{"shortcuts": {DEPTH: {PLAN: error}}}`, and beside the depths what else was measured."""
    return {"shortcuts": {**figures["depth"], **{name: one for name, one in figures.items() if name != "depth"}}}


CLAIMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "meld": _meld,
    "shortcuts": _shortcuts,
    "memory": lambda figures: {"long_memory": figures},
    "spaces": lambda figures: {"space_transfer": figures},
    "influence": _influence,
}


def report(folder: Path, figures: dict[str, Any], runner: Runner) -> None:
    """Write `report.json` and `report.md`: data, seeds, means, spreads, times, machine."""
    runs = {name: {key: one for key, one in record.items() if key != "figures"} for name, record in
            runner.records.items()}  # fmt: skip
    write(folder / "report.json", json.dumps({**figures, "runs": runs}, indent=1))
    write(folder / "report.md", "\n".join(_markdown(runner)) + "\n")


def _markdown(runner: Runner) -> Iterator[str]:
    yield "# The network, measured"
    for name, record in runner.records.items():
        yield from ("", f"## {name}", "")
        seeds = ", ".join(map(str, record["seeds"]))
        machine = ", ".join(f"{key} {value}" for key, value in record["machine"].items())
        yield f"Seeds {seeds}; {record['seconds']:.0f} s; {machine}; code {record['version']}."
        rows = list(_rows(record["figures"]))
        yield from ("", "| figure | value |", "| --- | --- |") if rows else ()
        for path, value in rows:
            yield f"| {' · '.join(path)} | {value} |"


def _rows(figures: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every leaf with the way to it; [mean, sd] as mean ± sd."""
    if isinstance(figures, dict):
        for key, value in figures.items():
            if key != "seeds":
                yield from _rows(value, (*path, str(key)))
    elif isinstance(figures, list) and len(figures) == 2 and all(isinstance(value, float) for value in figures):
        yield path, f"{figures[0]:.4f} ± {figures[1]:.4f}"
    elif isinstance(figures, list):
        yield path, ", ".join(_plain(value) for value in figures)
    else:
        yield path, _plain(figures)


def _plain(value: Any) -> str:
    shown = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return shown.replace("|", "\\|").replace("\n", " ")
