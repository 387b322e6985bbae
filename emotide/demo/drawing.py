"""The influence network as a picture and as a table."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from emotide.api.influencing import CLEAR
from emotide.demo.agreement import with_true_weight
from emotide.demo.colours import colours_of
from emotide.demo.content import PERSON, ReportContent
from emotide.demo.force_layout import force_layout
from emotide.demo.markup import Markup, join, number, table, tag

MOST_DRAWN = 150  # people
MOST_ARROWS = 200
WHEN_NONE = 40  # arrows, where no pair stands out from chance
CHANCE = f"shuffled ties (q\u00a0≤\u00a0{CLEAR})"
WIDTH, HEIGHT, RADIUS = 760, 560, 9
MARGIN = np.array([52, 36])
LONGEST = 14  # letters of a name in the picture; the whole name shows when pointed at


@dataclass(frozen=True)
class Drawing:
    """A picture and the sentence that says what is in it."""

    svg: Markup
    says: str


def top_pairs(content: ReportContent, most: int = 15) -> Markup:
    """The strongest pairs, with the true weight where the truth is known."""
    rows = content.influence.sort("strength", descending=True).head(most)
    head = ["Who", "moves whom", "strength", "effect on pleasure", "p", "q"]
    if content.truth is not None:
        rows, head = with_true_weight(rows, content.truth), [*head, "true weight"]
    top = float(rows["strength"][0]) or 1.0
    cells: list[list[object]] = []
    for row in rows.iter_rows(named=True):
        bar = tag("span", class_="bar", style=f"--share:{max(row['strength'] / top, 0):.3f}")
        cells.append([row["source_id"], row["target_id"], join(bar, number(row["strength"], 3)), signed(row["effect"])])
        cells[-1] += ["< 0.001" if (p or 1) < 0.001 else number(p, 3) for p in (row["p_value"], row["q_value"])]
        if content.truth is not None:
            cells[-1].append(number(row["true_weight"]) if row["true_weight"] is not None else "no tie")
    return table(f"The {len(rows)} strongest of {len(content.influence)} pairs", head, cells)


def signed(effect: float) -> Markup:
    """A signed effect, with a colour and an arrow."""
    up = effect >= 0
    return tag("span", f"{'▲' if up else '▼'} {number(effect, 3)}", class_="up" if up else "down")


def draw_network(content: ReportContent, people: pl.DataFrame) -> Drawing:
    """The people whom an influence joins, near those who move them, coloured by what they feel now.

    Args:
        content: with influence.
        people: who can be selected, with `person` (of `chosen_people`).
    """
    nodes, arrows, picked = _drawn(content, people)
    index = {(n, u): k for k, (n, u) in enumerate(nodes.select(PERSON).iter_rows())}
    ends = [(index[n, s], index[n, t]) for n, s, t in arrows.select("network", "source_id", "target_id").iter_rows()]
    source, target = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    share = np.sqrt((arrows["strength"] / (arrows["strength"].max() or 1.0)).to_numpy().astype(float))
    place = force_layout(source, target, 0.15 + 0.85 * share, len(nodes))
    place = place * (np.array([WIDTH, HEIGHT]) - 2 * MARGIN) + MARGIN
    lines = [
        _arrow(row, place[s], place[t], s, t, w)
        for row, (s, t), w in zip(arrows.iter_rows(named=True), ends, share, strict=True)
    ]
    dots = [_node(row, place[k], k) for k, row in enumerate(nodes.iter_rows(named=True))]
    svg = tag(
        "svg",
        tag("defs", *(_head(name) for name in ("up", "down"))),
        tag("g", *lines),
        tag("g", *dots),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"Influence network: {len(nodes)} people, {len(arrows)} arrows; a table of the strongest follows",
        id="network",
    )
    return Drawing(svg, picked)


def stands_out(pairs: pl.DataFrame) -> pl.DataFrame:
    """The pairs whose influence is larger than chance gives, counted as `emotide influence --sources` counts them."""
    return pairs.filter(pl.col("q_value") <= CLEAR)


def _drawn(content: ReportContent, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """Who and which pairs are drawn, strongest last, and the sentence about it."""
    pairs = content.influence
    everyone = pl.concat([pairs.select("network", user_id=end) for end in ("source_id", "target_id")]).unique()
    active = everyone.join(_activity(content), on=PERSON, how="left").sort(
        pl.col("activity").fill_null(0), *PERSON, descending=[True, False, False]
    )
    kept = active.head(MOST_DRAWN)
    for end in ("source_id", "target_id"):
        pairs = pairs.join(kept.select("network", "user_id"), left_on=["network", end], right_on=PERSON, how="semi")
    clear = stands_out(pairs)
    arrows = (
        clear.sort("strength", descending=True).head(MOST_ARROWS)
        if len(clear)
        else (pairs.sort("strength", descending=True).head(WHEN_NONE))
    )
    says = (
        f"{_of(len(arrows), len(clear))} pairs whose influence stands out from {CHANCE}"
        if len(clear)
        else f"No pair stands out from {CHANCE}; the {len(arrows)} strongest are drawn"
    )
    if len(active) > len(kept):
        says += f", among the {len(kept)} most active of {len(active)} people"
    touched = pl.concat([arrows.select("network", user_id=end) for end in ("source_id", "target_id")]).unique()
    nodes = kept.join(touched, on=PERSON, how="semi", maintain_order="left")
    nodes = nodes.join(_now(content), on=PERSON, how="left", maintain_order="left")
    nodes = nodes.join(people.select("person", "label", *PERSON), on=PERSON, how="left", maintain_order="left")
    return nodes, arrows.reverse(), says + "."


def _activity(content: ReportContent) -> pl.DataFrame:
    if content.readings.is_empty():
        return pl.DataFrame(schema={"network": pl.String, "user_id": pl.String, "activity": pl.UInt32})
    return content.readings.filter(pl.col("horizon") == 0).group_by(PERSON).agg(pl.len().alias("activity"))


def _now(content: ReportContent) -> pl.DataFrame:
    """network, user_id, feels: the last recognised category."""
    rows = content.probabilities()
    if rows.is_empty():
        return pl.DataFrame(schema={"network": pl.String, "user_id": pl.String, "feels": pl.String})
    seen = rows.filter(pl.col("horizon") == 0).sort("time")
    return seen.group_by(PERSON).agg(pl.col("reading").last().alias("feels"))


def _head(name: str) -> Markup:
    shape = tag("path", d="M0 0 L8 4 L0 8 z")
    size = {"markerWidth": 8, "markerHeight": 8, "refX": 7, "refY": 4, "markerUnits": "userSpaceOnUse"}
    return tag("marker", shape, id=f"head-{name}", class_=f"head {name}", viewBox="0 0 8 8", orient="auto", **size)


def _arrow(row: dict[str, Any], start: np.ndarray, end: np.ndarray, s: int, t: int, share: float) -> Markup:
    """A bent arrow from the edge of one dot to the edge of the other, so that both directions can be seen."""
    sign = "up" if row["effect"] >= 0 else "down"
    along = end - start
    length = max(float(np.hypot(*along)), 1e-6)
    bend = (start + end) / 2 + np.array([-along[1], along[0]]) * 0.12
    tip = end - (end - bend) / max(float(np.hypot(*(end - bend))), 1e-6) * min(RADIUS + 3, length / 3)
    path = f"M{start[0]:.1f} {start[1]:.1f} Q{bend[0]:.1f} {bend[1]:.1f} {tip[0]:.1f} {tip[1]:.1f}"
    name = f"{row['source_id']} → {row['target_id']}: strength {number(row['strength'], 3)}, "
    name += f"effect {number(row['effect'], 3)}"
    return tag(
        "path",
        tag("title", name),
        d=path,
        class_=f"arrow {sign}",
        marker_end=f"url(#head-{sign})",
        stroke_width=f"{0.8 + 3.2 * share:.2f}",
        opacity=f"{0.35 + 0.6 * share:.2f}",
        data_s=s,
        data_t=t,
    )


def _node(row: dict[str, Any], place: np.ndarray, k: int) -> Markup:
    feels = row["feels"]
    colour = colours_of([str(feels)])[0] if feels else "#a3a7ad"
    x, y = (f"{value:.1f}" for value in place)
    return tag(
        "g",
        tag("title", f"{row['user_id']}: {feels}" if feels else str(row["user_id"])),
        tag("circle", cx=x, cy=y, r=RADIUS, fill=colour),
        tag("text", _short(str(row["user_id"])), x=x, y=f"{place[1] - RADIUS - 4:.1f}"),
        class_="node",
        data_k=k,
        data_person=row["person"],
    )


def _of(some: int, everything: int) -> str:
    return f"All {some}" if some == everything else f"The {some} strongest of {everything}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
