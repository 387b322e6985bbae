"""One self-contained page about a log: no network, no other file, and nothing in the log can run in it."""

import base64
import hashlib
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

import polars as pl

from emotide.demo.content import ReportContent
from emotide.demo.drawing import draw_network, top_pairs
from emotide.demo.looking import looking
from emotide.demo.markup import Markup, data_block, join, tag
from emotide.demo.people import chosen_people, page_data
from emotide.demo.sections import accuracy, caveats, facts, headline, missing, reproduce

__all__ = ["ReportContent", "write_report"]


def write_report(path: Path, content: ReportContent) -> None:
    """Write the page, as one HTML file in UTF-8; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(content), "utf-8")


def page(content: ReportContent) -> str:
    """The page: the template's holes filled; the only script that the page allows is ours, by its digest."""
    people = chosen_people(content)
    data = page_data(content, people)
    script, media = _asset("report.js"), looking(content)
    holes = {
        "title": tag("span", content.title),
        "digest": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "style": _asset("report.css"),
        "script": script,
        "data": data_block(data, "data"),
        "headline": headline(content),
        "people": _people(content, data["people"]),
        "influence": _influence(content, people),
        "looking": media or "",
        "looking_link": tag("a", "Looking", href="#looking") if media else "",
        "accuracy": accuracy(content.evaluation),
        "recommendations": _recommendations(content, data["people"]),
        "facts": facts(content),
        "caveats": caveats(content, people),
        "reproduce": reproduce(content, version("emotide")),
    }
    holes["plain_title"] = join(content.title)
    return Template(_asset("report.html")).substitute(holes)


def _asset(name: str) -> str:
    return (files("emotide.demo") / name).read_text("utf-8")


def _picker(people: list[dict[str, object]], name: str) -> Markup:
    """A choice of person; all pickers of the page move together."""
    options = [tag("option", person["name"], value=k) for k, person in enumerate(people)]
    return tag(
        "div",
        tag("label", "Person", for_=name),
        tag("select", *options, id=name, class_="person"),
        tag("button", "‹", type="button", class_="step", data_step="-1", aria_label="Previous person"),
        tag("button", "›", type="button", class_="step", data_step="1", aria_label="Next person"),
        class_="picker",
    )


def _people(content: ReportContent, people: list[dict[str, object]]) -> Markup:
    if content.readings.is_empty() and content.pleasure.is_empty():
        return missing("Nobody was read: the model gave no readings for this log.")
    chart = tag("div", id="chart", tabindex="0", role="slider", aria_label="Step of the person's time line")
    return join(
        _picker(people, "person-1"),
        tag("p", id="now"),
        tag("div", id="legend", class_="legend"),
        tag("p", id="readout", aria_hidden="true"),
        chart,
    )


def _influence(content: ReportContent, people: pl.DataFrame) -> Markup:
    if content.influence.is_empty():
        return missing(
            "No influence was measured: nobody in this log is in touch with anybody, or too little was seen."
        )
    drawing = draw_network(content, people)
    key = tag(
        "div",
        tag("span", tag("i", class_="line up"), "raises pleasure"),
        tag("span", tag("i", class_="line down"), "lowers pleasure"),
        tag("span", "a dot has the colour of what the person feels now; a thicker arrow moves more"),
        class_="legend",
    )
    return join(
        tag("p", drawing.says, class_="lead"), key, tag("figure", drawing.svg), tag("p", id="ties"), top_pairs(content)
    )


def _recommendations(content: ReportContent, people: list[dict[str, object]]) -> Markup:
    if content.recommendations.is_empty():
        return missing("There is nothing to recommend: the log has no items or no feedback to learn from.")
    return join(
        _picker(people, "person-2"),
        tag("div", id="items", class_="scroll", tabindex="0", role="region", aria_label="Recommendations"),
    )
