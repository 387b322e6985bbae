"""The parts of the page that need no script: headline, scores, facts, caveats, commands."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from emotide.demo.agreement import influence_ranking, pleasure_correlation
from emotide.demo.content import ReportContent
from emotide.demo.drawing import CHANCE, MOST_DRAWN, stands_out
from emotide.demo.markup import Markup, join, number, table, tag
from emotide.demo.people import MOST_PEOPLE, MOST_STEPS

WHAT = {"recognition": "Recognition", "forecast": "Forecast, one step ahead"}
BETTER = {
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ccc": "concordance",
    "pearson": "Pearson r",
}
ALSO = {
    "auc": "AUC",
    "nll": "negative log-likelihood",
    "ece": "calibration error",
    "mae": "mean absolute error",
    "n": "labels",
}


def headline(content: ReportContent) -> Markup:
    """The figures that say most, as tiles; at most six."""
    tiles = [
        _score_tile(content.evaluation, part, name)
        for part, name in (("recognition", "Feelings now"), ("forecast", "Feelings next"))
    ]
    if not content.influence.is_empty():
        clear = stands_out(content.influence).height
        says = f"of {len(content.influence):,} pairs stand out from {CHANCE}"
        tiles.append(_tile("Influences", f"{clear:,}", says))
    if content.truth is not None:
        r = pleasure_correlation(content.pleasure, content.truth)
        rank = influence_ranking(content.influence, content.truth)
        tiles.append(
            _tile("Pleasure, checked", number(r), "correlation with the truth, all people and days")
            if r is not None
            else None
        )
        says = "chance that a true influence is ranked above a tie without (0.50 is guessing)"
        tiles.append(_tile("Influences, checked", number(rank), says) if rank is not None else None)
    if not content.recommendations.is_empty():
        people = content.recommendations.select("network", "user_id").n_unique()
        tiles.append(_tile("Items offered", f"{len(content.recommendations):,}", f"for {people:,} people"))
    shown = [tile for tile in tiles if tile is not None]
    return (
        tag("div", *shown, class_="tiles")
        if shown
        else missing("There are no figures yet: nothing was evaluated or read.")
    )


def _tile(name: str, value: str, says: str) -> Markup:
    return tag(
        "div",
        tag("p", name, class_="name"),
        tag("p", value, class_="value"),
        tag("p", says, class_="says"),
        class_="tile",
    )


def _score_tile(evaluation: Mapping[str, Any], part: str, name: str) -> Markup | None:
    metric = next((m for m in ("weighted_f1", "ccc") if (evaluation.get(part) or {}).get(m) is not None), None)
    if metric is None:
        return None
    others = {who: (scores.get(part) or {}).get(metric) for who, scores in evaluation.get("baselines", {}).items()}
    known = {who: value for who, value in others.items() if value is not None}
    best = max(known, key=lambda who: known[who]) if known else None
    says = BETTER[metric] + (f"; best baseline, {best.replace('_', ' ')}: {number(known[best])}" if best else "")
    return _tile(name, number(evaluation[part][metric]), says)


def accuracy(evaluation: Mapping[str, Any]) -> Markup:
    """A table of bars for recognition and one for forecast, beside the baselines."""
    parts = [part for part in WHAT if evaluation.get(part)]
    if not parts:
        return missing(
            "Nothing was scored: the log has no labels in its test part, so there is nothing to compare with."
        )
    regime = {"hidden": "earlier reports hidden from everybody", "known": "earlier reports known to everybody"}
    setting = f"Split “{evaluation.get('split', '?')}”, emotion space “{evaluation.get('space', '?')}”, "
    setting += f"{regime.get(str(evaluation.get('reports')), 'reports not stated')}. Longer bars are better."
    return join(
        tag("p", setting, class_="lead"), tag("div", *(_scores(evaluation, part) for part in parts), class_="pair")
    )


def _scores(evaluation: Mapping[str, Any], part: str) -> Markup:
    systems = {"emotide": evaluation[part]}
    systems |= {name: scores[part] for name, scores in evaluation.get("baselines", {}).items() if scores.get(part)}
    metrics = [name for name in BETTER if any(scores.get(name) is not None for scores in systems.values())]
    rows: list[list[object]] = []
    for name, scores in systems.items():
        label = tag("strong", "Emotide") if name == "emotide" else name.replace("_", " ")
        rows.append([label, *(_bar(scores.get(m), [s.get(m) for s in systems.values()], name) for m in metrics)])
    also = [f"{ALSO[m]} {_plain(evaluation[part][m])}" for m in ALSO if evaluation[part].get(m) is not None]
    under = tag("p", f"Emotide also: {', '.join(also)}.", class_="small") if also else None
    return tag("div", table(WHAT[part], ["", *(BETTER[m] for m in metrics)], rows), under)


def _bar(value: float | None, column: list[float | None], system: str) -> Markup:
    best = value is not None and value >= max(v for v in column if v is not None)
    bar = tag(
        "span", class_="bar mine" if system == "emotide" else "bar", style=f"--share:{min(max(value or 0, 0), 1):.3f}"
    )
    return join(bar, tag("b" if best else "span", number(value)))


def _plain(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def facts(content: ReportContent) -> Markup:
    """The facts about the log and the run."""
    if not content.facts:
        return missing("Nothing was noted about the log.")
    pairs = [
        tag("div", tag("dt", name), tag("dd", _plain(v) if not isinstance(v, str) else v))
        for name, v in content.facts.items()
    ]
    return tag("dl", *pairs)


def caveats(content: ReportContent, people: pl.DataFrame) -> Markup:
    """What was not measured, and what the page leaves out."""
    known = content.truth is not None
    says = [
        "This town is simulated: how well it is read says nothing about real people."
        if known
        else "What people truly felt is not known for this log; readings are compared with reported labels only.",
        None if content.evaluation else "The readings were not scored.",
        "An influence is what the network says would change without that neighbour, set against shuffled ties; "
        "it is a sign of cause, not a proof."
        if not content.influence.is_empty()
        else None,
        "Forecasts are drawn without intervals; how far they can be trusted is under Accuracy."
        if content.evaluation
        else None,
        "No recommendation was shown to anybody: the values are estimates from logged feedback."
        if not content.recommendations.is_empty()
        else None,
        f"Only the {MOST_PEOPLE} most active people can be selected." if len(people) >= MOST_PEOPLE else None,
        f"Charts show at most the last {MOST_STEPS} steps of a person; the network at most {MOST_DRAWN} people.",
    ]
    return tag("ul", *(tag("li", line) for line in says if line is not None))


def reproduce(content: ReportContent, version: str) -> Markup:
    """The commands that make the page again."""
    if not content.commands:
        return missing("The commands behind this page were not kept.")
    run = f"Emotide {version}" + (f", seed {content.facts['seed']}" if "seed" in content.facts else "")
    lines = tag("pre", tag("code", "\n".join(content.commands)), tabindex="0", id="commands")
    return join(tag("p", run + ".", class_="lead"), lines, tag("button", "Copy", type="button", id="copy", hidden=""))


def missing(sentence: str) -> Markup:
    """Why a part of the page is empty."""
    return tag("p", sentence, class_="missing")
