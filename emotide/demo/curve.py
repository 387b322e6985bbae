"""The part of the page about looking at parts of files alone: what is still read, and what is saved."""

import polars as pl

from emotide.demo.markup import Markup, join, number, table, tag

WIDTH, HEIGHT, MARGIN = 480, 200, 34
LINES = {"recognition": "right now", "forecast": "right next", "time": "time it takes"}
COLOURS = {"recognition": "#2b6cb0", "forecast": "#b7791f", "time": "#718096"}


def curve(inside: pl.DataFrame) -> Markup | None:
    """How well people are read at each share of the parts; nothing where that was not asked."""
    if inside.is_empty():
        return None
    rows = inside.with_columns(time=1 / pl.col("time_ratio")).sort("share")
    cells: list[list[object]] = [
        [f"{100 * row['share']:.0f} %", f"{100 * row['skipped']:.0f} %", f"{100 * row['time']:.0f} %",
         number(row["recognition"]), number(row["forecast"])]
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
    head = ["Looked at", "parts skipped", "time, of that for all", "recognition", "forecast"]
    return join(
        tag("h3", "Looking at parts alone"),
        tag("p", "Of every picture, sound and clip of the days that are tested, only the regions, segments and frames "
            "that a cheap look tells to matter for the code were decoded at full size and encoded.", class_="lead"),
        tag("figure", _drawn(rows), tag("figcaption", _key())),
        table("What is read, and what it takes, at each share of the parts", head, cells),
    )  # fmt: skip


def _drawn(rows: pl.DataFrame) -> Markup:
    """Lines over the share looked at, 0 to 1 both ways; time may be more, where looks cost more than they save."""
    top = max(1.0, float(rows["time"].max() or 1.0))  # type: ignore[arg-type]

    def at(share: int | float, value: int | float) -> str:
        x = MARGIN + share * (WIDTH - 2 * MARGIN)
        return f"{x:.1f},{HEIGHT - MARGIN - value / top * (HEIGHT - 2 * MARGIN):.1f}"

    lines = [
        tag(
            "polyline",
            points=" ".join(at(*pair) for pair in zip(rows["share"], rows[name].fill_null(0), strict=True)),
            fill="none", stroke=COLOURS[name], stroke_width=2, stroke_dasharray="4 3" if name == "time" else None,
        )
        for name in LINES
    ]  # fmt: skip
    axes = [tag("polyline", points=" ".join((at(0, top), at(0, 0), at(1, 0))), fill="none", stroke="currentColor")]
    ticks = [
        tag("text", f"{share:.0%}".replace("%", " %"), x=at(share, 0).split(",")[0], y=HEIGHT - 12,
            text_anchor="middle", font_size=11, fill="currentColor")
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]  # fmt: skip
    says = "Accuracy and time over the share of parts that are looked at; the table below has the figures"
    return tag("svg", *axes, *ticks, *lines, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=says)


def _key() -> Markup:
    keys = []
    for name, says in LINES.items():
        keys += [tag("span", "━ ", style=f"color:{COLOURS[name]}"), f"{says}   "]
    return join(*keys)
