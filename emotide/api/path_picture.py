"""Paths of contagion as a picture: who reached a person over how many links."""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import polars as pl

from emotide.errors import BadInput

MOST = 30  # paths that are drawn, the strongest
ARROW = " → "


def draw_paths(paths: pl.DataFrame, user: str, file: Path) -> None:
    """Draw the strongest paths to a person, who stands on the right; those a link away stand next to them.

    The wider an arrow the more came along it in total; it is blue where the paths over it pull the person along, red
    where they push away.

    Args:
        paths: as `Emotide.paths` gives them with `total`.
        user: where they end.
        file: .png, .svg or .pdf.

    Raises:
        BadInput: matplotlib is not here.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BadInput("a picture needs matplotlib: install emotide[plot]", file) from error
    links: dict[tuple[tuple[int, str], tuple[int, str]], list[float]] = defaultdict(lambda: [0.0, 0.0])
    people: dict[int, list[str]] = defaultdict(list)
    people[0].append(user)
    for path, strength, weight in paths.head(MOST).select("path", "strength", "weight").iter_rows():
        chain = list(enumerate(reversed(path.split(ARROW))))
        for nearer, farther in pairwise(chain):
            if farther[1] not in people[farther[0]]:
                people[farther[0]].append(farther[1])
            links[farther, nearer][0] += strength
            links[farther, nearer][1] += strength if weight > 0 else -strength
    at = {(k, name): (-float(k), -(row + 0.5) / len(names)) for k, names in people.items() for row, name in
          enumerate(names)}  # fmt: skip
    figure = Figure(figsize=(3 + 2.5 * len(people), 1.5 + 0.45 * max(map(len, people.values()))), layout="constrained")
    axes = figure.add_subplot(xlim=(0.5 - len(people), 0.5), ylim=(-1, 0))
    axes.set_axis_off()
    most = max((strength for strength, _ in links.values()), default=1.0)
    for (start, end), (strength, sign) in links.items():
        look = {"arrowstyle": "-|>", "linewidth": 0.6 + 4 * strength / most, "shrinkA": 24, "shrinkB": 24,
                "color": "tab:blue" if sign > 0 else "tab:red", "alpha": 0.7}  # fmt: skip
        axes.annotate("", xy=at[end], xytext=at[start], arrowprops=look)
    for (_, name), place in at.items():
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
        axes.text(*place, name, ha="center", va="center", bbox=box, parse_math=False)
    said = f"how moods of others reached {user}" if links else f"nobody's influence on {user} stands out from chance"
    axes.set_title(said, parse_math=False)
    figure.savefig(file)
